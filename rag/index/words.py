"""The words index: BM25 over title, headings and text of every chunk. `word_query.py` says what it is asked.

Texts are cut into terms by `search_terms` before tantivy sees them, and questions by the same function, so that there
is one notion of a word.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import Conflict, IndexMismatch, IndexUnavailable
from rag.index.word_query import BOOSTS, MOST_URL_PARTS, Questions
from rag.text.tokens import search_terms
from rag.vocabulary import Chunk, Filter

if TYPE_CHECKING:
    import tantivy

LAYOUT = "2"
"""Changes with the fields below and with `search_terms`; an index of another layout is refused."""

_EQUALS = 20
_MOST_EQUALS = 2_000
"""Hits that are asked for beyond the wanted ones, at first and at most, to see all that equal the last of them."""
_DECIMALS = 4
"""Of a score; the next ones depend on the order in which tantivy adds up."""
_WRITER_BYTES = 32_000_000


class WordIndex:
    """A folder with a tantivy index. Many may read it; one writes at a time, from its first change to `commit`.

    A commit is atomic and durable: after kill -9 the index is as at the last one, and the lock is free. Readers, in
    this and other processes, see it at their next search. Scores are BM25, comparable within one search only.

    Raises (every method):
        IndexUnavailable: the folder cannot be read or written.
        Conflict: another writer has uncommitted changes.
    """

    def __init__(self, folder: Path) -> None:
        """Opens the index in `folder`, made when it is missing.

        Raises:
            IndexMismatch: it was written with another layout of fields or terms.
        """
        self._folder = folder
        self._commit_mark = str(folder / "meta.json")
        self._lock = threading.RLock()
        self._writer: tantivy.IndexWriter | None = None
        with _translated(folder):
            self._check_layout()
            self._index = _open(folder)
            self._schema = self._index.schema
        self._seen = self._state()
        self._questions = Questions(self._schema, self._index.searcher())

    def add(self, chunks: Iterable[Chunk]) -> None:
        """Adds chunks, each in place of the one with its id; seen by nobody before `commit`."""
        import tantivy

        with self._lock, _translated(self._folder):
            writer = self._writing()
            for chunk in chunks:
                writer.delete_documents_by_term("id", chunk.id)
                writer.add_document(tantivy.Document.from_dict(_fields(chunk), self._schema))

    def delete(self, ids: Iterable[str]) -> None:
        """Removes chunks; ids that are not there are none. Seen by nobody before `commit`."""
        with self._lock, _translated(self._folder):
            writer = self._writing()
            for chunk_id in ids:
                writer.delete_documents_by_term("id", chunk_id)

    def clear(self) -> None:
        """Removes everything. Seen by nobody before `commit`."""
        with self._lock, _translated(self._folder):
            self._writing().delete_all_documents()

    def commit(self) -> None:
        """Makes all changes durable and visible, all at once, and lets others write."""
        with self._lock, _translated(self._folder):
            if self._writer is None:
                return
            writer, self._writer = self._writer, None
            writer.commit()
            writer.wait_merging_threads()
            self.reload()

    def close(self) -> None:
        """Forgets uncommitted changes and lets others write."""
        with self._lock, _translated(self._folder):
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.rollback()

    def reload(self) -> None:
        """Shows what was last committed, by whichever process."""
        with self._lock, _translated(self._folder):
            self._seen = self._state()
            self._index.reload()
            self._questions = Questions(self._schema, self._index.searcher())

    def search(self, query: str, k: int, filter: Filter | None = None) -> list[tuple[str, float]]:
        """Returns the `k` best (chunk id, BM25 score) for any of the words of `query`, best first.

        In a large index, chunks that have but its most frequent words are left out where `k` others have a rarer one.
        """
        questions = self._current()
        with _translated(self._folder):
            _, _, wanted, rarest = questions.asked(query)
            if wanted is None or k < 1:
                return []
            if filter:
                return self._best(questions.searcher, questions.under(wanted, filter), k)
            found = self._best(questions.searcher, rarest, k) if rarest is not None else []
            return found if len(found) == k else self._best(questions.searcher, wanted, k)

    def scores(self, query: str, ids: Sequence[str]) -> dict[str, float]:
        """Returns the BM25 score of each of `ids` for `query`, 0 where no word fits; unknown ids are absent."""
        questions = self._current()
        if not ids:
            return {}
        with _translated(self._folder):
            return dict(self._run(questions.searcher, questions.among(query, ids), len(ids)))

    def rarities(self, query: str) -> dict[str, float]:
        """The terms a search for `query` uses, in its order, with their inverse document frequency (as in BM25)."""
        questions = self._current()
        with _translated(self._folder):
            return questions.rarities(query)

    def count(self) -> int:
        """Chunks in the index, as last committed."""
        return int(self._current().searcher.num_docs)

    def ids(self) -> list[str]:
        """Every chunk id, in no order."""
        import tantivy

        searcher = self._current().searcher
        with _translated(self._folder):
            found = self._run(searcher, tantivy.Query.all_query(), max(1, searcher.num_docs))
        return [chunk_id for chunk_id, _ in found]

    def has_any(self, ids: Iterable[str]) -> bool:
        """Whether one of these chunks is in the index as last committed."""
        import tantivy

        searcher = self._current().searcher
        with _translated(self._folder):
            return any(
                searcher.search(tantivy.Query.term_query(self._schema, "id", chunk_id), 1, count=False).hits
                for chunk_id in ids
            )

    def _best(self, searcher: tantivy.Searcher, query: tantivy.Query, k: int) -> list[tuple[str, float]]:
        """The `k` best; among equals ids decide, and not the order in which they were added."""
        asked = k + _EQUALS
        while True:
            hits = [(round(score, _DECIMALS), address) for score, address in searcher.search(query, asked, False).hits]
            least = hits[k - 1][0] if len(hits) > k else -math.inf
            if len(hits) < asked or hits[-1][0] < least or asked > _MOST_EQUALS:
                break
            asked *= 4
        found = [(searcher.doc(address)["id"][0], score) for score, address in hits if score >= least]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _run(self, searcher: tantivy.Searcher, query: tantivy.Query, k: int) -> list[tuple[str, float]]:
        found = searcher.search(query, k, count=False)
        return [(searcher.doc(address)["id"][0], round(score, _DECIMALS)) for score, address in found.hits]

    def _current(self) -> Questions:
        if self._state() != self._seen:
            self.reload()
        return self._questions

    def _state(self) -> tuple[int, int]:
        """Identifies the last commit: tantivy replaces this file at each."""
        with contextlib.suppress(OSError):
            status = os.stat(self._commit_mark)  # a Path takes longer, and every search asks three times
            return status.st_ino, status.st_mtime_ns
        return 0, 0

    def _writing(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(_WRITER_BYTES, 1)
            self._writer.garbage_collect_files()  # of a commit that was killed, whose file names would come again
        return self._writer

    def _check_layout(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        mark = self._folder / "layout"
        if not (self._folder / "meta.json").exists():
            mark.write_text(LAYOUT)
        elif not mark.exists() or mark.read_text() != LAYOUT:
            raise IndexMismatch(
                f"The words index in {str(self._folder)!r} was written by another version of Footnote.",
                "Run `footnote rebuild`; nothing is fetched or embedded again.",
            )


def _open(folder: Path) -> tantivy.Index:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for field, _ in BOOSTS:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("url", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    index = tantivy.Index(builder.build(), path=str(folder))
    index.config_reader("manual")
    index.reload()
    return index


def _fields(chunk: Chunk) -> dict[str, Any]:
    title = _heading_terms(chunk.title)
    headings = _heading_terms("\n".join(part for part in chunk.section if part != chunk.title))
    return {
        "id": chunk.id,
        "text": f"{title} {headings} {' '.join(search_terms(chunk.text))}",
        "title": title,
        "section": headings,
        "url": _url_terms(chunk.url),
        "language": chunk.language,
    }


@lru_cache(maxsize=256)  # the chunks of a page have them in common
def _heading_terms(text: str) -> str:
    return " ".join(search_terms(text))


@lru_cache(maxsize=256)
def _url_terms(url: str) -> list[str]:
    """The URL, and each of its beginnings that ends in a slash."""
    slashes = [slash.end() for slash in islice(re.finditer("/", url), MOST_URL_PARTS)]
    return [url, *(url[:end] for end in slashes if end < len(url))]


@contextlib.contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """tantivy raises ValueError for nearly everything, a lock that is held included."""
    try:
        yield
    except (ValueError, OSError, SystemError) as error:
        if "LockBusy" in str(error):
            raise Conflict(
                f"Another writer is changing the words index in {str(folder)!r}.", "Try again when it has finished."
            ) from error
        raise IndexUnavailable(
            f"The words index in {str(folder)!r} cannot be used: {error}.",
            "Check the disk; if the index is damaged, delete that folder and run `footnote rebuild`.",
        ) from error
