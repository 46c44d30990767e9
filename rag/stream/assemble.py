"""Patches of a run's log in, events out. Pure: no task, no clock of its own, nothing but what it is fed.

The retrieval run is the one named `Retriever`, the rewriting runs carry the tag `contextualize_q_chain`, the run that
answers the tag `answer`; what an agent does comes as runs named `AgentStep`; what the run as a whole came to is in its
own final output (`AskOutput` of the chain).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

from langchain_core.documents import Document as LangChainDocument
from langchain_core.tracers.log_stream import RunLogPatch

from rag.citations.claims import ClaimQueue
from rag.citations.verify import Verifier
from rag.events import (
    CitationMade,
    DocumentsFound,
    Done,
    Event,
    QuestionToken,
    QuestionUnderstood,
    Step,
    Token,
)
from rag.index.documents import document_from_langchain
from rag.text.growing import GrowingText
from rag.vocabulary import Answer, Citation, Claim, Document, FinishReason, Timing

RETRIEVER_NAME = "Retriever"
REWRITE_TAG = "contextualize_q_chain"
ANSWER_TAG = "answer"
STEP_NAME = "AgentStep"

_CLAIMS_KNOWN = 500

Verify = Callable[[Claim], Generator[None, None, Sequence[Citation]]]
"""Checks a claim in short steps."""


def _no_verifier(documents: Sequence[Document]) -> Verify:
    return Verifier(documents).checking


@dataclass(frozen=True)
class Assembly:
    """What the events of one run are made with.

    Attributes:
        standalone_question: the caller's, which is then searched as it is.
        searches_often: an agent's run: what it has found is told when it begins to answer.
        verifier: makes the check of claims from the documents of the run.
        clock: seconds; `started` is its reading when the question arrived.
    """

    run_id: str
    question: str
    clock: Callable[[], float]
    started: float
    standalone_question: str | None = None
    thread_id: str | None = None
    order: Literal["documents_first", "as_produced"] = "documents_first"
    searches_often: bool = False
    verifier: Callable[[Sequence[Document]], Verify] = _no_verifier


class Assembler:
    """Feed it every patch of one run, then finish it.

    Attributes:
        claims: those that are complete and not cited yet. Take each out, one after the other, and `cite` it soon; that
            is the costly part.
        steps: what an agent has done so far.
    """

    def __init__(self, assembly: Assembly) -> None:
        self._with = assembly
        self._paths: dict[str, Callable[[Any], Iterable[Event]]] = {"/final_output": self._root}
        self._answer_paths: set[str] = set()
        self._state: dict[str, Any] = {}
        self._documents: tuple[Document, ...] | None = None
        self._question: QuestionUnderstood | None = None
        self._answering = False
        self._text = GrowingText()
        self.claims = ClaimQueue()
        self._checks = _Checks(assembly.verifier)
        self._citations: list[Citation] = []
        self.steps: list[Step] = []
        self._documents_ms: float | None = None
        self._first_token_ms: float | None = None

    def feed(self, patch: RunLogPatch) -> Iterable[Event]:
        """The events that follow from one patch. Take all of them before feeding the next."""
        first = patch.ops[0] if patch.ops else None
        if first is not None and first["path"] in self._answer_paths:
            return self._answer_token(first["value"])  # nearly all are tokens; the second operation has the chunk
        return self._feed_any(patch)

    def finish(self) -> Iterator[Event]:
        """What was held back, once the run has ended well; `done` is yet to come."""
        if not self._text:
            yield from self._answer_token(self._state.get("answer") or "")
        yield from self._ready_to_answer()
        self.claims.finish()

    def cite(self, claim: Claim) -> Iterator[CitationMade | None]:
        """Checks one claim against the documents; None where others may be let through before it goes on."""
        citations = yield from self._checks.of(claim)
        self._citations += citations
        for citation in citations:
            yield CitationMade(citation)

    def done(self) -> Done:
        """The last event, when nothing of `claims` is left."""
        reason: FinishReason = self._state.get("finish_reason", "stop")
        return Done(
            run_id=self._with.run_id,
            answer=self.text,
            question=self._question.text if self._question else self._with.question,
            citations=tuple(self._citations),
            usage=self._state.get("usage") or {},
            timing=Timing(self._documents_ms, self._first_token_ms, self._milliseconds()),
            finish_reason=reason,
        )

    def answer(self) -> Answer:
        """The finished run as one value."""
        done = self.done()
        return Answer(
            run_id=done.run_id,
            question=done.question,
            text=done.answer,
            documents=self._documents or (),
            citations=done.citations,
            finish_reason=done.finish_reason,
            timing=done.timing,
            usage=done.usage,
            thread_id=self._with.thread_id,
        )

    @property
    def text(self) -> str:
        """The answer as far as it was said."""
        return str(self._text)

    def _feed_any(self, patch: RunLogPatch) -> Iterator[Event]:
        for op in patch.ops:
            read = self._paths.get(op["path"])
            if read is not None:
                yield from read(op["value"])
            elif op["op"] == "add" and isinstance(op["value"], dict) and op["path"].count("/") == 2:
                self._new_run(op["path"], op["value"])

    def _new_run(self, path: str, entry: dict[str, Any]) -> None:
        tags = entry.get("tags") or []
        if entry.get("name") == RETRIEVER_NAME:
            self._paths[f"{path}/final_output"] = self._found
        elif entry.get("name") == STEP_NAME:
            self._paths[f"{path}/final_output"] = self._step
        elif entry.get("type") == "llm":
            if ANSWER_TAG in tags:
                self._answer_paths.add(f"{path}/streamed_output_str/-")
            elif REWRITE_TAG in tags:
                self._paths[f"{path}/streamed_output_str/-"] = self._question_token

    def _root(self, value: Any) -> Iterator[Event]:
        if not isinstance(value, dict):
            return
        self._state.update(value)
        if self._with.order == "as_produced" and "standalone_question" in self._state:
            yield from self._understood()

    def _found(self, output: Any) -> Iterator[Event]:
        found = _documents_of(output)
        if found is None:
            return  # the search failed; the run will say so
        self._documents = tuple(found)
        self._checks.documents = self._documents
        if self._documents_ms is None:
            self._documents_ms = self._milliseconds()
        if self._answering or not self._with.searches_often:
            yield from self._told_documents()

    def _told_documents(self) -> Iterator[Event]:
        if self._with.order == "as_produced":
            yield from self._understood()
        yield DocumentsFound(self._documents or ())
        yield from self._understood()

    def _understood(self) -> Iterator[Event]:
        if self._question is None:
            asked = self._with.question
            text = self._state.get("standalone_question") or self._with.standalone_question or asked
            rewritten = bool(self._state.get("rewritten", False))
            self._question = QuestionUnderstood(text=text, original=asked, rewritten=rewritten)
            yield self._question

    def _question_token(self, token: Any) -> Iterator[Event]:
        text = _text_of(token)
        if text and self._with.order == "as_produced" and self._question is None:
            yield QuestionToken(text)

    def _step(self, step: Any) -> Iterator[Event]:
        if isinstance(step, dict) and "kind" in step:
            told = Step(len(self.steps), step["kind"], str(step.get("tool")), step.get("input"), step.get("output"))
            self.steps.append(told)
            yield told

    def _ready_to_answer(self) -> Iterator[Event]:
        """Documents and question come before any token, whatever the graph did."""
        if not self._answering:
            self._answering = True
            if self._documents is None or self._with.searches_often:
                yield from self._told_documents()
            yield from self._understood()

    def _answer_token(self, token: Any) -> Iterable[Event]:
        text = token if isinstance(token, str) else _text_of(token)
        if not text:
            return ()
        self._text.add(text)
        self.claims.feed(text)
        if self._first_token_ms is None:
            self._first_token_ms = self._milliseconds()
            return chain(self._ready_to_answer(), (Token(text),))
        return (Token(text),)

    def _milliseconds(self) -> float:
        return round((self._with.clock() - self._with.started) * 1000, 1)


class _Checks:
    """Checks claims. A model that repeats itself has the same claim checked once."""

    def __init__(self, verifier: Callable[[Sequence[Document]], Verify]) -> None:
        self._verifier = verifier
        self._documents: Sequence[Document] = ()
        self._verify: Verify | None = None
        self._known: dict[tuple[str, tuple[int, ...]], tuple[Claim, Sequence[Citation]]] = {}

    @property
    def documents(self) -> Sequence[Document]:
        return self._documents

    @documents.setter
    def documents(self, documents: Sequence[Document]) -> None:
        self._documents, self._verify = documents, None
        self._known.clear()

    def of(self, claim: Claim) -> Generator[None, None, Sequence[Citation]]:
        if self._verify is None:
            self._verify = self._verifier(self._documents)
        before = self._known.get((claim.text, claim.cites))
        if before is not None:
            return [_moved(citation, claim.start - before[0].start) for citation in before[1]]
        citations = yield from self._verify(claim)
        if len(self._known) < _CLAIMS_KNOWN:
            self._known[claim.text, claim.cites] = claim, citations
        return citations


def _moved(citation: Citation, by: int) -> Citation:
    return replace(citation, claim_start=citation.claim_start + by, claim_end=citation.claim_end + by)


def _documents_of(output: Any) -> list[Document] | None:
    """The documents in the final output of a retrieval run; None when it has failed."""
    if isinstance(output, dict):
        output = output.get("documents", output.get("output"))
    if not isinstance(output, Sequence):
        return None
    return [document_from_langchain(document) for document in output if isinstance(document, LangChainDocument)]


def _text_of(token: Any) -> str:
    """The text of a token, which some providers send as content blocks."""
    if isinstance(token, str):
        return token
    blocks = token if isinstance(token, list) else []
    texts = (block if isinstance(block, str) else block.get("text") for block in blocks)
    return "".join(text for text in texts if isinstance(text, str))
