"""The three parts of the index in a data folder, opened together: what searching, writing, verifying start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.index.catalog import Catalog
from rag.index.locks import WriterLock
from rag.index.vectors import VectorIndex
from rag.index.words import WordIndex
from rag.settings import Settings


def catalog_path(data_dir: Path) -> Path:
    return data_dir / "catalog.db"


def words_folder(data_dir: Path) -> Path:
    return data_dir / "words"


def writer_lock(data_dir: Path, purpose: str) -> WriterLock:
    """The lock of the one writer; `purpose` is told to a second one."""
    return WriterLock(data_dir, purpose)


@dataclass(frozen=True)
class IndexParts:
    """The truth and its two indexes."""

    catalog: Catalog
    vectors: VectorIndex
    words: WordIndex

    @classmethod
    def open(cls, settings: Settings) -> IndexParts:
        """Opens all three; Chroma is connected at its first use.

        Raises:
            StorageError: a part cannot be read or made.
            IndexMismatch: a part was written by another version.
        """
        catalog = Catalog(catalog_path(settings.data_dir))
        try:
            vectors = VectorIndex.open(settings, catalog)
            words = WordIndex(words_folder(settings.data_dir))
        except BaseException:
            catalog.close()
            raise
        return cls(catalog, vectors, words)

    def close(self) -> None:
        self.words.close()
        self.vectors.close()
        self.catalog.close()
