"""A document by its id: the chunk, with the page it stands on."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from api.bodies import CheckedRoute
from api.examples import problem
from rag.errors import NotFound
from rag.events import timestamp
from rag.service import Footnote

router = APIRouter(route_class=CheckedRoute, tags=["documents"])


@router.get("/documents/{document_id}", summary="One document", responses={404: problem("There is none.")})
async def get_document(
    request: Request, document_id: Annotated[str, Path(max_length=128, description="As in `documents`.")]
) -> dict[str, Any]:
    """The text, its page and its place there, and the text of the whole page."""
    service: Footnote = request.app.state.service
    index = await service.index()
    stored = (await asyncio.to_thread(index.catalog.load_chunks, [document_id])).get(document_id)
    if stored is None:
        raise NotFound(f"There is no document {document_id!r}.", "Its page may have changed; ask again.")
    chunk = stored.chunk
    page_text = await asyncio.to_thread(index.catalog.page_text, chunk.url)
    found: dict[str, Any] = {
        "id": chunk.id,
        "url": chunk.url,
        "title": chunk.title,
        "section": list(chunk.section),
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "link": f"{chunk.url}#{chunk.anchor}" if chunk.anchor else chunk.url,
        "language": chunk.language,
        "fetched_at": timestamp(stored.fetched_at),
    }
    if page_text is not None:
        found["page_text"] = page_text
    return found
