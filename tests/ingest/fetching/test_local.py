"""Local files and folders as sources."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.fetching.local import local_pages, read_file
from ingest.urls import file_identity
from rag.errors import SourceExcluded, SourceGone, SourceTooLarge, SourceUnreadable
from tests.ingest.conftest import Crawler
from tests.ingest.site import page, prose


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pages of every type, things that are no pages, and ways out."""
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "a.html").write_text(page("A", prose("a")))
    (folder / "deep" / "b ü.md").write_text(f"# B\n\n{prose('b')}\n")
    (folder / "c.txt").write_text(prose("c"))
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / ".hidden" / "d.html").write_text(page("D", prose("d")))
    (tmp_path / "secret.html").write_text(page("Secret", prose("secret")))
    (folder / "way_out.html").symlink_to(tmp_path / "secret.html")
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    (folder / "same.html").symlink_to(folder / "a.html")
    return folder


async def test_a_folder_is_read_through_and_through_but_never_out_of_it(folder: Path, crawler: Crawler) -> None:
    report = await crawler.run(str(folder))
    assert sorted(Path(url).name for url in crawler.store.pages) == ["a.html", "b%20%C3%BC.md", "c.txt"]
    assert sorted(Path(skip.url).name for skip in report.skips if skip.reason == "symlink") == ["up", "way_out.html"]
    assert report.exit_code == 0


def test_what_a_site_keeps_for_programs_is_no_page(folder: Path) -> None:
    """robots.txt and text sitemaps lie beside the pages of a saved site; named alone, a file is read all the same."""
    for name in ("robots.txt", "sitemap.txt", "sitemap-2.txt", "Humans.TXT", "ads.txt", "llms.txt"):
        (folder / "deep" / name).write_text("User-agent: *\nDisallow:\n")
    (folder / "deep" / "robots.html").write_text(page("Robots", prose("robot")))
    assert [url.rpartition("/")[2] for url in local_pages(str(folder / "deep"))] == ["b%20%C3%BC.md", "robots.html"]
    assert len(list(local_pages(str(folder / "deep" / "robots.txt")))) == 1


async def test_a_second_run_over_files_reads_nothing_anew(folder: Path, crawler: Crawler) -> None:
    await crawler.run(str(folder))
    report = await crawler.run(str(folder))
    assert (report.unchanged, report.embedded) == (3, 0)
    (folder / "c.txt").write_text(prose("something else"))
    assert (await crawler.run(str(folder))).indexed == 1


async def test_single_files_and_folders_may_be_named_together(folder: Path, crawler: Crawler, tmp_path: Path) -> None:
    report = await crawler.run(str(folder / "a.html"), str(tmp_path / "secret.html"), str(folder / "deep"))
    assert report.indexed == 3


def test_what_is_not_there_or_no_page_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceGone, match="There is no file"):
        list(local_pages(str(folder / "nothing.html")))
    with pytest.raises(SourceUnreadable, match="not of a type"):
        list(local_pages(str(folder / "picture.png")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceUnreadable, match="holds no page"):
        list(local_pages(str(tmp_path / "empty")))


def test_a_file_that_became_a_link_is_not_read(folder: Path, tmp_path: Path) -> None:
    url = file_identity(folder / "c.txt")
    (folder / "c.txt").unlink()
    (folder / "c.txt").symlink_to(tmp_path / "secret.html")
    with pytest.raises(SourceExcluded):
        read_file(url, 1_000_000)


def test_a_huge_file_is_refused(folder: Path) -> None:
    with pytest.raises(SourceTooLarge):
        read_file(file_identity(folder / "c.txt"), 10)


async def test_a_name_that_is_no_text_is_a_name(tmp_path: Path, crawler: Crawler) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.html")
    path.write_text(page("A", prose("a")))
    report = await crawler.run(str(tmp_path))
    assert report.exit_code == 0
    assert [url.rpartition("/")[2] for url in crawler.store.pages] == ["caf%E9.html"]
