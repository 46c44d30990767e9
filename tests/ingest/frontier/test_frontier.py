"""The visits of a pass, and what outlives it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.frontier.database import CrawlDatabase
from ingest.frontier.frontier import REPLACED, Found, Frontier
from ingest.frontier.memory import Memories, Memory
from rag.errors import StorageError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[CrawlDatabase]:
    with CrawlDatabase(tmp_path / "frontier.db") as database:
        yield database


@pytest.fixture
def frontier(database: CrawlDatabase) -> Frontier:
    frontier = Frontier(database)
    frontier.begin("key", NOW)
    return frontier


def url(name: str, site: str = "a.example") -> str:
    return f"http://{site}/{name}"


def taken(frontier: Frontier) -> list[str]:
    found = []
    while (visit := frontier.take()) is not None:
        frontier.settle(visit, "indexed")
        found.append(visit.url)
    return found


def test_each_page_is_taken_once_breadth_first(frontier: Frontier) -> None:
    assert (
        frontier.add([Found(url("deep"), 2, "link"), Found(url("top"), 0, "named"), Found(url("top"), 1, "link")]) == 2
    )
    assert frontier.waiting == 2
    assert taken(frontier) == [url("top"), url("deep")]
    assert frontier.add([Found(url("top"), 0, "named")]) == 0
    assert frontier.waiting == 0


def test_pages_that_were_read_before_are_no_news(frontier: Frontier, database: CrawlDatabase) -> None:
    """A reading process is started for many unread pages, and not for one that is unread among many known ones."""
    frontier.add([Found(url(name), 0, "named") for name in "abc"])
    memories = Memories(database)
    memories.keep(Memory(url("a"), "1", "hash", "content"))
    memories.note_missing(url("b"), "404", number=1)
    assert (frontier.waiting, frontier.unread) == (3, 2)
    frontier.take()
    assert (frontier.waiting, frontier.unread) == (2, 2)
    frontier.take()
    assert (frontier.waiting, frontier.unread) == (1, 1)


def test_sites_take_turns_and_busy_ones_wait(frontier: Frontier) -> None:
    frontier.add([Found(url(name, site), 0, "named") for site in ("a.example", "b.example") for name in "12"])
    first = frontier.take(["a.example"])
    assert first is not None
    assert first.url == url("1", "b.example")
    assert frontier.take(["a.example", "b.example"]) is None
    assert [url for url in taken(frontier) if "b.example" in url] == [url("2", "b.example")]


def test_deeper_pages_wait_until_all_shallower_ones_have_been_read(frontier: Frontier) -> None:
    frontier.add([Found(url("top"), 0, "named"), Found(url("next"), 1, "link")])
    top = frontier.take()
    assert top is not None
    assert frontier.take() is None
    frontier.settle(top, "", state="queued")
    assert frontier.take() is not None


def test_a_shorter_way_to_a_waiting_page_counts(frontier: Frontier) -> None:
    frontier.add([Found(url("a"), 3, "link")])
    frontier.add([Found(url("a"), 1, "link", "2024-01-01")])
    visit = frontier.take()
    assert visit is not None
    assert (visit.depth, visit.lastmod) == (1, "2024-01-01")


def test_a_redirect_takes_its_target_unless_somebody_else_did(frontier: Frontier) -> None:
    frontier.add([Found(url(name), 0, "named") for name in ("old", "new")])
    old = frontier.take()
    assert old is not None
    assert frontier.claim(url("new"), old) is not None
    assert frontier.waiting == 0
    assert frontier.claim(url("new"), old) is None
    assert frontier.claim(url("unheard of"), old) is not None


def test_an_unfinished_pass_goes_on_and_a_finished_or_old_one_does_not(database: CrawlDatabase) -> None:
    frontier = Frontier(database)
    frontier.begin("key", NOW)
    frontier.add([Found(url(name), 0, "named") for name in ("done", "failed", "at work", "waiting")])
    for name, state in (("done", "done"), ("failed", "failed")):
        visit = frontier.take()
        assert visit is not None
        frontier.settle(visit, name, state=state)  # type: ignore[arg-type]
    assert frontier.take() is not None
    again = Frontier(database)
    again.begin("key", NOW + timedelta(hours=1))
    assert again.resumed
    assert again.number == frontier.number
    assert taken(again) == [url("failed"), url("at work"), url("waiting")]
    again.finish(NOW)
    for start in (NOW, NOW + timedelta(hours=1)):
        new = Frontier(database)
        new.begin("key", start)
        assert new.number > frontier.number
        assert new.resumed == (start != NOW)
    late = Frontier(database)
    late.begin("key", NOW + timedelta(hours=30))
    assert not late.resumed


def test_passes_of_other_requests_do_not_mix(database: CrawlDatabase, frontier: Frontier) -> None:
    frontier.add([Found(url("a"), 0, "named")])
    other = Frontier(database)
    other.begin("other", NOW)
    assert not other.resumed
    assert taken(other) == []


def test_a_page_is_gone_when_two_passes_miss_it(database: CrawlDatabase) -> None:
    memories = Memories(database)
    assert not memories.note_missing(url("a"), "gone", number=1)
    assert not memories.note_missing(url("a"), "gone", number=1)
    assert memories.note_missing(url("a"), "gone", number=2)
    assert [(page.site, page.reason) for page in memories.gone()] == [("a.example", "gone")]
    memories.keep(Memory(url("a"), "1", "hash", "content"))
    assert memories.gone() == []
    assert not memories.note_missing(url("a"), "gone", number=3)
    assert memories.note_missing(url("b"), "noindex", number=3, sure=True)


def test_memories_come_back_as_they_were(database: CrawlDatabase) -> None:
    memories = Memories(database)
    memory = Memory(url("a"), "1:x", "body", "content", "2024", '"e"', "Mon", (url("b"), url("c")), None)
    memories.keep(memory)
    assert memories.recall(url("a")) == memory
    assert memories.recall(url("b")) is None
    assert memories.twin(url("z"), "content") == url("a")
    assert memories.twin(url("z", "b.example"), "content") is None
    memories.forget([url("a")])
    assert memories.recall(url("a")) is None


def test_a_folder_that_cannot_be_written_is_told_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="RAG_DATA_DIR"):
        CrawlDatabase(tmp_path / "file" / "frontier.db")


def spoil(database: CrawlDatabase) -> None:
    """A change that fails when half of it is made."""
    with database.change() as connection:
        connection.execute("DELETE FROM visit")
        raise ZeroDivisionError


def test_changes_of_a_moment_are_kept_together_and_in_order(tmp_path: Path) -> None:
    """Another connection sees none of them before they are committed, then all; one that fails leaves the others."""
    path = tmp_path / "frontier.db"
    with CrawlDatabase(path, commit_after=600.0) as database:
        frontier = Frontier(database)
        frontier.begin("key", NOW)
        frontier.add([Found("https://example.org/a", 0, "named")])
        with pytest.raises(ZeroDivisionError):
            spoil(database)
        with sqlite3.connect(path) as outside:
            assert outside.execute("SELECT count(*) FROM visit").fetchone() == (0,)
            database.commit()
            assert outside.execute("SELECT count(*) FROM visit").fetchone() == (1,)
        outside.close()


def test_what_is_left_is_committed_at_the_end(tmp_path: Path) -> None:
    """Leaving the database keeps the changes of the last moment."""
    path = tmp_path / "frontier.db"
    with CrawlDatabase(path, commit_after=600.0) as database:
        Frontier(database).begin("key", NOW)
    with CrawlDatabase(path) as database:
        frontier = Frontier(database)
        frontier.begin("key", NOW)
        assert frontier.resumed


def test_what_waits_for_the_others_is_not_visited_again_after_a_stop(database: CrawlDatabase) -> None:
    """A deferred page is decided from what is remembered; only one that has to be seen again waits anew."""
    frontier = Frontier(database)
    frontier.begin("key", NOW)
    frontier.add([Found(url(name), 0, "link") for name in ("list", "strange", "next")])
    for reason in ("list", REPLACED):
        visit = frontier.take()
        assert visit is not None
        frontier.settle(visit, reason, state="deferred")

    again = Frontier(database)
    again.begin("key", NOW)
    assert [(visit.url, reason) for visit, reason in again.deferred()] == [(url("list"), "list")]
    assert sorted(taken(again)) == [url("next"), url("strange")]
