"""What a question asks for: its words, its names and numbers, and the kind of thing that answers it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from rag.text.language import has_cjk
from rag.text.tokens import is_stop_term, search_terms

Pair = tuple[str, str]

_KINDS: tuple[tuple[str, str], ...] = (
    ("money", r"how much (?:money|did|does|was|is|would|were)\b|\bcosts?\b|\bprice|多少钱|多少.?元"),
    ("share", r"percent|百分"),
    (
        "number",
        r"how (?:many|much|long|old|far|large|big|tall|high|often|fast|deep|wide|heavy)\b|(?:what|which) number",
    ),
    ("number", r"\bpopulation\b|多少|多长|多大|多久|多高|多远|几"),
    ("year", r"(?:what|which) (?:year|decade|century)|哪一?年|何年"),
    ("time", r"\bwhen\b|(?:what|which) (?:date|day|month|time)\b|什么时候|何时|哪一?[天月日]"),
    ("name", r"\bwho(?:m|se)?\b|谁|哪位|何人|什么人"),
    ("name", r"\bwhere\b|(?:what|which) (?:city|country|state|place|region|town)\b|哪里|哪儿|何处|什么地方"),
    ("name", r"哪个(?:城市|国家|地区|州|省)"),
    ("reason", r"\bwhy\b|what (?:caused|reason)|为什么|为何|原因"),
)
_KIND_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _KINDS)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_NUMBERS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred|"
    "thousand|million|billion|half|third|quarter|dozen|once|twice"
)
_YEAR = r"\b1\d{3}\b|\b20\d\d\b|\b\d{1,4} ?(?:BCE?|AD|CE)\b|\b\d{3,4}s\b|年|世纪"
_CUES = {
    "money": re.compile(r"[$€£¥]|\b(?:dollar|euro|pound|cent)s?\b|元", re.IGNORECASE),
    "share": re.compile(r"%|percent|per cent|百分", re.IGNORECASE),
    "number": re.compile(rf"\d|\b(?:{_NUMBERS})\b|[一二三四五六七八九十百千万两]", re.IGNORECASE),
    "year": re.compile(_YEAR),
    "time": re.compile(rf"{_YEAR}|\b(?:{_MONTHS})\b|\b\d{{1,2}}(?:st|nd|rd|th)\b|centur|decade|[月日]", re.IGNORECASE),
    "reason": re.compile(
        r"\b(?:because|due to|since|so that|in order to|as a result|results?|caus\w+|reasons?)\b"
        r"|因为|由于|因此|为了|导致",
        re.IGNORECASE,
    ),
}
_DEFINITION = re.compile(
    r"^(?:what(?:['’]s| is| are)|define|explain|describe"
    r"|what (?:does|do)(?=.*\b(?:means?|do)\b))\s+(?:meant by )?"
    r"|^(?:请?解释(?:一下)?)?(?:什么是|什么叫|何谓|何为)|(?:是什么|指什么|是指什么)(?:意思)?[?？]?$",
    re.IGNORECASE,
)
_METHOD = re.compile(r"^how (?:do|does|can|could|should|is|are|to|would)\b|怎[么样]|如何|怎么办", re.IGNORECASE)
_FOR_THE_READER = re.compile(r"^how (?:(?:do|can|could|should|would) (?:i|we|you|one)|to)\b|^怎|^如何", re.IGNORECASE)
_WORKS = re.compile(r"\bwork(?:s|ing)?\W*$|工作|原理|是怎[么样]", re.IGNORECASE)
_OF_SOMETHING = re.compile(
    r"\b(?:name|number|amount|term|title|date|type|kind|percentage|population|capital|word|year|age|size|length|cost"
    r"|more|less|than|basis"
    r"|largest|smallest|biggest|first|last|most|only|main|other|another|one|two|three|some|that|which|who|whose)\b"
    r"|\b(?:called|known|named|to|of|by|for|with|from|in|as|about)\W*$"
    r"|\b(?:an?|the)\b.*['’]s\b|e[dn] to\b|名字|名称|[第最的]",
    re.IGNORECASE,
)
_MOST_DEFINED = 5
_BEYOND_SUBJECT = re.compile(r"\b(?:in|for|on|with|at|by|from|without|within|as|among|when|during)\b", re.IGNORECASE)
_ASKING = frozenset({"work", "mean", "defin", "explain", "describ", "什么", "怎么", "怎样", "如何", "工作", "实现"})
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]+|\w+·\w+")
_KEY = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w’'.-]*|\b\w*\d\w*|[\"“']([^\"”']+)[\"”']")


def is_distinctive(term: str) -> bool:
    """False for a single Chinese character, which matches by chance."""
    return len(term) > 1 or not has_cjk(term)


def pairs_of(terms: list[str]) -> set[Pair]:
    """Neighbouring distinctive terms: two words in the same order, three Chinese characters in a row."""
    return set(pairwise(filter(is_distinctive, terms)))


@dataclass(frozen=True)
class Question:
    """A question as the extractive answerer reads it."""

    text: str

    @cached_property
    def all_terms(self) -> frozenset[str]:
        return frozenset(search_terms(self.text))

    @cached_property
    def terms(self) -> frozenset[str]:
        """What it is about; every term when all of them are stop words."""
        return frozenset(term for term in self.all_terms if not is_stop_term(term)) or self.all_terms

    @cached_property
    def pairs(self) -> set[Pair]:
        return pairs_of(search_terms(self.text))

    @cached_property
    def keys(self) -> frozenset[str]:
        """Terms of its names, numbers and quoted words: an answer that has none of them is about something else."""
        found = (term for match in _KEY.finditer(self.text) for term in search_terms(match.group()))
        return frozenset(found) & self.terms

    @cached_property
    def kind(self) -> str:
        """`money`, `share`, `number`, `year`, `time`, `name`, `reason`, or empty for anything else."""
        return next((kind for kind, pattern in _KIND_PATTERNS if pattern.search(self.text)), "")

    @cached_property
    def form(self) -> str:
        """`definition`, `method` or `reason` when an explanation is asked for, else empty."""
        text = self.text.strip()
        if self.kind:
            return self.kind if self.kind == "reason" else ""
        if _DEFINITION.search(text) and not _OF_SOMETHING.search(text):
            return "definition" if has_cjk(text) or len(self.terms) <= _MOST_DEFINED else ""
        return "method" if _METHOD.search(text) else ""

    @property
    def is_for_the_reader(self) -> bool:
        """Whether it asks what the reader has to do."""
        return _FOR_THE_READER.search(self.text) is not None

    @property
    def asks_what(self) -> bool:
        """Whether the thing itself is to be explained: `What is X?`, `How does X work?`."""
        return self.form == "definition" or (self.form == "method" and _WORKS.search(self.text) is not None)

    @property
    def explains(self) -> bool:
        """Whether an explanation is asked for, not a name, a number or another fact."""
        return bool(self.form)

    @cached_property
    def subject(self) -> frozenset[str]:
        """Terms of what is to be explained: `reparameterization trick`, when it goes on with `in a VAE`."""
        parts = _BEYOND_SUBJECT.split(_DEFINITION.sub("", self.text.strip()))
        for part in parts:
            if found := frozenset(filter(is_distinctive, search_terms(part))) & self.terms - _ASKING:
                return found
        return self.terms

    def is_cued_by(self, sentence: str) -> bool:
        """Whether `sentence` holds the kind of thing that is asked for, beyond what the question says itself."""
        if self.kind == "name":
            return any(not self.all_terms.issuperset(search_terms(name)) for name in _NAME.findall(sentence))
        return self.kind in _CUES and _CUES[self.kind].search(sentence) is not None
