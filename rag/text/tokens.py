"""The terms by which texts are found and compared, and an estimate of the tokens a language model counts.

One function makes the terms of the words index, of a question, and of a claim that is checked against a quote, so that
what is indexed and what is asked cannot drift apart.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

from rag.text.han_variants import simplified
from rag.text.language import CJK_RANGES, has_cjk
from rag.text.stems import english_stem

_LONGEST_TERM = 64
_REMEMBERED = 65_536
_PLAIN = re.compile(r"[a-z]+")
_CJK_RUN = re.compile(f"[{CJK_RANGES}]+")
_WORD = re.compile(r"[^\W_]+(?:(?:[.\-'’_/:@#&]|,(?=\d{3}(?!\d))|::)+[^\W_]+)*(?:\+\+|#(?!\w))?")
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_ABBREVIATION = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_PART = re.compile(r"\d+|[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_POSSESSIVE = re.compile("['’]s?$")
_IDENTIFIER_JOINER = re.compile(r"[._:@#/\d+]")

STOP_WORDS = frozenset(
    "a about above after again against all also am an and any are as at be because been before being below between "
    "both but by can cannot could did do does doing down during each either etc few for from further had has have "
    "having he her here hers herself him himself his how i if in into is it its itself just may me might more most "
    "much must my myself no nor not of off on once only or other our ours ourselves out over own per please same "
    "shall she should so some such than that the their theirs them themselves then there these they this those "
    "through to too under until up upon very was we were what when where whether which while who whom whose why "
    "will with within without would you your yours yourself yourselves tell s t re ve ll d m don doesn didn isn aren "
    "wasn weren won wouldn".split()
)
_CJK_STOP_CHARACTERS = frozenset("的了是在有和与及或也都就而着被把对于从到为以其之这那哪此个们吗呢吧啊么什谁何很并则又")
_CJK_PARTICLES = frozenset("的了是吗呢吧啊么")  # a bigram with one of these straddles two words
_CJK_STOP_WORDS = frozenset(
    "什么 怎么 怎样 如何 哪些 哪个 哪里 哪儿 哪一 多少 为何 为什 是否 可以 这个 那个 这些 那些 一个 我们 你们 他们 "
    "因为 所以 但是 如果 以及 并且 或者 没有 不是 就是 还是 还有 它们 之间 之后 之前 请问 有哪 有多 "
    "する した して ます です から まで これ それ あれ どの".split()
)


def search_terms(text: str) -> list[str]:
    """Returns the terms of `text` in reading order, repeats included.

    NFKC and lower case; accents folded from Latin letters; English words as stems, possessives dropped; Chinese,
    Japanese and Korean as characters and bigrams, traditional characters as simplified ones; numbers whole (`1,000` is
    `1000`); identifiers whole and in parts (`RAG_TOP_K`, `astreamLog`, `3.11.2`, `C++`). A term has no white space in
    it and at most 64 characters.
    """
    text = unicodedata.normalize("NFKC", text)
    if not has_cjk(text):
        return _word_terms(text)
    text = simplified(text)
    terms: list[str] = []
    end = 0
    for run in _CJK_RUN.finditer(text):
        terms += _word_terms(text[end : run.start()])
        terms += _cjk_terms(run.group())
        end = run.end()
    return terms + _word_terms(text[end:])


def content_terms(text: str) -> list[str]:
    """The same without stop words: what a text is about."""
    return [term for term in search_terms(text) if not is_stop_term(term)]


def is_stop_term(term: str) -> bool:
    """Whether a term of `search_terms` carries grammar rather than meaning."""
    if term in _stop_terms():
        return True
    if len(term) != 2 or term.isascii():
        return False
    return not _CJK_PARTICLES.isdisjoint(term) or _CJK_STOP_CHARACTERS.issuperset(term)


def count_tokens(text: str) -> int:
    """Estimates how many tokens a language model reads in `text`: four Latin characters or one CJK character each."""
    cjk = 0 if text.isascii() else sum(len(run.group()) for run in _CJK_RUN.finditer(text))
    return cjk + (len(text) - cjk + 3) // 4


@lru_cache(maxsize=1)
def _stop_terms() -> frozenset[str]:
    return frozenset(map(english_stem, STOP_WORDS)) | STOP_WORDS | _CJK_STOP_CHARACTERS | _CJK_STOP_WORDS


def _cjk_terms(run: str) -> list[str]:
    """Characters and bigrams, interleaved in reading order."""
    terms = [run[0]]
    for first, second in pairwise(run):
        terms += (first + second, second)
    return terms


def _word_terms(text: str) -> list[str]:
    terms: list[str] = []
    for word in _WORD.findall(text):
        terms += _known_terms(word) if len(word) <= _LONGEST_TERM else _terms_of(word)
    return terms


def _terms_of(word: str) -> list[str]:
    lowered = word.lower()
    if _PLAIN.fullmatch(lowered) and (lowered == word or word.istitle() or word.isupper()):
        return [english_stem(lowered)[:_LONGEST_TERM]]
    return _compound_terms(word)


@lru_cache(maxsize=_REMEMBERED)
def _known_terms(word: str) -> tuple[str, ...]:
    """`_terms_of`, remembered: most words of a site come again and again."""
    return tuple(_terms_of(word))


def _compound_terms(word: str) -> list[str]:
    """Terms of a word that is more than a run of English letters."""
    word = _folded(_POSSESSIVE.sub("", word))
    lowered = word.lower()
    if _NUMBER.fullmatch(word):
        return [lowered.replace(",", "")[:_LONGEST_TERM]]
    if _ABBREVIATION.fullmatch(word):
        return [lowered.replace(".", "")[:_LONGEST_TERM]]
    parts = [part for piece in _CAMEL.split(word) for part in _PART.findall(piece)]
    if len(parts) <= 1 and len(lowered) == sum(map(len, parts)):
        return [english_stem(lowered)[:_LONGEST_TERM]]
    terms = [english_stem(part.lower())[:_LONGEST_TERM] for part in parts]
    if len(word) <= _LONGEST_TERM and (_IDENTIFIER_JOINER.search(word) or len(parts) > 1):
        terms.insert(0, _whole(lowered))
    return terms


def _whole(word: str) -> str:
    """An identifier as one term; a hyphen is as good as none (`e-mail`, `email`)."""
    joined = word.replace("-", "").replace("'", "").replace("’", "")
    return english_stem(joined) if _PLAIN.fullmatch(joined) else joined


def _folded(word: str) -> str:
    """Drops accents from Latin letters: "Beyoncé" is asked for as "Beyonce". Marks of other scripts carry meaning."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word)
    kept = [
        character
        for place, character in enumerate(decomposed)
        if not ("\u0300" <= character <= "\u036f" and place and decomposed[place - 1] < "\u0250")
    ]
    return unicodedata.normalize("NFC", "".join(kept))


def is_of_word(character: str) -> bool:
    """Whether it is a letter, a digit or an underscore, of whatever script."""
    return character.isalnum() or character == "_"
