"""README.zh-CN.md says what README.md says: the same commands, code and links, explained in Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"


def commands(text: str) -> list[str]:
    """What a reader would type, block by block: without comments, and without what it prints."""
    found = []
    for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        lines = block.splitlines()
        typed = [line for line in lines if line.startswith("$ ")] or lines
        found += [bare for line in typed if (bare := re.sub(r"(^|\s+)# .*", "", line).rstrip())]
    return found


def test_the_commands_are_the_same() -> None:
    assert commands(CHINESE.read_text("utf-8")) == commands(ENGLISH.read_text("utf-8")) != []


def test_it_leads_to_the_same_pages() -> None:
    """Every document that the English README names."""
    documents = re.compile(r"\]\((docs/\w+\.md)\)")
    assert set(documents.findall(CHINESE.read_text("utf-8"))) == set(documents.findall(ENGLISH.read_text("utf-8")))


def test_the_figures_are_the_same() -> None:
    """Of what was measured, number by number."""

    def figures(text: str, title: str) -> list[str]:
        section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        return re.findall(r"[\d.,]*\d(?:/\d+)?(?: ?%)?", section)

    english = figures(ENGLISH.read_text("utf-8"), "Measured")
    assert figures(CHINESE.read_text("utf-8"), "实测") == english != []


@pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_every_picture_is_there_and_small(readme: Path) -> None:
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme.read_text("utf-8")):
        assert (ROOT / picture).stat().st_size < 200_000


def test_the_comparison_sees_commands_and_not_words() -> None:
    text = "```\nmake demo  # try\n```\n\n```\n$ run --it\noutput\n```\n"
    assert commands(text) == ["make demo", "$ run --it"]
