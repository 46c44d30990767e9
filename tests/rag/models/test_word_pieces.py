"""Counting word pieces word by word is counting them as the tokenizer does."""

from __future__ import annotations

import pickle

import pytest

from rag.models.minilm import find_weights
from rag.models.word_pieces import WordPieces, encodable, read_tokenizer

TEXTS = (
    "",
    "The quick brown fox, jumped over nltk.tokenize.word_tokenize(text)!",
    "[CLS] and [SEP] are pieces of their own; [sep] is three, a\x00b is one, a\x0bb too",
    "naïve café “quoted” — dashes… und Straße, e\u0301",
    "思维链（Chain of Thought）提示\u3000让模型 step by step 推理。",
    "日本語のテキスト と 한국어 텍스트",
    "x" * 300 + " " + "deadbeef" * 40 + " 3.14159\t1,000\nend",
    "\udfff lone \u200b zero-width \u00a0 no-break \u2028 line 🙂🙃",
)


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return WordPieces(find_weights() / "tokenizer.json")


@pytest.mark.parametrize("text", TEXTS)
def test_it_counts_what_the_tokenizer_makes(pieces: WordPieces, text: str) -> None:
    """Whatever the script, marks and odd characters, the sum over words is the tokenizer's count."""
    tokenizer = read_tokenizer(find_weights() / "tokenizer.json")
    assert pieces(text) == len(tokenizer.encode(encodable(text), add_special_tokens=False).ids)


def test_it_can_be_sent_to_another_process(pieces: WordPieces) -> None:
    """A counter that was used is pickled as the name of its file, not with what it remembers."""
    pieces(" ".join(TEXTS))
    sent = pickle.dumps(pieces)
    assert len(sent) < 500
    assert pickle.loads(sent)(TEXTS[1]) == pieces(TEXTS[1])  # noqa: S301 - our own bytes
