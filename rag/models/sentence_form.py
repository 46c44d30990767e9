"""How a sentence is built, for questions that ask for an explanation: what something is, how it works, why it is so.

Such a question shares its few words with many sentences; the one that explains differs from side remarks by its form:
it begins with the thing asked for and says what that is, it stands first under a heading that names it, it tells what
to do. A question for a name, a date or a number is answered by sentences of any form, and is left alone.
"""

from __future__ import annotations

import re
from itertools import islice

from rag.models.candidates import Candidate
from rag.models.question import Question, is_distinctive
from rag.text.tokens import content_terms, search_terms

FORM_FEATURES = ("opens", "defines", "introduces", "instructs", "aside")

_VERBS_READ = 3
_INTRODUCING = (1.0, 0.5, 0.25)
"""What being the first, second and third usable sentence of a document is worth."""
_ANNOUNCES = 0.4
"""How much of a remark it is to speak of the page, or of another one, where a fact is asked for."""
_INTRODUCED, _WEAK = 0.6, 0.4
"""What it is worth to give a source or a short form for a term, and to say anything of it, beside a definition."""

_NUMBERING = re.compile(r"^[\d.、]+\s*")
_PARENTHESES = re.compile(r"\s*[(（][^()（）]*[)）]")
_SOURCE = re.compile(
    r"\s?[(（](?:[^()（）]*\b(?:19|20)\d\d|[A-Z][\w-]{1,9}[)）;,，；]|[A-Z][a-z]+ [a-z ]+[)），]|简称)"
)
_SAYS_WHAT = re.compile(
    r"\b(?:is|are|was|were) (?:(?:also|simply|basically|just|usually|often|generally|essentially) )?"
    r"(?:an?|the|one of|when|how|to|any|defined|designed|used|short for|based on|where|that)\b"
    r"|\b(?:means?|refers? to|denotes?|stands? for|describes?|consists? of|aims? (?:to|at)|defined as|states? that)\b"
    r"|\bare (?!more|less|also|not|very)[a-z]+\b|是[一指]|[是就]指|指的是|就是|即|定义为|意味着|用来|用于",
    re.IGNORECASE,
)
_SAYS_SOMETHING = re.compile(
    r"\b(?:is|are|was|were|can|has|have|does|\w{3,}(?:s|ed))\b|是|有|把|将|让|会", re.IGNORECASE
)
_GIVES_NAME = re.compile(
    r"(?:\b(?:known as|called|named|termed|referred to as|dubbed)\b|称为|叫做|称作|称之为)[\s\"“'‘「]*(.{2,60})",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^(?:(?:first|then|next|finally|now|to [a-z]+ [^,]{2,60}),? )?(?:use|run|set|add|call|give|pass|install|start|type"
    r"|write|make|put|copy|open|press|choose|select|click|create|download|enter|name|raise|keep|send|load|import|try)\b"
    r"|^to [a-z]+ |\byou (?:can|may|should|need)\b|\bbutton\b"
    r"|^(?:先|再|用|运行|使用|通过|把|将|执行|设置|若要|要)|可以|即可|只要",
    re.IGNORECASE,
)
_MEANS = re.compile(
    r"\b(?:by|with|using|via|through) (?:[a-z-]+ly )?[a-z-]+ing\b|^to [a-z]+ |^(?:first|then|next|given)\b"
    r"|\bsteps?\b|\bin order to\b|通过|利用|首先|步骤|方法是",
    re.IGNORECASE,
)
_PICTURED = (
    "illustrations?|overview|algorithms?|architecture|set-?up|workflow|diagram|comparison|framework|structure"
    "|pseudo ?code|visuali[sz]ation|examples?|screenshot|plots?|results?|demonstration"
)
_CAPTION = re.compile(
    r"^(?:fig(?:ure|\.)?|table|图|表) ?\d|^(?:\((?:left|right|top|bottom|middle)\)|(?:left|right|top|bottom|middle):)"
    r"|\((?:image|figure|photo|picture) (?:source|credit|adapted)|\b(?:image|photo) (?:source|credit):|图片来源"
    r"|^(?:an? |the )?illustration of\b",
    re.IGNORECASE,
)
_PICTURE = re.compile(rf"^(?:an? |the )?(?:[\w-]+ ){{0,3}}(?:{_PICTURED}) (?:of|for|from|in|on)\b", re.IGNORECASE)
_TITLE = re.compile(r"^(?:how [^,?]* works?\.$|[“\"].*[”\"]\.?$)", re.IGNORECASE)
_BESIDE = re.compile(r",? (?:where|which|in which)\b.*|\([^()]*\)")
"""What only describes a thing that was named: a verb in it makes no statement."""
_STATES = re.compile(r"\b(?:is|are|was|were|has|have|can|will|shows?|suggests?|indicates?|implies|demonstrates?)\b")
_STATES_FACT = re.compile(rf"{_STATES.pattern}|\b[a-z]+ed\b|\b(?:came|made|gave|took|led|won|left|rose|fell|began)\b")
_REFERENCES = re.compile(r"^(?:references?|citations?|bibliography|参考文献|参考资料|参考)$", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"\b(?:next|previous|following|last|later|earlier|this|above) "
    r"(?:section|(?:blog )?post|blog|chapter|article|page|tutorial|lesson)s?\b"
    r"|\bsee (?:also|above|below|the|my|more|this|section|fig)\b|\bas follows\b|\bcheck (?:out|this|my)\b"
    r"|\b(?:we|i) (?:will|would|shall|are going to|have (?:seen|discussed)|discussed|talked)\b"
    r"|\bwe['’]ll\b|\blet['’]?s\b|\blet us\b|\bwant to (?:learn|know|read)\b|\byou may (?:ask|wonder)\b"
    r"|如下|见下|下文|上文|下一[节章篇]|上一[节章篇]|本文|本页|请看|参见",
    re.IGNORECASE,
)
_THIS_ONE = re.compile(r"(?:this|these) ([\w-]+(?: [\w-]+)?)", re.IGNORECASE)
_DANGLING = re.compile(
    r"^(?:this|that|these|those|it|its|they|their|he|she|such|both|here|there|however|but|and|so|also|thus|therefore"
    r"|hence|moreover|furthermore|besides|instead|otherwise|similarly|then|in addition|in contrast|in this|for example"
    r"|for instance|e\.g\.|on the other hand|as a result|again|similar|another|other|recall|note|i|my)\b"
    r"|^(?:这|那|它|他|她|其|此|该|但|而|因此|所以|另外|然而|不过|例如|比如|同样|于是|然后|并且|接下来|上面|下面|我)",
    re.IGNORECASE,
)


def form_features(question: Question, candidate: Candidate) -> tuple[float, ...]:
    """`FORM_FEATURES` of a sentence, each from 0 to 1; only remarks count where no explanation is asked for."""
    text = candidate.text
    if not question.explains:
        aside = 1.0 if _is_caption(text, _STATES_FACT) else _ANNOUNCES * bool(_ELSEWHERE.search(text))
        return (0.0, 0.0, 0.0, 0.0, aside)
    opens = defines = 0.0
    dangling = (question.asks_what or question.is_for_the_reader) and _dangles(question.subject, text)
    if question.asks_what:
        opens = _opens(question.subject, text)
        defines = max(_defines(question.subject, text), _names(question.subject, text))
    return (
        opens,
        defines,
        _introduces(question.subject, candidate),
        _instructs(question, candidate),
        1.0 if is_label(candidate) else 0.6 * bool(_ELSEWHERE.search(text)) + 0.4 * dangling,
    )


def _dangles(subject: frozenset[str], text: str) -> bool:
    """Whether it begins with a word that stands for something said before; "this tokenizer" is the one asked for."""
    begun = _DANGLING.match(text)
    named = _THIS_ONE.match(text)
    return begun is not None and not (named and subject.intersection(search_terms(named[1])))


def _instructs(question: Question, candidate: Candidate) -> float:
    """Whether it tells or shows what to do, or by what means something is done."""
    if question.form != "method":
        return 0.0
    told = question.is_for_the_reader and (candidate.example or _INSTRUCTION.search(candidate.text))
    return 1.0 if told else 0.5 * bool(_MEANS.search(candidate.text))


def is_label(candidate: Candidate) -> bool:
    """Whether it is a caption, a bare title or an entry of a list of references, and states nothing."""
    text, section = candidate.text, candidate.document.section
    if _is_caption(text, _STATES) or (section and _REFERENCES.match(section[-1].strip(" :："))):
        return True
    return _TITLE.match(text) is not None and _STATES.search(text) is None


def _is_caption(text: str, states: re.Pattern[str]) -> bool:
    """Whether it only says what a picture or a table shows."""
    if _CAPTION.search(text):
        return True
    return _PICTURE.match(text) is not None and states.search(_BESIDE.sub("", text)) is None


def _opens(subject: frozenset[str], text: str) -> float:
    """How much of the subject stands at the very beginning."""
    opening = _telling_terms(_PARENTHESES.sub("", text))[: len(subject) + 1]
    return _share(subject, opening)


def _defines(subject: frozenset[str], text: str) -> float:
    """How much of the subject, with little else, stands before words that say what it is."""
    plain = _PARENTHESES.sub("", text)
    return max(
        _stands_before(_SAYS_WHAT, subject, plain),
        _INTRODUCED * _stands_before(_SOURCE, subject, text),
        _WEAK * _stands_before(_SAYS_SOMETHING, subject, plain),
    )


def _stands_before(verb: re.Pattern[str], subject: frozenset[str], text: str) -> float:
    """How much of the subject, and how little else, stands before one of the verbs."""
    best = 0.0
    for found in islice(verb.finditer(text), _VERBS_READ):
        before = _telling_terms(text[: found.start()])
        shared = len(subject.intersection(before))
        best = max(best, shared / len(subject) * shared / len(before) if before and subject else 0.0)
    return best


def _names(subject: frozenset[str], text: str) -> float:
    """How much of the subject is the name that the sentence gives to what it describes."""
    named = _GIVES_NAME.search(text)
    return _share(subject, search_terms(named[1])[: len(subject) + 2]) if named else 0.0


def _introduces(subject: frozenset[str], candidate: Candidate) -> float:
    """How near it is to the beginning under a heading, or on a page, that names the subject and little else."""
    document = candidate.document
    named = document.section[-1] if document.section else document.title
    heading = set(_telling_terms(_NUMBERING.sub("", named)))
    if candidate.nth >= len(_INTRODUCING) or not heading or not subject:
        return 0.0
    shared = len(subject & heading)
    return shared / len(heading) * (0.5 + 0.5 * shared / len(subject)) * _INTRODUCING[candidate.nth]


def _telling_terms(text: str) -> list[str]:
    return list(filter(is_distinctive, content_terms(text)))


def _share(subject: frozenset[str], terms: list[str]) -> float:
    return len(subject.intersection(terms)) / (len(subject) or 1)
