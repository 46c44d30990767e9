"""Whether a sentence of an answer states a fact, and so owes the reader a source."""

from __future__ import annotations

import re

from rag.citations.statement import Statement
from rag.text.han_variants import simplified

_HEADING = re.compile(r"\s*(?:#{1,6}\s|\*\*[^*]+\*\*[:：]?\s*\Z|[-=*_]{3,}\s*\Z)")
_BULLET = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)、])\s")
_ASKS = re.compile(r"[?？][\"'”’」』)）]*\s*\Z")
_ENDS = re.compile(r"[.!?。！？…][\"'”’」』)）*]*\s*\Z")
_SPEAKS_OF_ITSELF = re.compile(
    r"\s*(?:hello|hi|hey|sure|certainly|of course|thanks|thank you|you'?re welcome|great question|sorry|unfortunately"
    r"|i (?:hope|am|'m|could|can|can't|cannot|do not|don't|did not|didn't|was unable|apologi[sz]e|would|will|have no)"
    r"|i'm |let me|please|here (?:is|are)|below (?:is|are)|in summary[:,]?\s*\Z|note that i"
    r"|let's|if you (?:need|want|have|would)|feel free|good (?:morning|day|evening))\b",
    re.IGNORECASE,
)
_SAYS_NOTHING_FOUND = re.compile(
    r"(?:documents?|sources?|pages?|passages?|context|information|text|excerpts?|none of the\w*)\b[^.]{0,60}?\b"
    r"(?:do(?:es)? not|don't|doesn't|did not|didn't|is not|isn't|are not|aren't|no\b|cannot|can't|nothing|lacks?"
    r"|without|not )"
    r"|\b(?:no|not enough|insufficient) (?:\w+ ){0,2}(?:information|documents?|answers?|mention|evidence|context)\b"
    r"|\b(?:cannot|can't|could not|couldn't|unable to) (?:\w+ ){0,2}(?:answer|find|determine|tell|say)\b"
    r"|\b(?:do not|don't) (?:\w+ )?know\b"
    r"|(?:文档|文件|资料|来源|页面|上下文|材料|信息|内容)[^。]{0,20}(?:没有|未|不|无法)"
    r"|(?:没有|未能?|无法|不能)[^。]{0,8}(?:找到|回答|确定|提供|得知|提及|说明|相关)|不知道|信息不足|抱歉|对不起|很遗憾",
    re.IGNORECASE,
)
_CHINESE_COURTESY = re.compile(r"\s*(?:你好|您好|好的|当然|请问|谢谢|不客气|希望|以下是|下面是|如果您|如果你|请)")
_INTRODUCES = re.compile(r"[:：]\s*\Z")
_FEWEST_WORDS = 2
_LONGEST_HEADING = 8


def states_a_fact(sentence: str, statement: Statement) -> bool:
    """False for questions, headings, lead-ins that end in a colon, courtesies, and for saying that nothing was found.

    Args:
        sentence: as it stands in the answer, without markers.
        statement: the same, read.
    """
    if len(statement.content) < _FEWEST_WORDS:
        return False
    sentence = simplified(sentence)
    if _HEADING.match(sentence) or _ASKS.search(sentence) or _INTRODUCES.search(sentence):
        return False
    if not _ENDS.search(sentence) and not _BULLET.match(sentence) and _is_short(statement):
        return False
    spoken = _SPEAKS_OF_ITSELF.match(sentence) or _CHINESE_COURTESY.match(sentence)
    return not spoken and not says_nothing_found(sentence)


def says_nothing_found(text: str) -> bool:
    """Whether a text says that the documents hold no answer, or that none can be given."""
    return _SAYS_NOTHING_FOUND.search(simplified(text)) is not None


def _is_short(statement: Statement) -> bool:
    """A line of few words and no number: a heading without a sign of it."""
    words = len(statement.items)
    chinese = sum(item.kind == "cjk" for item in statement.items)
    return words - chinese + chinese // 2 <= _LONGEST_HEADING and not statement.quantities
