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

    def is_cued_by(self, sentence: str) -> bool:
        """Whether `sentence` holds the kind of thing that is asked for, beyond what the question says itself."""
        if self.kind == "name":
            return any(not self.all_terms.issuperset(search_terms(name)) for name in _NAME.findall(sentence))
        return self.kind in _CUES and _CUES[self.kind].search(sentence) is not None
