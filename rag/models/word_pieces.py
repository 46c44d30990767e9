"""Counts the word pieces of a text: exactly as the tokenizer would, at a fraction of its cost.

WordPiece (Wu et al. 2016, arXiv:1609.08144) cuts each word by itself, and a text is cut at white space and around
Chinese characters before that, so the count of a text is the sum over its words, and most words have come before.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenizers import Tokenizer

_REMEMBERED = 50_000
_LONGEST = 60
_WORD = re.compile(r"[^ \n\t]+")
_LETTERS = re.compile(r"[a-z0-9]+")
_SPACES = str.maketrans("", "", " \n\t")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\[(?:pad|unk|cls|sep|mask)\]")  # dropped, or one piece
_IDEOGRAPH = re.compile("[\u3400-\u4db5\u4e00-\u9fd5]")  # each is a word of its own, known or not


class WordPieces:
    """A counter of word pieces; safe to use from several threads, and to send to another process.

    Args:
        path: of the tokenizer's `tokenizer.json`, read at the first count.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, text: str) -> int:
        """How many word pieces `text` has."""
        if text.isascii():
            lowered = text.lower()
            if not _ODD.search(lowered):
                words = _LETTERS.findall(lowered)
                marks = len(lowered.translate(_SPACES)) - sum(map(len, words))  # each is a piece
                return marks + self._sum(words)
        text, ideographs = _IDEOGRAPH.subn(" ", text)
        return ideographs + self._sum(_WORD.findall(text))

    def _sum(self, words: list[str]) -> int:
        if max(map(len, words), default=0) <= _LONGEST:
            return sum(map(self._known, words))
        return sum(self._count(word) if len(word) > _LONGEST else self._known(word) for word in words)

    def __reduce__(self) -> tuple[type[WordPieces], tuple[Path]]:
        return WordPieces, (self._path,)

    def _count(self, word: str) -> int:
        return len(self._tokenizer.encode(encodable(word), add_special_tokens=False).ids)

    @cached_property
    def _known(self) -> Callable[[str], int]:
        return lru_cache(maxsize=_REMEMBERED)(self._count)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return read_tokenizer(self._path)


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a `tokenizer.json`, without padding and truncation."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encodable(text: str) -> str:
    """Without lone surrogates, which the tokenizer refuses."""
    return text.encode("utf-8", "replace").decode()
