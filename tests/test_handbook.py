"""The handbook is whole, valid, true to the program, and reads well through our own reader."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from lxml import etree
from typer.main import get_command
from typer.testing import CliRunner

from ingest import cli as ingest_cli
from ingest.reading.read import read_page
from rag import cli as footnote_cli
from rag.settings import Settings, variable_name

SITE = Path(__file__).parents[1] / "data" / "site"
BASE = "https://footnote.example/"
PAGES = sorted(SITE.rglob("*.html"))
CHINESE = [page for page in PAGES if page.parent.name == "zh"]
VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(SITE).as_posix())


class _Checker(HTMLParser):
    """Finds elements that are not closed in order, and collects ids, links and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "html":
            self.language = values.get("lang") or ""
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
            assert values.get("id"), "a heading without an id"
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if tag == "a":
            self.links.append(values.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def checked(path: Path) -> _Checker:
    checker = _Checker()
    checker.feed(path.read_text("utf-8"))
    checker.close()
    return checker


@each_page
def test_a_page_is_valid_and_its_headings_descend(path: Path) -> None:
    """Elements are closed in order, ids are unique, there is one h1, and no heading level is skipped."""
    page = checked(path)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert page.language == ("zh" if path in CHINESE else "en")


@each_page
def test_links_lead_to_pages_and_ids_that_exist(path: Path) -> None:
    """Every link inside the handbook resolves, with its fragment."""
    for link in checked(path).links:
        target, _, fragment = link.partition("#")
        page = (path.parent / unquote(target)).resolve() if target else path
        assert page.is_file(), link
        assert not fragment or unquote(fragment) in checked(page).ids, link


@each_page
def test_a_page_is_read_whole(path: Path) -> None:
    """Our own reader finds the title, every heading and code block, and none of the navigation."""
    read = read_page(path.read_bytes(), path.as_uri(), fetched_at=datetime(2026, 1, 1, tzinfo=UTC)).page
    tree = etree.fromstring(path.read_bytes(), etree.HTMLParser(encoding="utf-8"))
    main = tree.find(".//main")
    assert main is not None
    headings = ["".join(element.itertext()) for element in main.iter("h1", "h2", "h3")]
    assert [block.text for block in read.blocks if block.kind == "heading"] == headings
    assert sum(block.kind == "code" for block in read.blocks) == sum(1 for _ in main.iter("pre"))
    assert read.title == headings[0]
    assert read.language == ("zh" if path in CHINESE else "en")
    assert not read.text.endswith(("The handbook of Footnote", "Footnote 用户手册"))


def test_there_is_enough_to_read() -> None:
    """At least sixteen pages, at least five of them in Chinese."""
    assert len(PAGES) >= 16
    assert len(CHINESE) >= 5


def test_the_sitemap_lists_every_page() -> None:
    """Each page has its canonical address in the sitemap, and robots.txt names the sitemap."""
    listed = {node.text for node in etree.parse(SITE / "sitemap.xml").iter("{*}loc")}
    addresses = {path: re.sub("index.html$", "", path.relative_to(SITE).as_posix()) for path in PAGES}
    assert listed == {urljoin(BASE, address) for address in addresses.values()}
    for path, address in addresses.items():
        assert f'<link rel="canonical" href="{BASE}{address}">' in path.read_text("utf-8")
    assert f"Sitemap: {BASE}sitemap.xml" in (SITE / "robots.txt").read_text()


def test_settings_are_named_as_they_are() -> None:
    """Every setting that the handbook names exists, and the page on settings names them all with their defaults."""
    known = {variable_name(field) for field in Settings.model_fields}
    named = {name for path in PAGES for name in re.findall(r"\b(?:RAG|OPENAI)_[A-Z_]+\b", path.read_text("utf-8"))}
    assert named <= known
    page = (SITE / "settings.html").read_text("utf-8")
    for field, info in Settings.model_fields.items():
        default = info.default
        shown = (
            f"{default:g}" if isinstance(default, float) else f"{default:,}" if isinstance(default, int) else default
        )
        cell = "" if default in (None, ()) else str(shown)
        assert f"<tr><td><code>{variable_name(field)}</code></td><td>{cell}</td>" in page


def test_flags_and_commands_exist() -> None:
    """Every option that the handbook shows for ingest or footnote is in the program's own help."""
    texts = "\n".join(path.read_text("utf-8") for path in PAGES)
    runner = CliRunner()
    ingest_help = runner.invoke(ingest_cli.app, ["--help"]).output
    commands = get_command(footnote_cli.app)
    lines = re.findall(
        r"(?:^|[>/\s])(ingest|footnote (?:serve|ask|chat|sources|eval|verify|rebuild|config))((?: [^<\n|]*)?)", texts
    )
    for program, rest in lines:
        flags = re.findall(r"--[a-z][a-z-]+", rest)
        if program == "ingest":
            assert all(flag in ingest_help for flag in flags), (program, flags)
        else:
            shown = runner.invoke(footnote_cli.app, [program.split()[1], "--help"]).output
            assert all(flag in shown for flag in flags), (program, flags)
    named = set(re.findall(r"footnote (serve|ask|chat|sources|eval|verify|rebuild|config)\b", texts))
    assert named <= set(getattr(commands, "commands", {}))
    assert named == {"serve", "ask", "chat", "sources", "eval", "verify", "rebuild", "config"}
