"""Patches of a run's log in, events out. Pure: no task, no clock of its own, nothing but what it is fed.

The retrieval run is the one named `Retriever`, the rewriting runs carry the tag `contextualize_q_chain`, the run that
answers the tag `answer`; what an agent does comes as runs named `AgentStep`; what the run as a whole came to is in its
own final output (`AskOutput` of the chain).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.documents import Document as LangChainDocument
from langchain_core.tracers.log_stream import RunLogPatch

from rag.citations.claims import ClaimReader
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
from rag.stream.guard import OutputGuard
from rag.vocabulary import Answer, Citation, Claim, Document, FinishReason, Timing

RETRIEVER_NAME = "Retriever"
REWRITE_TAG = "contextualize_q_chain"
ANSWER_TAG = "answer"
STEP_NAME = "AgentStep"

Verify = Callable[[Claim], Sequence[Citation]]


def _no_verifier(documents: Sequence[Document]) -> Verify:
    return Verifier(documents).verify


@dataclass(frozen=True)
class Assembly:
    """What the events of one run are made with.

    Attributes:
        standalone_question: the caller's, which is then searched as it is.
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
    verifier: Callable[[Sequence[Document]], Verify] = _no_verifier
    guard: OutputGuard = field(default_factory=lambda: OutputGuard(()))


class Assembler:
    """Feed it every patch of one run, then finish it.

    Attributes:
        blocked: a forbidden phrase came up; feed nothing more, stop the run, and finish.
    """

    def __init__(self, assembly: Assembly) -> None:
        self._with = assembly
        self._paths: dict[str, Callable[[Any], Iterable[Event]]] = {"/final_output": self._root}
        self._state: dict[str, Any] = {}
        self._documents: list[Document] | None = None
        self._question: QuestionUnderstood | None = None
        self._reader = ClaimReader()
        self._verify: Verify | None = None
        self._parts: list[str] = []
        self._half = ""
        self._citations: list[Citation] = []
        self._steps = 0
        self._documents_ms: float | None = None
        self._first_token_ms: float | None = None
        self.blocked = False

    def feed(self, patch: RunLogPatch) -> Iterator[Event]:
        """The events that follow from one patch. Take all of them before feeding the next."""
        for op in patch.ops:
            read = self._paths.get(op["path"])
            if read is not None:
                yield from read(op["value"])
            elif op["op"] == "add" and isinstance(op["value"], dict) and op["path"].count("/") == 2:
                self._new_run(op["path"], op["value"])

    def finish(self) -> Iterator[Event]:
        """What was held back, then `done`. The caller has seen the run end well, or has stopped it when `blocked`."""
        yield from self._ready_to_answer()
        if not self.blocked:
            if not self._parts and not self._half:
                yield from self._answer_token(self._state.get("answer") or "")
            yield from self._say(self._half)
            checked = self._with.guard.finish()
            yield from self._spoken(checked.text)
            self.blocked = checked.blocked
        yield from self._cite(self._reader.finish())
        yield self.done()

    def done(self) -> Done:
        text = "".join(self._parts)
        reason: FinishReason = "blocked" if self.blocked else self._state.get("finish_reason", "stop")
        return Done(
            run_id=self._with.run_id,
            answer=text,
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
            documents=tuple(self._documents or ()),
            citations=done.citations,
            finish_reason=done.finish_reason,
            timing=done.timing,
            usage=done.usage,
            thread_id=self._with.thread_id,
        )

    @property
    def text(self) -> str:
        """The answer as far as it was said."""
        return "".join(self._parts)

    def _new_run(self, path: str, entry: dict[str, Any]) -> None:
        tags = entry.get("tags") or []
        if entry.get("name") == RETRIEVER_NAME:
            self._paths[f"{path}/final_output"] = self._found
        elif entry.get("name") == STEP_NAME:
            self._paths[f"{path}/final_output"] = self._stepped
        elif entry.get("type") == "llm":
            if ANSWER_TAG in tags:
                self._paths[f"{path}/streamed_output_str/-"] = self._answer_token
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
        self._documents = found
        self._verify = None
        self._documents_ms = self._milliseconds()
        if self._with.order == "as_produced":
            yield from self._understood()
        yield DocumentsFound(tuple(found))
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

    def _stepped(self, step: Any) -> Iterator[Event]:
        if isinstance(step, dict) and "kind" in step:
            yield Step(self._steps, step["kind"], step["tool"], step.get("input"), step.get("output"))
            self._steps += 1

    def _ready_to_answer(self) -> Iterator[Event]:
        """Documents and question come before any token, whatever the graph did."""
        if self._documents is None:
            yield from self._found({"documents": []})
        yield from self._understood()

    def _answer_token(self, token: Any) -> Iterator[Event]:
        text = self._half + _text_of(token)
        if not text or self.blocked:
            return
        # Half of a character outside the basic plane, from a provider that cut it in two, waits for its other half.
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        text = _joined(text[:-1] if self._half else text)
        if self._first_token_ms is None:
            yield from self._ready_to_answer()
        yield from self._say(text)

    def _say(self, text: str) -> Iterator[Event]:
        if not text:
            return
        checked = self._with.guard.feed(text)
        self.blocked = checked.blocked
        yield from self._spoken(checked.text)

    def _spoken(self, text: str) -> Iterator[Event]:
        if not text:
            return
        if self._first_token_ms is None:
            self._first_token_ms = self._milliseconds()
        self._parts.append(text)
        yield Token(text)
        claims = self._reader.feed(text)
        if claims:
            yield from self._cite(claims)

    def _cite(self, claims: Iterable[Claim]) -> Iterator[Event]:
        for claim in claims:
            if self._verify is None:
                self._verify = self._with.verifier(self._documents or ())
            for citation in self._verify(claim):
                self._citations.append(citation)
                yield CitationMade(citation)

    def _milliseconds(self) -> float:
        return round((self._with.clock() - self._with.started) * 1000, 1)


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


def _joined(text: str) -> str:
    """Surrogate pairs made into the characters they stand for; lone ones stay."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text
