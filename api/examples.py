"""Examples and answers for the OpenAPI description."""

from __future__ import annotations

from typing import Any

from fastapi.openapi.models import Example

_EVENTS = """\
id: 1
event: run
data: {"run_id":"5f0c…","question":"How do I index a site?","chat_model":"extractive","embeddings":"minilm",…}

id: 2
event: documents
data: {"documents":[{"n":1,"id":"9a41…","url":"https://example.org/ingest","title":"Ingesting","text":"…",…}]}

id: 3
event: question
data: {"text":"How do I index a site?","original":"How do I index a site?","rewritten":false}

id: 4
event: token
data: {"text":"Run `ingest` "}

id: 9
event: done
data: {"run_id":"5f0c…","answer":"…","question":"…","citations":[…],"usage":{},"timing":{…},"finish_reason":"stop"}
"""

PROBLEM_EXAMPLE = {
    "type": "urn:footnote:error:invalid-request",
    "title": "The request cannot be used",
    "status": 422,
    "detail": "The field 'question' cannot be used: It is blank; write some text.",
    "retryable": False,
    "errors": [{"field": "question", "why": "It is blank; write some text."}],
}

ASK_EXAMPLES: dict[str, Example] = {
    "a question": Example(value={"question": "How do I index a site?"}),
    "a follow-up in a conversation": Example(value={"question": "And how do I refresh it?", "thread_id": "demo"}),
    "a follow-up, remembered by the client": Example(
        value={
            "question": "And how do I refresh it?",
            "history": [
                {"role": "user", "content": "How do I index a site?"},
                {"role": "assistant", "content": "Run `ingest` with its URL [1]."},
            ],
        }
    ),
    "only some pages": Example(
        value={
            "question": "How do I index a site?",
            "top_k": 3,
            "filter": {"url_prefix": "https://example.org/docs/", "language": "en"},
        }
    ),
}


_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457, with `retryable`; `errors` when fields of the request are at fault.",
    "required": ["type", "title", "status", "detail", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "retryable": {"type": "boolean"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "why": {"type": "string"}}},
        },
    },
}


def problem(description: str, example: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"schema": _PROBLEM_SCHEMA, **({"example": example} if example else {})}
    return {"description": description, "content": {"application/problem+json": content}}


EVERYWHERE: dict[int | str, dict[str, Any]] = {
    401: problem("An API key is needed."),
    422: problem("A field cannot be used: which one, why, what is allowed.", PROBLEM_EXAMPLE),
}

BODY_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: problem("The body is not JSON."),
    413: problem("The body is too large."),
    408: problem("The body was not complete in the time for an answer."),
    415: problem("The body is not declared as JSON."),
}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    **BODY_PROBLEMS,
    503: problem("No place is free, or a part does not work. `Retry-After` says when to come again."),
}

STREAM: dict[str, Any] = {
    "description": "The events of the run, ending with `done` or `error`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS}},
}

ASK_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": STREAM["description"],
        "content": {
            **STREAM["content"],
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "run_id": "5f0c…",
                    "answer": "…",
                    "citations": [],
                    "finish_reason": "stop",
                    "documents": [],
                },
            },
        },
    },
    409: problem("The conversation is in use."),
    **PROBLEMS,
}
