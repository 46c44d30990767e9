"""Whether what a model returned is a rewritten question: a rewriter sometimes answers, apologises or translates."""

from __future__ import annotations

import re

from rag.text.language import UNDETERMINED, detect_language, has_cjk
from rag.text.tokens import content_terms, count_tokens

_LABEL = re.compile(
    r"^(?:the\s+)?(?:standalone|stand-alone|rewritten|contextualized|reformulated|final)?\s*question"
    r"(?:\s+on its own)?\s*[:：]\s*"
    r"|^(?:独立的?|改写后的?)?问题\s*[:：]\s*",
    re.IGNORECASE,
)
_QUOTES = "\"'“”‘’「」『』«»`* "
_QUESTION_WORD = re.compile(
    r"^(?:and |but |so |also |then |or |in |on |at |for |of |to |with |from |by |about |under |during |besides |"
    r"apart from |according to |if |when |given |between )*"
    r"(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|am|do|does|did|can|could|will|would|shall|should|"
    r"may|might|must|has|have|had|isn't|aren't|doesn't|don't|didn't|can't)\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"^(?:please |can you |could you )*(?:tell|explain|describe|list|show|give|name|compare|define|summari[sz]e|find|"
    r"elaborate|discuss|provide|write|help|i (?:want|need|would|am)|i'm|i'd|more)\b|"
    r"^(?:请|解释|介绍|说明|列出|比较|告诉|描述|总结)",
    re.IGNORECASE,
)
_CHINESE_QUESTION = re.compile(
    "什么|怎么|怎样|如何|为何|为什么|哪|谁|几|多少|多大|多久|是否|是不是|能否|有没有|吗|呢|请问"
)
_TALK = re.compile(
    r"^(?:sorry|i'm sorry|i am sorry|i apologi[sz]e|i don't|i do not|i cannot|i can't|as an ai|unfortunately|"
    r"sure|certainly|of course|"
    r"yes\b|no,|here is|here's|based on|according to the (?:document|text|conversation)|the (?:answer|documents?)\b|"
    r"抱歉|对不起|很抱歉|当然|好的|是的|不是，|根据(?:文档|对话|上文)|答案|答：)",
    re.IGNORECASE,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKER = re.compile(r"[\[【]\s*\d+\s*[\]】]")


def accepted_rewrite(question: str, reply: str) -> str | None:
    """The rewritten question in a model's reply, or None when it cannot be used and the original must serve.

    Refused: nothing, several paragraphs, an answer or an apology, another language, far more than was asked.
    """
    rewrite = _unwrapped(reply)
    if not rewrite or "\n" in rewrite or _MARKER.search(rewrite):
        return None
    if count_tokens(rewrite) > 60 + 3 * count_tokens(question) or _changed_language(question, rewrite):
        return None
    if _TALK.search(rewrite) and not _TALK.search(question):
        return None
    if looks_like_question(question) and not looks_like_question(rewrite):
        return None
    return rewrite if content_terms(rewrite) else None


def looks_like_question(text: str) -> bool:
    """Whether `text` asks: by its mark, its first words, or Chinese question words; requests count."""
    text = text.strip()
    if text.rstrip(_QUOTES).endswith(("?", "？", "؟")) or _QUESTION_WORD.match(text) or _REQUEST.match(text):
        return True
    return has_cjk(text) and _CHINESE_QUESTION.search(text) is not None


def _unwrapped(reply: str) -> str:
    """Without labels, quotation marks and space around it, and without the control characters no question may have."""
    text = _CONTROL.sub("", reply).strip().strip(_QUOTES)
    return _LABEL.sub("", text).strip(_QUOTES).strip()


def _changed_language(question: str, rewrite: str) -> bool:
    if has_cjk(question) != has_cjk(rewrite) and not (has_cjk(rewrite) and _mostly_latin(rewrite)):
        return True
    languages = {detect_language(question), detect_language(rewrite)} - {UNDETERMINED}
    return len(languages) > 1 and not _similar(question, rewrite)


def _mostly_latin(text: str) -> bool:
    return sum(character.isascii() for character in text) > 0.7 * len(text)


def _similar(question: str, rewrite: str) -> bool:
    """Short texts mislead a language detector; most of the words being the same settles it."""
    asked = set(content_terms(question))
    return bool(asked) and len(asked & set(content_terms(rewrite))) >= 0.5 * len(asked)
