"""Where a crawl may go, what a listing is, and which elements are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from ingest.fetching.guard import Guard
from ingest.frontier.database import CrawlDatabase
from ingest.frontier.listing import Openings, hints_at_list, is_bare_list, outline
from ingest.frontier.scope import Scope
from ingest.media import looks_like_page
from ingest.reading.only import strainer
from ingest.spec import IngestSpec
from rag.errors import InvalidRequest
from tests.fakes import make_page
from tests.ingest.site import prose

BASE = "http://a.example"


@pytest.mark.parametrize(
    ("seed", "inside", "outside"),
    [
        ("/docs/", ["/docs/", "/docs/a", "/docs/a/b"], ["/", "/docsy", "/other"]),
        ("/docs/intro.html", ["/docs/", "/docs/a"], ["/", "/other"]),
        ("/docs", ["/docs", "/docs/a"], ["/", "/docsy"]),
        ("/", ["/", "/a", "/a/b"], []),
        ("/?page=2", ["/", "/a"], []),
    ],
)
def test_a_seed_opens_its_folder(seed: str, inside: list[str], outside: list[str]) -> None:
    scope = Scope(Guard())
    scope.add_seed(BASE + seed)
    assert [path for path in inside if not scope.covers(BASE + path)] == []
    assert [path for path in outside if scope.covers(BASE + path)] == []
    assert not scope.covers("http://b.example" + inside[0])
    assert not scope.covers("http://a.example:8080" + inside[0])


def test_only_a_host_opened_by_hand_has_another_name() -> None:
    """A page of the open web cannot claim the links to some other site for itself."""
    for guard, found in ((Guard(["127.0.0.1"]), ["http://127.0.0.1/a"]), (Guard(), [])):
        scope = Scope(guard)
        scope.learn_mirror("http://127.0.0.1/", "https://public.example/")
        assert scope.inside(["https://public.example/a", "https://third.example/"], "http://127.0.0.1/") == found


def test_endless_paths_and_queries_are_mazes() -> None:
    scope = Scope(Guard())
    assert scope.is_maze(BASE + "/a/b/a/b/a/b/a/b")
    assert scope.is_maze(BASE + "/" + "/".join(map(str, range(30))))
    assert not scope.is_maze(BASE + "/2024/01/02/a-post")
    assert [scope.is_maze(f"{BASE}/list?page={number}") for number in range(60)].count(True) == 10


def test_links_to_images_and_archives_are_not_asked_for() -> None:
    for name in ("/a.png", "/a.PDF", "/a.tar.gz", "/style.css?v=1"):
        assert not looks_like_page(BASE + name)
    for name in ("/", "/a", "/a.html", "/a.php?x=b.png", "/v1.2", "/a.b/c"):
        assert looks_like_page(BASE + name)


@pytest.mark.parametrize(
    ("body", "path", "is_list"),
    [
        (b'<body class="list dark">', "/x", True),
        (b"<body class=post>", "/x", False),
        (b"<article></article>" * 3, "/x", True),
        (b"<article></article>", "/x", False),
        (b'{"@type": "CollectionPage"}', "/x", True),
        (b"", "/tags/x/", True),
        (b"", "/blog/page/3/", True),
        (b"", "/pagetags/x", False),
    ],
)
def test_markup_and_address_hint_at_a_list(body: bytes, path: str, is_list: bool) -> None:
    assert hints_at_list(body, BASE + path) == is_list


def test_a_list_is_bare_or_borrows_its_sentences(tmp_path: Path) -> None:
    with CrawlDatabase(tmp_path / "frontier.db") as database:
        openings = Openings(database)
        post = make_page(prose("one", 9), url=BASE + "/one")
        teasers = make_page(prose("one", 2) + " …", prose("two", 2), url=BASE + "/tags/x")
        openings.keep(post.url, outline(post, is_list=False).openings)
        openings.keep(teasers.url, outline(teasers, is_list=True).openings)
        assert openings.are_borrowed(teasers.url, [post.url])
        assert not openings.are_borrowed(teasers.url, [BASE + "/two"])
        assert not openings.are_borrowed(BASE + "/unknown", [post.url])
    bare = make_page("# One", "Date: 1 May", "# Two", "Date: 2 May")
    assert is_bare_list(outline(bare, is_list=True), links=9)
    assert not is_bare_list(outline(post, is_list=True), links=9)


@pytest.mark.parametrize(
    ("selectors", "kept"),
    [
        (["article"], "art"),
        ([".x"], "one two"),
        (["div.x"], "one"),
        (["#main"], "one"),
        (["[role=note]"], "note"),
        (["[role]", "article"], "art note"),
        (["*.y"], "two"),
    ],
)
def test_elements_are_chosen_by_simple_css(selectors: list[str], kept: str) -> None:
    html = "<div class=x id=main>one</div><p class='x y'>two</p><article>art</article><p role=note>note</p><p>rest</p>"
    soup = BeautifulSoup(html, "lxml", parse_only=strainer(selectors))
    assert soup.get_text(" ") == kept


@pytest.mark.parametrize("selector", ["", "a b", "a > b", "a:first-child", "a,b", "."])
def test_other_css_is_refused_with_the_forms_that_work(selector: str) -> None:
    with pytest.raises(InvalidRequest, match=r"div\.content"):
        strainer([selector])


def test_a_request_that_makes_no_sense_is_refused() -> None:
    for make in (
        lambda: IngestSpec(),
        lambda: IngestSpec(("a",), prune=True),
        lambda: IngestSpec(("a",), max_prune=101),
        lambda: IngestSpec(("a",), max_prune=float("nan")),
    ):
        with pytest.raises(InvalidRequest):
            make()
    assert IngestSpec(("a",)).key == IngestSpec(("a",)).key != IngestSpec(("b",)).key
