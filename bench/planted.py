"""Makes claims of known truth from passages of text: untouched, lightly paraphrased, and with one fault planted.

It knows nothing of how claims are checked: it has its own way of finding sentences, numbers and names, and its own
words. Every claim ends in ` [1]` and cites the passage it was made from, which is shown with three others, of the same
article where there are any, so that a name or number can come from a neighbour. Names in Chinese text are the gold
answers of the questions asked about the passages, since nothing in the writing shows them. Paraphrases are made by
rewording.py.

Faults, one a claim, in turn:

* number: a digit changed; a number word changed; two numbers of the sentence exchanged
* other_number: a number of another sentence of the passage, or of another document, put in its place
* name: a name replaced by another of the same sentence's passage, or of another document
* date: the month, the day or the year changed
* unit: km → miles, % → percentage points, million → billion, $ → €, annual → monthly, 公里 → 英里, 万 → 亿, …
* negation: not, never, no longer, failed to, 没有, 并未, 不, 从未 … added, or taken out
* other_page: a sentence of another passage, half of them of the same article
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rewording import reworded

FAULTS = ("number", "other_number", "name", "date", "unit", "negation", "other_page")


@dataclass(frozen=True)
class Passage:
    text: str
    title: str
    article: str
    language: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlantedClaim:
    """`kind` is `untouched`, `paraphrase` or one of FAULTS; `passages[0]` is the one that `[1]` names."""

    kind: str
    language: str
    text: str
    original: str
    passages: tuple[Passage, ...] = field(repr=False)


def load_passages(folder: Path) -> list[Passage]:
    """The passages of an evaluation set: `corpus.jsonl`, and names from the answers in `dev_queries.jsonl`."""
    names: dict[str, set[str]] = {}
    queries = folder / "dev_queries.jsonl"
    for row in map(json.loads, queries.read_text("utf-8").splitlines() if queries.exists() else []):
        for gold in row.get("gold", []):
            names.setdefault(gold, set()).update(row.get("answers", [])[:1])
    passages = []
    for row in map(json.loads, (folder / "corpus.jsonl").read_text("utf-8").splitlines()):
        language = "zh" if re.search("[\u4e00-\u9fff]{4}", row["text"]) else "en"
        article = row.get("article") or row["doc_id"].split("#")[0]
        passages.append(
            Passage(row["text"], row.get("title", ""), article, language, tuple(sorted(names.get(row["doc_id"], ()))))
        )
    return passages


def make_claims(passages: list[Passage], each: int, seed: int = 7) -> Iterator[PlantedClaim]:
    """`each` claims of every kind and language the passages allow, the same for the same seed."""
    rng = random.Random(seed)
    for language in sorted({passage.language for passage in passages}):
        own = [passage for passage in passages if passage.language == language and len(passage.text) > 60]
        for kind in ("untouched", "paraphrase", *FAULTS):
            yield from _of_kind(kind, own, each, rng)


def _of_kind(kind: str, passages: list[Passage], each: int, rng: random.Random) -> Iterator[PlantedClaim]:
    made, tries = 0, 0
    while made < each and tries < each * 60:
        tries += 1
        passage = rng.choice(passages)
        near = [other for other in passages if other.article == passage.article and other.text != passage.text]
        others = rng.sample(near, min(2, len(near))) + rng.sample(passages, 2)
        others = [other for other in others if other.text != passage.text][:3]
        sentence = rng.choice(sentences(passage.text) or [""])
        if not 25 <= len(sentence) * (2 if passage.language == "zh" else 1) <= 400:
            continue
        maker = MAKERS[kind]
        text = maker(sentence, passage, others, rng)
        if text is None or (kind != "untouched" and _bare(text) == _bare(sentence)):
            continue
        if kind == "other_page" and _bare(text) in _bare(passage.text):
            continue
        made += 1
        yield PlantedClaim(kind, passage.language, _marked(text), sentence, (passage, *others))


def sentences(text: str) -> list[str]:
    """Sentences by a rule of thumb: a stop, then a capital or Chinese; those that would be cut badly are left out."""
    pieces = re.split(r"(?<=[.!?])\s+(?=[A-ZÀ-Þ\"“(])|(?<=[。！？])\s*|\n+", text)
    return [
        piece.strip()
        for piece in pieces
        if piece and re.search(r"[.!?。！？]\W*$", piece) and not re.search(r"\b(?:[A-Z]|Dr|Mr|St|vs|No)\.$", piece)
    ]


def _marked(text: str) -> str:
    match = re.match(r"(.*?)([.!?。！？]?)[\"”’)]*$", text.strip(), re.DOTALL)
    assert match is not None
    body = text.strip() if text.strip()[-1] in '"”’)' else match.group(1)
    stop = "" if text.strip()[-1] in '"”’)' else match.group(2)
    return f"{body} [1]{stop or '.'}"


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def untouched(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str:
    return sentence


_DIGITS = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w])|(?<![\w.,\-])\d+(?:\.\d+)?(?![\w,]*\d)")
_NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred".split()
_NUMBER_WORD = re.compile(r"\b(" + "|".join(_NUMBER_WORDS) + r")\b")
_HAN_NUMBER = re.compile(
    r"(?<=[第有共为是了的在近约达])[二三四五六七八九]|[二三四五六七八九](?=[个名位次年月日人家支场座条种届])"
)
_MONTHS = "January February March April May June July August September October November December".split()


def paraphrase(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    return reworded(sentence, passage.language, rng)


def number(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    found = list(_DIGITS.finditer(sentence))
    if len(found) > 1 and rng.random() < 0.2:
        one, two = sorted(rng.sample(found, 2), key=lambda match: match.start())
        if one.group() != two.group() and two.start() - one.end() > 5:
            return _exchanged(sentence, one.span(), two.span())
    words = list((_HAN_NUMBER if passage.language == "zh" else _NUMBER_WORD).finditer(sentence))
    if words and (not found or rng.random() < 0.4):
        match = rng.choice(words)
        pool = list("二三四五六七八九") if passage.language == "zh" else _NUMBER_WORDS
        return _put(sentence, match.span(), rng.choice([word for word in pool if word != match.group()]))
    if not found:
        return None
    match = rng.choice(found)
    places = [place for place, character in enumerate(match.group()) if character.isdigit()]
    place = rng.choice(places)
    old = match.group()[place]
    new = rng.choice([digit for digit in "123456789" if digit != old])
    return _put(sentence, (match.start() + place, match.start() + place + 1), new)


def other_number(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    found = list(_DIGITS.finditer(sentence))
    rest = passage.text.replace(sentence, " ")
    source = rest if rng.random() < 0.5 else " ".join(other.text for other in others)
    own = {match.group() for match in found}
    pool = sorted({match.group() for match in _DIGITS.finditer(source)} - own)
    if not found or not pool:
        return None
    match = rng.choice(found)
    alike = [value for value in pool if len(value) == len(match.group())] or pool
    return _put(sentence, match.span(), rng.choice(alike))


_CAPITALS = re.compile(
    r"(?<![.!?:;\"“(\n] )(?<=[a-z,;] )[A-Z][a-zé'’\-]{2,}(?: (?:of |the |de )?[A-Z][a-zé'’\-]{2,}){0,2}"
)
_AT_START = re.compile(r"[A-Z][a-zé]{2,}(?: [A-Z][a-zé]{2,}){1,2}")
_NOT_NAMES = frozenset(
    _MONTHS
    + "Monday Tuesday Wednesday Thursday Friday Saturday Sunday The This That These Those It In On At By He She They "
    "We And But For With From When While After Before His Her Their Its There Some Many Most All Both Each No Not As "
    "An".split()
)


def names_of(passage: Passage, text: str) -> list[str]:
    if passage.language == "zh":
        return [
            name for name in passage.names if name in text and 2 <= len(name) <= 10
            and not re.search(r"[\d一二三四五六七八九十百千万年月日，。的了是在]|\s", name)
        ]  # fmt: skip
    found = [match.group() for match in _CAPITALS.finditer(text)]
    if start := _AT_START.match(text):
        found.append(start.group())
    return [name for name in dict.fromkeys(found) if name.split()[0] not in _NOT_NAMES]


def name(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    own = names_of(passage, sentence)
    pools = [names_of(passage, passage.text), [new for other in others for new in names_of(other, other.text)]]
    rng.shuffle(pools)
    for pool in pools:
        pool = [new for new in pool if not any(new in old or old in new for old in own)]
        if own and pool:
            old = rng.choice(own)
            return sentence.replace(old, rng.choice(pool), 1)
    return None


def date(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    ways: list[tuple[tuple[int, int], str]] = []
    for match in re.finditer(
        r"\b(" + "|".join(_MONTHS) + r")\b(?=,? (?:\d|of|and))|(?<=\d )(?:" + "|".join(_MONTHS) + r")\b", sentence
    ):
        ways.append((match.span(), rng.choice([month for month in _MONTHS if month != match.group()])))
    for match in re.finditer(r"(?<![\d,.])(?:1[5-9]|20)\d\d(?![\d,])", sentence):
        ways.append((match.span(), str(int(match.group()) + rng.choice([-10, -3, -2, -1, 1, 2, 3, 10]))))
    for match in re.finditer(
        r"(?<=[A-Z][a-z]{2} )\d{1,2}(?=, \d{4})|\d{1,2}(?=日)|(?<=年)\d{1,2}(?=月)|\d{1,2}(?=月\d)", sentence
    ):
        ways.append((match.span(), str((int(match.group()) + rng.randint(1, 10)) % 12 + 1)))
    ways = [(span, new) for span, new in ways if sentence[span[0] : span[1]] != new]
    return _put(sentence, *rng.choice(ways)) if ways else None


_UNITS = [
    (r"(?<=\d) ?(?:km|kilometres|kilometers)\b", " miles"), (r"(?<=\d) miles\b", " kilometres"),
    (r"(?<=\d) ?(?:m|metres|meters)\b", " feet"), (r"(?<=\d) (?:feet|ft)\b", " metres"),
    (r"(?<=\d)%", " percentage points"),
    (r"(?<=\d) percent\b", " percentage points"), (r"\bmillion\b", "billion"), (r"\bbillion\b", "million"),
    (r"\bthousand\b", "million"), (r"\$(?=\d)", "€"), (r"£(?=\d)", "$"), (r"\b(?<=\d )years\b", "months"),
    (r"(?<=\w )(?<=two |ten )years\b", "months"), (r"(?<=\d )days\b", "weeks"), (r"(?<=\d )hours\b", "minutes"),
    (r"(?<=\d )minutes\b", "hours"), (r"(?<=\d )months\b", "years"), (r"(?<=\d )acres\b", "hectares"),
    (r"(?<=\d )tons\b", "pounds"), (r"(?<=\d)°C", "°F"), (r"(?<=\d) ?kg\b", " lb"), (r"(?<=\d) degrees\b", " percent"),
    ("公里", "英里"), ("英里", "公里"), (r"(?<=\d) ?米", "英尺"), (r"(?<=\d) ?万", "亿"), (r"(?<=\d) ?亿", "万"),
    ("美元", "欧元"),
    ("英镑", "美元"), (r"(?<=\d) ?%", "个百分点"), (r"(?<=\d) ?年(?=[的，后前来])", "个月"), 
    (r"(?<=\d) ?小时", "分钟"), (r"(?<=\d) ?分钟", "小时"),
    (r"\bannual(?:ly)?\b", "monthly"), (r"\bmonthly\b", "annual"), (r"\bdaily\b", "weekly"),
    (r"\bper (?:day|month)\b", "per year"), (r"\bper year\b", "per week"), (r"(?<=\d) ?MB\b", " GB"),
    (r"(?<=\d) ?ms\b", " s"), (r"(?<=[两三四五六七八九\d])次", "年"),
    (r"平方公里", "平方米"), (r"(?<=\d) ?天", "周"), (r"英尺", "米"), (r"(?<=\d) ?码", "米"),
    (r"(?<=\d) ?岁", "个月"), ("百万", "万"), ("磅", "公斤"),
]  # fmt: skip


def unit(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    ways = [(match.span(), new) for old, new in _UNITS for match in re.finditer(old, sentence)]
    return _put(sentence, *rng.choice(ways)) if ways else None


_AUXILIARY = re.compile(
    r"\b(is|was|were|are|has|had|can|will|would|could|did|does|should|may)\b(?! not\b|n't| no\b| only| also)"
)
_PAST = re.compile(
    r"(?<=[a-z] )(?!need|hundred|indeed|based|called|named|used|related|increased|united|so-called)[a-z]{3,}ed "
    r"(?=the |a |an |in |by |to )"
)
_HAN_VERB = re.compile(
    r"(?<=[\u4e00-\u9fff])(是|有|成为|获得|击败|建立|参加|使用|包括|位于|导致|支持|发现|提供|进入|赢得|开始|发生|认为|允许|需要|可以|能够|属于|得到|接受|要求)(?=[\u4e00-\u9fff])"
)


def negation(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    if passage.language == "zh":
        return _chinese_negation(sentence, rng)
    ways: list[tuple[tuple[int, int], str]] = []
    for match in re.finditer(r"(?<=[a-z]) (?:not|never|no longer)\b", sentence):
        ways.append((match.span(), ""))
    if not ways:
        for match in _AUXILIARY.finditer(sentence):
            ways.append(((match.end(), match.end()), rng.choice([" not", " never", " no longer"])))
        for match in _PAST.finditer(sentence):
            before = sentence[: match.start()].split()[-1:]
            if before and before[0] not in "was were been is are be has had the a an and of by being have".split():
                ways.append(((match.start(), match.start()), rng.choice(["never ", "no longer "])))
    return _put(sentence, *rng.choice(ways)) if ways else None


def _chinese_negation(sentence: str, rng: random.Random) -> str | None:
    taken = [
        (match.span(), "")
        for match in re.finditer(r"(?:并未|没有|从未|并不|未能|无法|不再)(?=[\u4e00-\u9fff])", sentence)
    ]
    if taken:
        return _put(sentence, *rng.choice(taken))
    ways = []
    for match in _HAN_VERB.finditer(sentence):
        verb = match.group()
        new = (
            "不是" if verb == "是" else "没有" if verb == "有" else rng.choice(["没有", "并未", "从未", "不再"]) + verb
        )
        if verb in ("可以", "能够", "允许", "需要", "属于", "认为"):
            new = "不" + verb
        if sentence[match.start() - 1] not in "不没未只还就总但或若要即凡便可倒真所也具含":
            ways.append((match.span(), new))
    return _put(sentence, *rng.choice(ways)) if ways else None


def other_page(sentence: str, passage: Passage, others: list[Passage], rng: random.Random) -> str | None:
    other = rng.choice(others) if others else None
    found = [one for one in sentences(other.text) if len(one) > 20] if other else []
    return rng.choice(found) if found else None


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def _exchanged(text: str, one: tuple[int, int], two: tuple[int, int]) -> str:
    one, two = sorted((one, two))
    return text[: one[0]] + text[two[0] : two[1]] + text[one[1] : two[0]] + text[one[0] : one[1]] + text[two[1] :]


MAKERS: dict[str, Callable[[str, Passage, list[Passage], random.Random], str | None]] = {
    "untouched": untouched, "paraphrase": paraphrase, "number": number, "other_number": other_number, "name": name,
    "date": date, "unit": unit, "negation": negation, "other_page": other_page,
}  # fmt: skip
