"""What a killed writer left in the indexes is made good when a server starts, while it answers already.

Answers are right either way, as searches show only what the catalog has in force; but a chunk that is missing in an
index is not found until then, and one that is left over takes the place of another.
"""

from __future__ import annotations

import logging

from rag.errors import FootnoteError
from rag.index.catalog import Catalog
from rag.index.parts import IndexParts, catalog_path, writer_lock
from rag.index.pending import recover_if_idle
from rag.settings import Settings

logger = logging.getLogger(__name__)


def recover_left_over(settings: Settings) -> int:
    """Makes good what there is to make good, unless a writer is at work; failures are logged, not raised.

    Returns:
        How many chunks were unsettled.
    """
    try:
        if not _is_unsettled(settings):
            return 0
        parts = IndexParts.open(settings)
        try:
            lock = writer_lock(settings.data_dir, "recovering")
            count = recover_if_idle(parts.catalog, parts.vectors, parts.words, lock)
        finally:
            parts.close()
    except FootnoteError as error:
        logger.warning("What a killed writer left could not be made good yet: %s", error)
        return 0
    logger.info("Made good %d chunks that a killed writer had left.", count)
    return count


def _is_unsettled(settings: Settings) -> bool:
    path = catalog_path(settings.data_dir)
    if not path.exists():
        return False
    catalog = Catalog(path)
    try:
        return bool(catalog.pending())
    finally:
        catalog.close()
