"""Answers that break careless streams, as the tokens they come in."""

from __future__ import annotations

ODD_TEXTS: dict[str, list[str]] = {
    "separators": ["one\u2028two", "\u2029", "\u0085", "three\x0b\x0c\x1c\x1d\x1e four [1]."],
    "returns": ["one\rtwo", "\r", "\n", "\r\n\r\n", "three\r", "\n\n [1]."],
    "zero": ["\x00", "one\x00two", "\x00 [1]."],
    "controls": ["".join(map(chr, range(1, 32))), "\x7f\x80\x9f [1]."],
    "emoji": ["A 👩", "\u200d", "👩\u200d👧", " 🏳", "\ufe0f\u200d🌈", " 🇩", "🇪 e", "\u0301 [1]."],
    "fields": ["data: x\n", "event: done\nid: 99\n\n", ": comment\n", "retry: 1\n\n", "data", ":{}\n\n", "end [1]."],
    "marks": [
        "\ufeff",
        "one\ufefftwo",
        "\u202eright to left\u202c",
        "\u2066 עברית \u2069",
        "\ufffe\uffff\U0010ffff [1].",
    ],
    "halves": ["smile \ud83d", "\ude00 lost \ud800 and \udc00", " end \ud83d"],
    "megabyte": ["🙂 words " * 125_000],
}


def delivered(tokens: list[str]) -> str:
    """What a client puts together: the tokens as they are, but halves of characters joined where both came."""
    return "".join(tokens).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
