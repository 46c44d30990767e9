"""English word stems: "retrieves", "retrieved" and "retrieval" are one term to a search.

The algorithm is Porter2, the Snowball project's English stemmer (https://snowballstem.org/algorithms/english/stemmer.html);
names of steps and regions are that page's.
"""

from __future__ import annotations

import re
from functools import lru_cache

_EXCEPTIONS = {
    "skis": "ski", "skies": "sky", "idly": "idl", "gently": "gentl", "ugly": "ugli", "early": "earli", "only": "onli",
    "singly": "singl",
    **{word: word for word in ("sky", "news", "howe", "atlas", "cosmos", "bias", "andes")},
}  # fmt: skip
_INVARIANT_AFTER_1A = frozenset("inning outing canning evening herring earring proceed exceed succeed".split())
_R1_PREFIX = re.compile("gener|commun|arsen|past|univers|later|emerg|organ|inter")
_REGION = re.compile("[aeiouy][^aeiouy]")
_SHORT_SYLLABLE = re.compile("(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy])$")
_CONSONANT_Y = re.compile("(?:^|(?<=[aeiouy]))y")
_VOWEL = re.compile("[aeiouy]")
_YING = re.compile("[^aeiouy][yY]ing")
_SHORT_DOUBLE = re.compile("[aeo](..)")
_DOUBLE = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")

# Longest suffix first, as the algorithm demands.
_STEP_2 = (
    ("ization", "ize"), ("ational", "ate"), ("fulness", "ful"), ("ousness", "ous"), ("iveness", "ive"),
    ("tional", "tion"), ("biliti", "ble"), ("lessli", "less"), ("entli", "ent"), ("ation", "ate"), ("alism", "al"),
    ("aliti", "al"), ("ousli", "ous"), ("iviti", "ive"), ("fulli", "ful"), ("enci", "ence"), ("anci", "ance"),
    ("abli", "able"), ("izer", "ize"), ("ator", "ate"), ("alli", "al"), ("bli", "ble"), ("ogi", "og"),
    ("ogist", "og"), ("li", ""),
)  # fmt: skip
_STEP_3 = (
    ("ational", "ate"), ("tional", "tion"), ("alize", "al"), ("icate", "ic"), ("iciti", "ic"), ("ative", ""),
    ("ical", "ic"), ("ness", ""), ("ful", ""),
)  # fmt: skip
_STEP_4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion",
    "al", "er", "ic",
)  # fmt: skip


@lru_cache(maxsize=65_536)
def english_stem(word: str) -> str:
    """Returns the stem of a lower-case word; words of one or two letters, or not English, come back as they are."""
    if len(word) <= 2:
        return word
    if word in _EXCEPTIONS:
        return _EXCEPTIONS[word]
    word = _CONSONANT_Y.sub("Y", word)
    r1, r2 = _regions(word)
    word = _step_1a(word)
    if word in _INVARIANT_AFTER_1A:
        return word
    word = _step_1c(_step_1b(word, r1))
    word = _step_4(_step_3(_step_2(word, r1), r1, r2), r2)
    return _step_5(word, r1, r2).replace("Y", "y")


def _regions(word: str) -> tuple[int, int]:
    """Where R1 and R2 begin: after the first consonant that follows a vowel, and the same again within R1."""
    prefix = _R1_PREFIX.match(word)
    r1 = prefix.end() if prefix else _region_after(word, 0)
    return r1, _region_after(word, r1)


def _region_after(word: str, start: int) -> int:
    found = _REGION.search(word, start)
    return found.end() if found else len(word)


def _step_1a(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")) and _VOWEL.search(word, 0, len(word) - 2):
        return word[:-1]
    return word


def _step_1b(word: str, r1: int) -> str:
    for suffix in ("eedly", "eed"):
        if word.endswith(suffix):
            return word[: -len(suffix)] + "ee" if len(word) - len(suffix) >= r1 else word
    if _YING.fullmatch(word):
        return word[:-4] + "ie"
    for suffix in ("ingly", "edly", "ing", "ed"):
        if word.endswith(suffix):
            stem = word[: -len(suffix)]
            return _mended(stem, r1) if _VOWEL.search(stem) else word
    return word


def _mended(stem: str, r1: int) -> str:
    """Gives back what `-ed` and `-ing` took: hop(p)ing, hop(e)d, conflat(e)d."""
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if stem.endswith(_DOUBLE):
        return stem if _SHORT_DOUBLE.fullmatch(stem) else stem[:-1]
    return stem + "e" if r1 >= len(stem) and _SHORT_SYLLABLE.search(stem) else stem


def _step_1c(word: str) -> str:
    return word[:-1] + "i" if len(word) > 2 and word[-1] in "yY" and word[-2] not in "aeiouy" else word


def _step_2(word: str, r1: int) -> str:
    for suffix, replacement in _STEP_2:
        if not word.endswith(suffix):
            continue
        stem = word[: -len(suffix)]
        fits = len(stem) >= r1
        if suffix == "ogi":
            fits = fits and stem.endswith("l")
        elif suffix == "li":
            fits = fits and stem[-1:] in tuple("cdeghkmnrt")
        return stem + replacement if fits else word
    return word


def _step_3(word: str, r1: int, r2: int) -> str:
    for suffix, replacement in _STEP_3:
        if word.endswith(suffix):
            stem = word[: -len(suffix)]
            return stem + replacement if len(stem) >= (r2 if suffix == "ative" else r1) else word
    return word


def _step_4(word: str, r2: int) -> str:
    for suffix in _STEP_4:
        if word.endswith(suffix):
            stem = word[: -len(suffix)]
            fits = len(stem) >= r2 and (suffix != "ion" or stem.endswith(("s", "t")))
            return stem if fits else word
    return word


def _step_5(word: str, r1: int, r2: int) -> str:
    stem = word[:-1]
    if word.endswith("e"):
        in_r1_and_long = len(stem) >= r1 and not _SHORT_SYLLABLE.search(stem)
        return stem if len(stem) >= r2 or in_r1_and_long else word
    return stem if word.endswith("ll") and len(stem) >= r2 else word
