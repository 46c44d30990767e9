"""Reading in another process is reading here, and what a page does to that process is that page's failure."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.apart.page import PageReader, ReadPage
from ingest.apart.processes import LARGE, ApartReader
from ingest.fetching.answers import Fetched
from rag.errors import SourceNeedsScript, SourceUnreadable
from rag.models.embeddings import EmbeddingModel
from tests.fakes import FakeEmbeddings

NOW = datetime(2026, 5, 4, tzinfo=UTC)
URL = "https://example.org/guide"
PAGE = """<html lang="en"><head><title>Guide</title><meta name="author" content="Ada">
<link rel="canonical" href="/guide"></head><body><main><h1 id="top">Guide</h1>
<p>Footnote answers questions over the pages that you choose, and cites each sentence. 思维链。</p>
<h2 id="more">More</h2><pre><i class="ln">1</i>print("verbatim")</pre>
<p>See <a href="/other" rel="nofollow">the other page</a>.</p>
</main></body></html>"""


class Deadly(PageReader):
    """Does to its process what a hostile page might do to a parser; sent by name, as a bug of ours would be."""

    def read(self, fetched: Fetched, fetched_at: datetime, known_hash: str | None = None) -> ReadPage:
        body = fetched.body.decode()
        if body == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if body == "bug":
            raise ZeroDivisionError("a bug")
        while body == "spin":
            pass
        return super().read(fetched, fetched_at, known_hash)


def embeddings() -> EmbeddingModel:
    return EmbeddingModel("fake", FakeEmbeddings(8), 8)


def fetched(body: str = PAGE) -> Fetched:
    return Fetched(URL, URL, 200, "text/html; charset=utf-8", body.encode(), etag='"1"')


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readers of this test can be found by the process that is to use them."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))


@pytest.fixture
def deadly(root: None) -> Iterator[ApartReader]:
    with ApartReader(Deadly(embeddings()), processes=1, seconds=1.0, read_here=0) as reader:
        reader.wait_until_up()
        yield reader


def test_a_page_read_apart_is_the_page_read_here() -> None:
    """Blocks, chunks, links, hash, outline: all but the links as written are the same."""
    here = PageReader(embeddings())
    with ApartReader(here, processes=1, read_here=0) as reader:
        reader.wait_until_up()
        found, wanted = reader.read(fetched(), NOW), here.read(fetched(), NOW)
        assert reader.read_apart == 1
    assert (found.reading.page, found.links) == (wanted.reading.page, wanted.links)
    assert tuple(found.chunks) == tuple(wanted.chunks)
    assert found.reading.page.content_hash == wanted.reading.page.content_hash
    assert (found.outline, found.is_list) == (wanted.outline, wanted.is_list)
    assert (found.reading.canonical, found.reading.robots) == (wanted.reading.canonical, wanted.reading.robots)


def test_a_page_whose_hash_is_known_is_not_chunked_there_either() -> None:
    """The known hash reaches the other process."""
    here = PageReader(embeddings())
    known = here.read(fetched(), NOW).reading.page.content_hash
    with ApartReader(here, processes=1, read_here=0) as reader:
        reader.wait_until_up()
        assert reader.read(fetched(), NOW, known).chunks == ()


def test_the_errors_of_a_page_come_back_as_they_are() -> None:
    """Class and message of an error are those that reading here would raise."""
    app = '<html><body><div id="root"></div><script src="app.js"></script></body></html>'
    with ApartReader(PageReader(embeddings()), processes=1, read_here=0) as reader:
        reader.wait_until_up()
        with pytest.raises(SourceNeedsScript, match="needs JavaScript") as caught:
            reader.read(fetched(app), NOW)
    assert caught.value.cure


@pytest.mark.parametrize("body", ["crash", "spin", "bug"])
def test_a_page_that_ends_its_process_is_that_page_s_failure(deadly: ApartReader, body: str) -> None:
    """The page is named, and the next one is read by the next process, not here."""
    with pytest.raises(SourceUnreadable, match=URL):
        deadly.read(fetched(body), NOW)
    assert deadly.read(fetched(), NOW).reading.page.title == "Guide"
    assert deadly.read_apart == 2


def test_a_reader_that_cannot_be_sent_reads_here() -> None:
    """A counter of tokens that is a closure stays where it is, and so does the reading."""
    model = EmbeddingModel("fake", FakeEmbeddings(8), 8, count_tokens=lambda text: len(text) // 4)
    with ApartReader(PageReader(model), processes=1, read_here=0) as reader:
        assert reader.read(fetched(), NOW).chunks
        assert reader.read_apart == 0


def test_the_first_pages_are_read_here() -> None:
    """Few pages start no process."""
    with ApartReader(PageReader(embeddings()), processes=1, read_here=2) as reader:
        for _ in range(2):
            assert reader.read(fetched(), NOW).chunks
        assert not reader.processes


def test_when_many_pages_are_on_their_way_the_first_is_read_apart_too() -> None:
    """As many as would be read here, and not one less."""
    with ApartReader(PageReader(embeddings()), processes=1, read_here=2) as reader:
        reader.expect(1)
        assert reader.read(fetched(), NOW).chunks
        assert reader.read_apart == 0
        reader.expect(2)
        assert reader.read(fetched(), NOW).chunks
        assert reader.read_apart == 1


def test_closing_ends_the_processes() -> None:
    """No process outlives the ingestion."""
    reader = ApartReader(PageReader(embeddings()), processes=1, read_here=0)
    reader.wait_until_up()
    (number,) = reader.processes
    reader.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_large_page_is_read_apart_even_when_it_is_the_first() -> None:
    """Here nothing could end what takes too long."""
    with ApartReader(PageReader(embeddings()), processes=1) as reader:
        reader.read(fetched(), NOW)
        assert reader.read_apart == 0
        reader.read(fetched(PAGE + " " * LARGE), NOW)
        assert reader.read_apart == 1
