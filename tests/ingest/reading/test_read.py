"""A page is read with its metadata, or refused with the reason."""

from __future__ import annotations

import pytest
from bs4 import SoupStrainer

from ingest.reading.read import read_page, read_text
from rag.errors import SourceTooLarge, SourceUnreadable
from tests.ingest.reading_pages import FETCHED_AT, PROSE, URL, read

HEAD = """<html lang=en-GB><head><title>Refunds | Shop</title><meta property=og:title content='Refunds | Shop'>
<meta property=og:site_name content=Shop><meta name=author content='By Ada Lovelace'><base href=https://site.example/base/>
<meta property=article:published_time content=2026-01-01T10:00:00+01:00><meta name=robots content='NOINDEX, follow'>
<script type=application/ld+json>{"@graph":[{"@type":"Article","dateModified":"2026-02-03"
,"datePublished":"2020-01-01"}]}</script><link rel=canonical href=/refunds></head>"""


def test_what_the_page_says_about_itself_is_read() -> None:
    """Title without the site's name, author, dates, canonical address and robots words."""
    reading = read(f"{HEAD}<body><p>{PROSE}</p>", etag='"1"', last_modified="Thu, 01 Jan 2026 09:00:00 GMT")
    page = reading.page
    assert (page.title, page.author, page.published, page.modified) == (
        "Refunds",
        "Ada Lovelace",
        "2026-01-01T10:00:00+01:00",
        "2026-02-03",
    )
    assert (page.language, page.etag, page.last_modified) == ("en", '"1"', "Thu, 01 Jan 2026 09:00:00 GMT")
    assert reading.canonical == "https://site.example/refunds"
    assert reading.robots == {"noindex", "follow"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"PK\x03\x04", "archive"),
    ],
)
def test_what_is_no_page_is_refused_whatever_its_type_says(body: bytes, kind: str) -> None:
    """Some sites send PDFs and images as `text/html`, or keep them under `.txt`."""
    with pytest.raises(SourceUnreadable, match=kind):
        read_page(body, URL, fetched_at=FETCHED_AT, content_type="text/html")
    with pytest.raises(SourceUnreadable, match=kind):
        read_text(body, URL, fetched_at=FETCHED_AT)


def test_links_are_absolute_and_once_each() -> None:
    """Relative to `<base>`, without fragments; nofollow noted; other schemes and broken addresses left out."""
    links = "<a href=a#x>1</a><a href=a#y>2</a><a rel='nofollow ugc' href=//b.example/>3</a>"
    odd = "<a href=mailto:a@b.example>4</a><a href='http://['>5</a><a href='#top'>6</a><a href=javascript:x()>7</a>"
    found = read(f"{HEAD}<body><p>{PROSE}</p>{links}{odd}").links
    assert [(link.url, link.nofollow) for link in found] == [
        ("https://site.example/base/a", False),
        ("https://b.example/", True),
    ]


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Chunks — Footnote documentation</title>", "Chunks"),
        ("<title>Footnote documentation</title>", "Footnote documentation"),
        ("<title>A - B - C</title><h1>B - C</h1>", "B - C"),
        ("<h1>Only a heading</h1>", "Only a heading"),
        ("<title></title>", URL),
    ],
)
def test_titles(head: str, title: str) -> None:
    """The heading where the title repeats it, else the title without the site, else whatever there is."""
    assert read(f"<html><head>{head}</head><body><p>{PROSE}</p>").page.title == title


def test_the_text_tells_the_language_before_the_template_does() -> None:
    """A template's `lang=en` does not make a Chinese page English."""
    chinese = "退款期限为收货后三十天，申请时需要随包裹附上的收据。" * 3
    assert read(f"<html lang=en><body><p>{chinese}</p>").page.language == "zh"


@pytest.mark.parametrize("kind", ["id", "class"])
def test_only_the_chosen_elements_are_read(kind: str) -> None:
    """A SoupStrainer, as WebBaseLoader takes it, chooses what is read; metadata still come from the whole page."""
    html = f"{HEAD}<body><p>out</p><div {kind}=post><p>{PROSE}</p></div><nav {kind}=post>menu</nav>"
    only = SoupStrainer(id="post") if kind == "id" else SoupStrainer(class_="post")
    page = read(html, only=only).page
    assert [block.text for block in page.blocks] == [PROSE, "menu"]
    assert page.title == "Refunds"


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("", "empty"),
        ("<html><body><img src=a.png></body></html>", "no text"),
        ("<html><body><div id=root></div><script src=app.js></script>", "JavaScript"),
        ("<html><body><noscript>Enable JavaScript.</noscript><p>Loading</p><script src=app.js></script>", "JavaScript"),
        ("<html><frameset><frame src=menu.html><frame src=text.html></frameset></html>", "text.html"),
        ("<?xml version='1.0'?><rss><channel><title>News</title></channel></rss>", "'rss'"),
    ],
)
def test_a_page_without_text_is_refused_with_the_reason(html: str, said: str) -> None:
    """Nothing is indexed empty: the message says what kind of page it is."""
    with pytest.raises(SourceUnreadable, match=said):
        read(html)


def test_a_page_that_asks_not_to_be_indexed_may_be_empty() -> None:
    """`noindex` reaches the crawler even where there is no text."""
    assert "noindex" in read(f"{HEAD}<body></body>").robots


def test_chosen_elements_without_text_are_named_as_the_reason() -> None:
    """The cure for an `--only` that matches nothing is to check `--only`."""
    with pytest.raises(SourceUnreadable, match="--only"):
        read(f"<html><body><p>{PROSE}</p>", only=SoupStrainer(class_="missing"))


@pytest.mark.parametrize(
    "html",
    ["<div>" * 100_000 + PROSE, "<ul><li>" * 50_000 + PROSE, "<p></p>" * 300_000],
    ids=["deep divs", "deep lists", "many elements"],
)
def test_too_deep_or_too_many_elements_are_refused(html: str) -> None:
    """The cost of a page is bounded by refusing it, never by a RecursionError."""
    with pytest.raises(SourceTooLarge):
        read(html)


@pytest.mark.parametrize(
    "html",
    [
        f"{'<div>' * 1500}<p>{PROSE}</p>",
        f"<p {' '.join(f'a{n}=1' for n in range(100_000))}>{PROSE}</p>",
        f"<p class='{'a' * 1_000_000}'>{PROSE}</p>",
        f"<script type=application/ld+json>{'[' * 100_000}</script><p>{PROSE}</p>",
        f"<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><p>{PROSE}</p><p>&x;</p>",
    ],
    ids=["depth", "attributes", "long attribute", "deep JSON", "entity"],
)
def test_odd_pages_are_still_read(html: str) -> None:
    """Deep, bloated or hostile markup around honest text does not keep it from being read, and reads no file."""
    text = read(html).page.text
    assert PROSE in text
    assert "root:" not in text


def test_xhtml_is_read_as_such() -> None:
    """A self-closed script of XHTML does not swallow the page."""
    head = "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><script src='a'/></head>"
    page = f"{head}<body><p>{PROSE}</p></body></html>"
    assert read(page, content_type="application/xhtml+xml").page.text == PROSE


def test_markdown_files_are_read_into_blocks() -> None:
    """Front matter gives the metadata; headings get the anchors that renderers give them."""
    text = f"---\ntitle: Refunds\ndate: 2026-01-01\nauthor: Ada\n---\n# How to *return*\n\n{PROSE}\n"
    page = read_text(text, "file:///docs/refunds.md", fetched_at=FETCHED_AT).page
    assert (page.title, page.author, page.published, page.language) == ("Refunds", "Ada", "2026-01-01", "en")
    assert [(block.kind, block.text, block.anchor) for block in page.blocks] == [
        ("heading", "How to return", "how-to-return"),
        ("paragraph", PROSE, "how-to-return"),
    ]


def test_plain_text_is_read_by_its_blank_lines() -> None:
    """Lines wrapped at a margin are joined, short lines are kept, an underlined line is a heading."""
    text = (
        b"Refunds\n=======\n\n" + b"The refund window is thirty days after delivery, and\nyou need it.\n\nmilk\neggs\n"
    )
    page = read_text(text, "file:///a/notes.txt", fetched_at=FETCHED_AT).page
    assert page.title == "Refunds"
    assert [block.text for block in page.blocks[1:]] == [
        "The refund window is thirty days after delivery, and you need it.",
        "milk\neggs",
    ]


@pytest.mark.parametrize("data", [b"", b" \n", b"\x00\x01\x02binary\x00" * 20])
def test_a_file_without_text_is_refused(data: bytes) -> None:
    """An empty or binary file is no page."""
    with pytest.raises(SourceUnreadable):
        read_text(data, "file:///a/notes.txt", fetched_at=FETCHED_AT)
