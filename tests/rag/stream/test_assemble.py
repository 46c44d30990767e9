"""Patches in, events out: the assembler alone, on patches made by hand and on those of a real chain."""

from __future__ import annotations

from typing import Any

from langchain_core.tracers.log_stream import RunLogPatch

from rag.events import CitationMade, DocumentsFound, Event, QuestionToken, QuestionUnderstood, Step, Token
from rag.index.documents import document_to_langchain
from rag.stream.assemble import Assembler, Assembly
from tests.fakes import make_documents

DOCUMENTS = make_documents("Chroma keeps the vectors.", "tantivy keeps the words.")


class _Clock:
    """Goes on by a second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def _assembler(**options: Any) -> Assembler:
    return Assembler(Assembly(run_id="r", question="What?", clock=_Clock(), started=0.0, **options))


def _patch(path: str, value: Any, op: str = "add") -> RunLogPatch:
    return RunLogPatch({"op": op, "path": path, "value": value})


def _run(key: str, kind: str = "llm", tags: tuple[str, ...] = (), name: str | None = None) -> RunLogPatch:
    return _patch(f"/logs/{key}", {"name": name or key, "type": kind, "tags": list(tags)})


def _token(key: str, text: Any) -> RunLogPatch:
    return RunLogPatch(
        {"op": "add", "path": f"/logs/{key}/streamed_output_str/-", "value": text},
        {"op": "add", "path": f"/logs/{key}/streamed_output/-", "value": object()},
    )


def _found(key: str = "Retriever", documents: Any = DOCUMENTS) -> RunLogPatch:
    return _patch(f"/logs/{key}/final_output", {"documents": list(map(document_to_langchain, documents))})


def _feed(assembler: Assembler, *patches: RunLogPatch) -> list[Event]:
    events: list[Event] = []
    for patch in patches:
        events += [*assembler.feed(patch), *_cite(assembler)]
    return events


def _cite(assembler: Assembler) -> list[Event]:
    events: list[Event] = []
    while assembler.claims:
        claim = assembler.claims.next()
        events += [event for event in assembler.cite(claim) if event is not None] if claim is not None else []
    return events


def _finish(assembler: Assembler) -> list[Event]:
    return [*assembler.finish(), *_cite(assembler), assembler.done()]


ANSWERED = (
    _run("Retriever", "retriever"),
    _found(),
    _run("Model", tags=("seq:step:1", "answer")),
    _token("Model", "Chroma keeps "),
    _token("Model", "the vectors [1]."),
    _patch("/final_output", {"answer": "x", "finish_reason": "stop", "usage": {"output_tokens": 2}}, "replace"),
)


def test_a_plain_run() -> None:
    """Documents, question, tokens, citation; done has all of it, and the times."""
    assembler = _assembler()
    events = [*_feed(assembler, *ANSWERED), *_finish(assembler)]
    assert [type(event) for event in events[:4]] == [DocumentsFound, QuestionUnderstood, Token, Token]
    assert isinstance(events[4], CitationMade)
    done = assembler.done()
    assert done.answer == "Chroma keeps the vectors [1]."
    assert done.citations == (events[4].citation,)
    assert done.citations[0].verdict == "verbatim"
    assert done.usage == {"output_tokens": 2}
    assert (done.timing.documents_ms, done.timing.first_token_ms) == (1000.0, 2000.0)
    assert assembler.answer().documents == tuple(DOCUMENTS)


def test_other_runs_say_nothing() -> None:
    """Models without the tags, other retrievers, tools: none of their output is an event."""
    assembler = _assembler()
    others = (_run("Other"), _token("Other", "no"), _run("Shelf", "retriever"), _found("Shelf"), _run("t", "tool"))
    assert _feed(assembler, *others, _patch("/logs/t/final_output", {"output": "x"})) == []


def test_a_second_model_run_takes_over() -> None:
    """A model that was tried again has a run of its own, with a key of its own."""
    assembler = _assembler()
    again = (_run("Model", tags=("answer",)), _run("Model:2", tags=("answer",), name="Model"), _token("Model:2", "yes"))
    assert [event.text for event in _feed(assembler, *again) if isinstance(event, Token)] == ["yes"]


def test_the_rewritten_question_is_told_after_the_documents() -> None:
    """documents_first: tokens of the rewriting are no events, and the state's question is the one that counts."""
    assembler = _assembler()
    events = _feed(
        assembler,
        _run("Model", tags=("contextualize_q_chain",)),
        _token("Model", "no rewrite"),
        _patch("/final_output", {"standalone_question": "What is it?", "rewritten": True}, "replace"),
        *ANSWERED[:2],
    )
    assert events == [DocumentsFound(tuple(DOCUMENTS)), QuestionUnderstood("What is it?", "What?", True)]


def test_as_produced_tells_the_question_first() -> None:
    """Its tokens, itself, then the documents."""
    assembler = _assembler(order="as_produced")
    events = _feed(
        assembler,
        _run("Model", tags=("contextualize_q_chain",)),
        _token("Model", "What is it?"),
        _patch("/final_output", {"standalone_question": "What is it?", "rewritten": True}, "replace"),
        *ANSWERED[:2],
    )
    assert [type(event) for event in events] == [QuestionToken, QuestionUnderstood, DocumentsFound]


def test_a_model_that_does_not_stream_still_answers() -> None:
    """No token came, so the answer of the state is told as one."""
    assembler = _assembler()
    _feed(assembler, *ANSWERED[:2], _patch("/final_output", {"answer": "All at once."}, "replace"))
    events = _finish(assembler)
    assert [event.text for event in events if isinstance(event, Token)] == ["All at once."]


def test_a_graph_without_retrieval_has_empty_documents() -> None:
    """Documents and question come before the first token in any case."""
    events = _feed(_assembler(), _run("Model", tags=("answer",)), _token("Model", "Hi"))
    assert [type(event) for event in events] == [DocumentsFound, QuestionUnderstood, Token]


def test_an_agent_tells_its_documents_when_it_answers() -> None:
    """Steps as they happen; all that was found in one event before the first token; later finds in another."""
    assembler = _assembler(searches_often=True)
    step = {"kind": "action", "tool": "search", "input": {"query": "x"}}
    events = _feed(
        assembler,
        _run("AgentStep", "chain"),
        _patch("/logs/AgentStep/final_output", step),
        _run("Retriever", "retriever"),
        _found(documents=DOCUMENTS[:1]),
        _run("Retriever:2", "retriever", name="Retriever"),
        _found("Retriever:2"),
        _run("Model", tags=("answer",)),
        _token("Model", "Yes."),
        _run("Retriever:3", "retriever", name="Retriever"),
        _found("Retriever:3"),
    )
    assert [type(event) for event in events] == [Step, DocumentsFound, QuestionUnderstood, Token, DocumentsFound]
    assert events[0] == Step(0, "action", "search", {"query": "x"})
    assert events[1] == DocumentsFound(tuple(DOCUMENTS))


def test_a_claim_said_twice_is_checked_once() -> None:
    """A model that repeats itself costs little; each repetition has its own place."""
    checked: list[str] = []

    def verifier(documents: Any) -> Any:
        from rag.citations.verify import Verifier

        verify = Verifier(documents).checking

        def counting(claim: Any) -> Any:
            checked.append(claim.text)
            return verify(claim)

        return counting

    assembler = _assembler(verifier=verifier)
    _feed(assembler, *ANSWERED[:3], *[_token("Model", "Chroma keeps the vectors [1]. ")] * 3)
    _finish(assembler)
    assert len(checked) == 1
    assert [citation.claim_start for citation in assembler.done().citations] == [0, 30, 60]


def test_a_failed_search_is_no_event() -> None:
    """Its final output is None; the run itself will raise."""
    assert _feed(_assembler(), _run("Retriever", "retriever"), _patch("/logs/Retriever/final_output", None)) == []
