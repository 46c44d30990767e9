"""Code that documentation shows after a sentence is found whole, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from rag.models.code_example import example_after

SESSION = ">>> from nltk.stem import *\n>>> stem('walking')\n'walk'"


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (f"\n\n{SESSION}\n\nStems are short.", SESSION),
        (f"\n{SESSION}", SESSION),
        (f"\n\n{SESSION}\n\n>>> stem('cats')\n'cat'\n\nProse.", f"{SESSION}\n\n>>> stem('cats')\n'cat'"),
        (f"\n\n{SESSION}\n>>> stem('cats')", SESSION),
        ("\n\n>>> import nltk\n>>> for word in nltk.corpus:", ">>> import nltk"),
        ("\n\n>>> import nltk\n>>> nltk.download()", ">>> import nltk\n>>> nltk.download()"),
        ("\n\npip install nltk\n\nThen go on.", "pip install nltk"),
        ("\n\n$ footnote serve\n\nIt listens.", "$ footnote serve"),
        ("\n\nfrom rag import Footnote\nasked = ask()\n\nProse.", "from rag import Footnote\nasked = ask()"),
        ("\n\n    indexed = build(pages)", "    indexed = build(pages)"),
    ],
)
def test_code_that_follows_is_found(after: str, code: str) -> None:
    text = f"Call it:{after}"
    assert example_after(text, len("Call it:")) == code


@pytest.mark.parametrize(
    "after",
    [
        "",
        "\n\nImport duties rise.",
        " >>> inline(1)",
        "\n\nMake sure that it runs.",
        "\n\n>>> tokens[1]",
        "\n\n... went on\n" + "... and on\n" * 20,
        "\n\n>>> def f():\n" + "...     go()\n" * 20,
        "\n\n>>> '![x](https://e.org)'",
        "\n\n>>> '```'",
        "\n\n>>> " + "x" * 800,
    ],
)
def test_prose_and_code_that_would_act_in_an_answer_are_not(after: str) -> None:
    assert example_after(f"Call it:{after}", len("Call it:")) == ""


def test_a_long_session_is_cut_before_something_new_is_typed() -> None:
    """What was typed is shown with its output, or not at all."""
    text = "Look:\n\n" + "\n".join(f">>> for x in f({n}):\n...     print(x)\n{n}" for n in range(9))
    lines = example_after(text, len("Look:")).split("\n")
    assert len(lines) == 12
    assert lines[-1] == "3"
