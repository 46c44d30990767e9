"""Every error as a problem document (RFC 9457), from one table; what the client sent is never echoed."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from rag.errors import FootnoteError, InvalidRequest, Unauthorized
from rag.stream.wire import to_json

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"

_DETAILS: Mapping[int, str] = {
    404: "There is nothing at this address; /docs lists what there is.",
    405: "This address does not take that method; /docs lists what it takes.",
}


class MalformedBody(InvalidRequest):
    slug, title, status = "malformed", "The body cannot be read", 400


class BodyTooLarge(InvalidRequest):
    slug, title, status = "too-large", "The body is too large", 413


class BodyTooSlow(InvalidRequest):
    slug, title, status = "too-slow", "The body did not come in time", 408


class UnsupportedMediaType(InvalidRequest):
    slug, title, status = "unsupported-media-type", "The body has another type", 415


def problem_response(problem: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    body = to_json({name: value for name, value in problem.items() if value is not None})
    return Response(body, status_code=problem["status"], headers=dict(headers or {}), media_type=PROBLEM_TYPE)


def error_response(error: FootnoteError) -> Response:
    """One of our errors as an answer, with `Retry-After` where trying again makes sense."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    problem = error.problem()
    if problem["status"] == 499:  # a client's word for its own leaving; a proxy would not understand it
        problem["status"] = 409
    return problem_response(problem, headers)


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """422: each field, why it cannot be used, what is allowed."""
    fields = [_field(error) for error in errors]
    first = fields[0] if fields else {"field": "body", "why": "It cannot be used."}
    problem = InvalidRequest(f"The field {first['field']!r} cannot be used: {first['why']}").problem()
    return {**problem, "errors": fields}


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    place = [str(part) for part in error.get("loc", ()) if part not in ("body", "query", "path", "header")]
    why = str(error.get("msg", "it cannot be used")).removeprefix("Value error, ").rstrip(".")
    if error.get("type") == "extra_forbidden":
        why = "There is no such field"
    elif error.get("type") == "string_unicode":
        why = "It holds a lone surrogate; send valid Unicode text"
    return {"field": ".".join(place) or "body", "why": f"{why[:1].upper()}{why[1:]}."}


def add_error_answers(app: FastAPI) -> None:
    """Makes `app` answer every error with a problem document."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, FootnoteError)  # noqa: S101 - registered for this class
        if error.status >= 500:
            logger.warning("%s: %s", type(error).__name__, error)
        return error_response(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
        return problem_response(validation_problem(error.errors()))

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
        return problem_response(_http_problem(error), error.headers)

    async def unexpected(_: Request, error: Exception) -> Response:  # the server logs it, with its traceback
        return problem_response(
            FootnoteError("Something unexpected happened.", "The server's log says more.").problem()
        )

    app.add_exception_handler(FootnoteError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _http_problem(error: HTTPException) -> dict[str, Any]:
    title = HTTPStatus(error.status_code).phrase
    return {
        "type": f"urn:footnote:error:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": error.status_code,
        "detail": _DETAILS.get(error.status_code, str(error.detail)),
        "retryable": error.status_code in (429, 503),
    }
