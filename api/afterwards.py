"""What has happened to an answer since: whether its pages still say what it cites, and how it was rated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rag.citations.age import CitationAge, Pages, citation_ages
from rag.errors import FootnoteError
from rag.service import Footnote
from rag.vocabulary import Citation, Document

logger = logging.getLogger(__name__)


async def add_afterwards(service: Footnote, answers: Sequence[dict[str, Any]]) -> None:
    """Adds `age` (`changed` or `gone`) to citations whose words their page no longer has, and `rating` to answers.

    Does nothing where the index or the journal does not work: the answer can still be read.

    Args:
        answers: objects with `run_id` and, where there is an answer, `documents` and `citations`, as the API shows
            them; changed in place.
    """
    try:
        ratings = await service.runs.ratings([answer["run_id"] for answer in answers])
        for answer in answers:
            if (rating := ratings.get(answer["run_id"])) is not None:
                answer["rating"] = rating
        cited = [answer for answer in answers if answer.get("citations")]
        if cited:
            await asyncio.to_thread(_add_ages, cited, (await service.index()).catalog)
    except FootnoteError as error:
        logger.warning("An answer is shown without what came after it: %s", error)


def _add_ages(answers: Iterable[Mapping[str, Any]], pages: Pages) -> None:
    for answer in answers:
        _add_age(answer, pages)


def _add_age(answer: Mapping[str, Any], pages: Pages) -> None:
    documents = [_document(data) for data in answer["documents"]]
    numbers = {document.n for document in documents}
    cited = [data for data in answer["citations"] if data["n"] in numbers]
    ages: list[CitationAge] = citation_ages(map(_citation, cited), documents, pages)
    for data, age in zip(cited, ages, strict=True):
        if age.standing != "current":
            data["age"] = age.standing


def _document(data: Mapping[str, Any]) -> Document:
    changed = {"section": tuple(data["section"]), "fetched_at": datetime.fromisoformat(data["fetched_at"])}
    return Document(**{**data, **changed})


def _citation(data: Mapping[str, Any]) -> Citation:
    claim = data["claim"]
    return Citation(data["n"], claim["start"], claim["end"], data["verdict"], quote=data.get("quote"))
