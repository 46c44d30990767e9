"""Tokens do not wait for checks: what a run emits, and in which order, while a claim takes long to check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any, cast

from langchain_core.tracers.log_stream import RunLogPatch

from rag.events import CitationMade, Done, Event, Token
from rag.index.documents import document_to_langchain
from rag.service.pace import Pace
from rag.service.producing import produce
from rag.stream.assemble import Assembler, Assembly
from rag.stream.runs import Run
from rag.vocabulary import Answer, Citation, Claim
from tests.fakes import make_documents

TOKENS = ["Chroma keeps the vectors [1].", " And", " more", " and", " more", " it", " goes", " on."]


class _Run:
    """As much of a run as producing needs."""

    def __init__(self) -> None:
        self.id, self.status, self.is_ahead = "r", "running", False
        self.answer: Answer | None = None
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    async def room(self) -> None:
        pass


class _LongCheck:
    """Is not done before the last token was said; each step uses up its turn."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    def __call__(self, claim: Claim) -> Generator[None, None, Sequence[Citation]]:
        steps = 0
        while claim.cites and len([event for event in self._run.events if isinstance(event, Token)]) < len(TOKENS):
            steps += 1
            assert steps < 500, "the tokens wait"
            loop = asyncio.get_running_loop()
            begun = loop.time()
            while loop.time() < begun + 0.002:
                pass
            yield
        return [Citation(n, claim.start, claim.end, "verbatim") for n in claim.cites]


async def _log() -> AsyncGenerator[RunLogPatch, None]:
    documents = [document_to_langchain(document) for document in make_documents("Chroma keeps the vectors.")]
    for path, value in [
        ("/logs/Retriever", {"name": "Retriever", "type": "retriever", "tags": []}),
        ("/logs/Retriever/final_output", {"documents": documents}),
        ("/logs/Model", {"name": "Model", "type": "llm", "tags": ["answer"]}),
        *(("/logs/Model/streamed_output_str/-", token) for token in TOKENS),
    ]:
        yield RunLogPatch({"op": "add", "path": path, "value": cast(Any, value)})
        await asyncio.sleep(0)


async def test_tokens_go_out_while_a_claim_is_checked() -> None:
    """The token that ends a claim, and those after it, are emitted before the check is done; the citation comes."""
    run = _Run()
    assembler = Assembler(
        Assembly(run_id="r", question="What?", clock=lambda: 0.0, started=0.0, verifier=lambda _: _LongCheck(run))
    )

    async def keep(answer: Answer) -> None:
        assert [citation.verdict for citation in answer.citations if citation.n] == ["verbatim"]

    await asyncio.wait_for(produce(cast(Run, run), _log(), assembler, pace=Pace(), keep=keep), 20)
    kinds = [type(event) for event in run.events if isinstance(event, Token | CitationMade | Done)]
    assert kinds == [Token] * len(TOKENS) + [CitationMade, Done]
