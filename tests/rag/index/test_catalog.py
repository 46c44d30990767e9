"""The catalog keeps what was read, finds it fast by id and prefix, and changes in whole transactions."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rag.errors import IndexMismatch, InvalidRequest, StorageError
from rag.index.catalog import Catalog
from rag.index.changes import CatalogChanges, check_pages, site_of
from rag.index.embedding import packed, unpacked
from rag.index.rows import Head, Identity, text_hash
from rag.vocabulary import Block, Chunk, Filter, Page
from tests.fakes import EPOCH, make_chunk, make_chunks, make_page


@pytest.fixture
def changes(catalog: Catalog) -> CatalogChanges:
    return CatalogChanges(catalog)


def put(changes: CatalogChanges, *pages: Page) -> list[Chunk]:
    chunked = [(page, make_chunks(page)) for page in pages]
    changes.switch(chunked, [])
    return [chunk for _, chunks in chunked for chunk in chunks]


def test_a_page_comes_back_as_it_was_read(catalog: Catalog, changes: CatalogChanges) -> None:
    """Blocks, dates, validators and Chinese text survive, and the text is what the chunks are slices of."""
    page = make_page(
        "## 思维链",
        "A chain of thought.",
        "第二段。",
        author="Ann",
        published="2024-01-01",
        etag='"x"',
        last_modified="Mon",
    )
    page = replace(page, blocks=(*page.blocks, Block("code", "a\nb", first_line=7)))
    chunks = put(changes, page)

    assert catalog.page(page.url) == page
    assert catalog.page_text(page.url) == page.text
    assert catalog.page_chunks(page.url) == chunks
    assert catalog.page("https://example.org/other") is None
    assert catalog.page_text("https://example.org/other") is None


def test_chunks_are_loaded_by_id_and_unknown_ids_are_absent(catalog: Catalog, changes: CatalogChanges) -> None:
    """A chunk comes with title, section, language and the time of its page."""
    page = make_page("one", "two")
    chunk = replace(make_chunks(page)[0], section=("A", "B"), title="Another title", language="de", anchor="a")
    changes.switch([(page, [chunk])], [])

    loaded = catalog.load_chunks([chunk.id, "0" * 32])

    assert list(loaded) == [chunk.id]
    assert loaded[chunk.id].chunk == chunk
    assert loaded[chunk.id].fetched_at == EPOCH


def test_texts_are_loaded_as_they_were_written(catalog: Catalog, changes: CatalogChanges) -> None:
    """Quotes, control characters, a zero and whatever JSON or SQLite would read as something else."""
    texts = [
        '"\\/\b\f\n\r\t',
        "one\x00two",
        "".join(map(chr, range(1, 32))),
        "\u2028 👩\u200d👧 \ufffe",
        '[{"a": null}]',
    ]
    chunks = put(changes, make_page(*texts))

    loaded = catalog.load_chunks([chunk.id for chunk in chunks])

    assert [loaded[chunk.id].chunk for chunk in chunks] == chunks


def test_candidates_are_looked_up_without_their_texts(catalog: Catalog, changes: CatalogChanges) -> None:
    """Titles and languages of chunks that are in force come in the order asked for; vectors to the last bit."""
    page = make_page("one", "two", "three", title='A "page"', language="fr")
    one, two, three = make_chunks(page)
    two = replace(two, title="Another title", language="de")
    changes.switch([(page, [one, two, three])], [])
    vectors = [[0.0, -1.5, 0.0], [1e-30, 256.0, 3.4e38]]
    hashes = [text_hash(chunk.embedded_text) for chunk in (three, one)]
    changes.add_vectors({key: packed(vector) for key, vector in zip(hashes, vectors, strict=True)}, "m")

    with catalog.moment() as moment:
        heads = moment.heads([three.id, "0" * 32, two.id])
        found = moment.vectors([one.id, two.id, three.id], "m")
        assert moment.heads([]) == {}
        assert moment.vectors([two.id], "m") == {}

    assert list(heads.values()) == [Head(three.id, 'A "page"', "fr"), Head(two.id, "Another title", "de")]
    assert list(heads) == [three.id, two.id]
    assert found == {one.id: packed(vectors[1]), three.id: packed(vectors[0])}


def test_a_page_is_replaced_whole(catalog: Catalog, changes: CatalogChanges) -> None:
    """After a switch exactly the new chunks are in force; the ones that stayed have their new places."""
    old = put(changes, make_page("one", "two", "three"))
    new = put(changes, make_page("zero", "two", "three"))

    assert catalog.chunk_ids() == {chunk.id for chunk in new}
    assert catalog.load_chunks([old[0].id]) == {}
    assert catalog.counts() == (1, 3, 0)


def test_pages_are_listed_by_prefix_site_state_and_language(catalog: Catalog, changes: CatalogChanges) -> None:
    """A prefix is literal: `%` and `_` mean themselves."""
    urls = ["https://a.org/x/1", "https://a.org/x_2", "https://a.org/x%2", "https://b.org/x/1", "file:///x"]
    put(changes, *(make_page("text", url=url, language="zh" if "b.org" in url else "en") for url in urls))
    changes.set_state(["https://a.org/x/1"], "gone")

    assert [row.url for row in catalog.pages("https://a.org/x_")] == ["https://a.org/x_2"]
    assert [row.url for row in catalog.pages(site="https://b.org")] == ["https://b.org/x/1"]
    assert [row.url for row in catalog.pages(state="gone")] == ["https://a.org/x/1"]
    assert [row.url for row in catalog.pages(language="zh")] == ["https://b.org/x/1"]
    assert [row.url for row in catalog.pages()] == sorted(urls)
    assert catalog.count_chunks(Filter("https://a.org/", "en")) == 3
    assert catalog.count_chunks(Filter(language="zh")) == 1
    assert catalog.count_chunks() == 5


def test_pages_can_be_changed_while_they_are_listed(catalog: Catalog, changes: CatalogChanges) -> None:
    """A long listing holds no transaction open and skips nothing."""
    put(changes, *(make_page("text", url=f"https://a.org/{n:04}") for n in range(1_100)))

    seen = []
    for row in catalog.pages():
        seen.append(row.url)
        changes.forget_pages([row.url])

    assert len(seen) == 1_100
    assert catalog.counts().pages == 0


def test_a_visit_renews_dates_and_a_failed_one_leaves_a_mark(catalog: Catalog, changes: CatalogChanges) -> None:
    """`state_since` tells since when; an unchanged state keeps it."""
    page = make_page("text")
    put(changes, page)

    changes.set_state([page.url], "unknown")
    first = catalog.page_row(page.url)
    changes.set_state([page.url], "unknown")
    assert catalog.page_row(page.url) == first
    later = replace(page, fetched_at=EPOCH + timedelta(days=1), etag='"2"')
    assert changes.visited([(later, "2026-01-01")]) == 1

    row = catalog.page_row(page.url)
    assert row is not None
    assert (row.state, row.etag, row.lastmod, row.fetched_at) == ("present", '"2"', "2026-01-01", later.fetched_at)
    assert not changes.visited([(make_page("x", url="https://unknown.org/"), None)])


def test_vectors_are_kept_by_text_and_model(catalog: Catalog, changes: CatalogChanges) -> None:
    """The same text under another model is another vector; unused ones can be dropped."""
    (chunk,) = put(changes, make_page("text"))
    used, unused = text_hash(chunk.embedded_text), text_hash("gone")
    changes.add_vectors({used: packed([1.0, 0.5]), unused: packed([0.0, 1.0])}, "m")

    assert unpacked(catalog.vectors([used, unused], "m")[used]) == [1.0, 0.5]
    assert catalog.vectors([used], "other") == {}
    assert changes.forget_vectors([used, unused]) == 1
    assert changes.forget_vectors() == 0
    assert list(catalog.vectors([used, unused], "m")) == [used]


def test_another_embedding_model_or_chunker_is_refused_with_the_cure(catalog: Catalog, changes: CatalogChanges) -> None:
    """The first writer decides; who comes with something else is told how to go on."""
    changes.claim(Identity("minilm", 384, 1))
    changes.claim(Identity("minilm", 384, 1))

    with pytest.raises(IndexMismatch, match=r"'minilm' \(384 dimensions\).*'other'.*RAG_EMBEDDINGS=minilm.*rebuild"):
        catalog.check_embeddings("other")
    with pytest.raises(IndexMismatch, match="footnote rebuild"):
        changes.claim(Identity("minilm", 3, 1))
    with pytest.raises(IndexMismatch, match=r"version 1 of the chunker.*version 2.*footnote rebuild"):
        changes.claim(Identity("minilm", 384, 2))


def test_a_full_disk_is_told_and_leaves_nothing_half_written(catalog: Catalog, changes: CatalogChanges) -> None:
    """The batch that does not fit is not there at all, and what was there before still is."""
    put(changes, make_page("before", url="https://a.org/before"))
    with catalog.database.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    big = [make_page("word " * 2_000, url=f"https://a.org/{n}") for n in range(50)]
    with pytest.raises(StorageError, match=r"no space left.*Free some space"):
        put(changes, *big)

    assert [row.url for row in catalog.pages()] == ["https://a.org/before"]
    assert catalog.integrity() == []


def test_a_folder_that_cannot_be_used_is_told_with_the_cure(tmp_path: Path) -> None:
    """A file where the data folder should be, and a file that is no catalog."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="RAG_DATA_DIR"):
        Catalog(tmp_path / "file" / "catalog.db")
    (tmp_path / "odd.db").write_text("this is no database at all, whatever its name says" * 50)
    with pytest.raises(StorageError, match="is not a catalog"):
        Catalog(tmp_path / "odd.db")


def test_a_read_only_catalog_is_told_with_the_cure(catalog: Catalog, changes: CatalogChanges) -> None:
    """SQLite's refusal becomes ours."""
    with catalog.database.read() as connection:
        connection.execute("PRAGMA query_only = ON")

    with pytest.raises(StorageError, match=r"cannot be written.*RAG_DATA_DIR"):
        put(changes, make_page("text"))


def test_an_error_of_ours_in_sql_is_not_blamed_on_the_disk(catalog: Catalog) -> None:
    """Broken rules of the schema come through as they are."""
    with pytest.raises(sqlite3.IntegrityError), catalog.database.write() as connection:
        connection.execute("INSERT INTO page_blocks VALUES (1, NULL)")


def test_readers_see_all_of_a_transaction_or_nothing(catalog: Catalog, changes: CatalogChanges) -> None:
    """While a writer is in the midst, a reader sees the old page."""
    put(changes, make_page("old"))
    with catalog.database.write() as connection:
        connection.execute("DELETE FROM pages")
        assert catalog.counts().pages == 1
    assert catalog.counts().pages == 0
    assert catalog.page_chunks("https://example.org/page") == []


def test_what_is_no_slice_of_its_page_is_refused() -> None:
    """Wrong offsets, ids used twice, foreign URLs and lone surrogates do not get in."""
    page = make_page("one", "two")
    good = make_chunks(page)
    for bad in (
        [replace(good[0], start=1)],
        [good[0], replace(good[1], id=good[0].id)],
        [make_chunk("one", url="https://other.org/")],
    ):
        with pytest.raises(InvalidRequest, match=page.url):
            check_pages([(page, bad)])
    with pytest.raises(InvalidRequest, match="surrogate"):
        check_pages([(make_page("\ud800"), [])])
    check_pages([(page, good), (page, good)])


def test_the_site_of_a_url_is_scheme_and_host() -> None:
    """Ports count, paths do not; files have one site."""
    assert site_of("https://a.org:8443/x?y") == "https://a.org:8443"
    assert site_of("file:///tmp/x.html") == "file:"
