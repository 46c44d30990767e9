"""PageLoader in the place of WebBaseLoader."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from bs4 import SoupStrainer

from ingest.loader import PageLoader
from rag.errors import InvalidRequest, SourceExcluded, SourceGone, SourceRefused
from tests.ingest.site import Site, page, prose

WebBaseLoader = PageLoader.__bases__[0]


def loader(site: Site, *paths: str, **options: Any) -> PageLoader:
    return PageLoader(web_paths=[site.url(path) for path in paths], allow_hosts=["127.0.0.1"], **options)


async def test_documents_have_the_shape_of_the_original(site: Site) -> None:
    site.pages["/a"] = page("A title", prose("a"), head='<meta name=description content="About a">')
    documents = await asyncio.to_thread(loader(site, "/a").load)
    assert documents[0].metadata == {
        "source": site.url("/a"),
        "title": "A title",
        "description": "About a",
        "language": "en",
    }
    assert prose("a") in documents[0].page_content


async def test_a_strainer_chooses_what_is_read(site: Site) -> None:
    """The way every tutorial calls it."""
    site.pages["/a"] = page("A", f'<span class="x">{prose("chosen")}</span>', prose("other"))
    only = SoupStrainer(class_=("x",))
    documents = await asyncio.to_thread(loader(site, "/a", bs_kwargs={"parse_only": only}).load)
    assert documents[0].page_content == prose("chosen")


async def test_async_loading_keeps_the_order(site: Site) -> None:
    for name in "abc":
        site.pages[f"/{name}"] = page(name, prose(name))
    documents = [document async for document in loader(site, "/c", "/a", "/b").alazy_load()]
    assert [document.metadata["title"] for document in documents] == ["c", "a", "b"]


async def test_loading_works_inside_a_running_event_loop(site: Site) -> None:
    """As in a notebook: the sync face waits in a thread of its own."""
    assert asyncio.get_running_loop()
    with pytest.raises(SourceRefused):
        PageLoader("http://10.0.0.1/").load()


async def test_failures_are_raised_or_left_out_and_never_empty_documents(site: Site) -> None:
    site.pages["/a"] = page("A", prose("a"))
    with pytest.raises(SourceGone):
        await asyncio.to_thread(loader(site, "/gone", "/a").load)
    documents = await asyncio.to_thread(loader(site, "/gone", "/a", continue_on_failure=True).load)
    assert [document.metadata["title"] for document in documents] == ["A"]


async def test_robots_txt_is_heeded(site: Site) -> None:
    site.pages["/robots.txt"], site.pages["/a"] = "User-agent: *\nDisallow: /", page("A", prose("a"))
    with pytest.raises(SourceExcluded):
        await asyncio.to_thread(loader(site, "/a").load)
    assert await asyncio.to_thread(loader(site, "/a", ignore_robots=True).load)


async def test_the_soup_faces_of_the_original_work(site: Site) -> None:
    site.pages["/a"] = page("A title", prose("a"))
    made = loader(site, "/a", header_template={"User-Agent": "Mine/1", "X-Extra": "1"})
    soup = await asyncio.to_thread(made.scrape)
    assert soup.title.get_text() == "A title"
    assert (await made.ascrape_all([site.url("/a")]))[0].title.get_text() == "A title"
    assert site.requests[-1].headers["X-Extra"] == "1"
    assert site.requests[-1].headers["User-Agent"] == "Mine/1"


async def test_a_given_encoding_is_used(site: Site) -> None:
    site.pages["/a"] = page("题目", "这是一个没有声明编码的页面，里面有足够长的文字，可以读出来。" * 5).encode("gbk")
    site.headers["/a"] = {"Content-Type": "text/html"}
    documents = await asyncio.to_thread(loader(site, "/a", encoding="gbk").load)
    assert documents[0].metadata["title"] == "题目"


def test_the_constructor_takes_what_the_original_takes() -> None:
    for name in inspect.signature(WebBaseLoader.__init__).parameters:
        if name not in ("self", "session", "verify_ssl", "proxies", "web_path"):
            given = {"web_paths": ["https://example.com/"]}.get(
                name, inspect.signature(WebBaseLoader.__init__).parameters[name].default
            )
            assert isinstance(PageLoader(**{name: given}), WebBaseLoader)
    assert PageLoader("https://example.com/").web_path == "https://example.com/"


def test_what_would_go_round_the_guard_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        PageLoader("https://example.com/", verify_ssl=False)
    with pytest.raises(InvalidRequest):
        PageLoader("https://example.com/", proxies={"https": "http://proxy.example:3128"})
