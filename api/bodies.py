"""Checks a request before FastAPI sees it: key, media type, size, JSON syntax."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from api.errors import BodyTooLarge, BodyTooSlow, MalformedBody, UnsupportedMediaType
from rag.errors import InvalidRequest, Unauthorized
from rag.settings import Settings

MAX_BODY_BYTES = 4_000_000


class CheckedRoute(APIRoute):
    """A route that needs a key, when keys are set, and takes JSON bodies only."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            request.state.principal = authenticate(request)
            if request.method in ("POST", "PUT", "PATCH"):
                await _check_body(request, needed=self.body_field is not None)
            return await handle(request)

        return checked


def authenticate(connection: HTTPConnection, given: str | None = None) -> str:
    """Whose request this is: a name made from the key; the same for everybody when no keys are set.

    Raises:
        Unauthorized: keys are set, and this request has none of them.
    """
    settings: Settings = connection.app.state.service.settings
    keys = [key.get_secret_value() for key in settings.api_keys]
    if not keys:
        return ""
    given = given or _given_key(connection)
    if given is None:
        raise Unauthorized(
            "This request has no API key.", "Send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`."
        )
    if not _is_one_of(given, keys):
        raise Unauthorized("This API key is not known.", "Use one of those in RAG_API_KEYS.")
    return hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:32]


def _given_key(connection: HTTPConnection) -> str | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return connection.headers.get("x-api-key")


def _is_one_of(given: str, keys: Sequence[str]) -> bool:
    """Compares with all of them in the same time, whichever fits."""
    found = False
    for key in keys:
        found |= hmac.compare_digest(given.encode("utf-8", "replace"), key.encode("utf-8", "replace"))
    return found


async def _check_body(request: Request, *, needed: bool) -> None:
    settings: Settings = request.app.state.service.settings
    try:
        async with asyncio.timeout(settings.ask_timeout):
            body = await _read_body(request)
    except TimeoutError as error:
        raise BodyTooSlow(
            f"The body was not complete after {settings.ask_timeout:g} seconds.", "Send it again, all at once."
        ) from error
    if not body and not needed:
        return
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMediaType(
            "The body is not declared as JSON.", "Send it with `Content-Type: application/json`."
        )
    check_json(body)


def check_json(body: bytes | str) -> Any:
    """Parses strictly.

    Raises:
        MalformedBody: it is not JSON.
        InvalidRequest: it would be, but for NaN or Infinity, which many writers let out.
    """
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        place = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise MalformedBody(f"The body is not valid JSON{place}.", "Send one JSON object, encoded in UTF-8.") from error


def _no_constant(_: str) -> Any:
    raise InvalidRequest("The body holds a number that JSON does not have.", "Send a finite one, or leave it out.")


async def _read_body(request: Request) -> bytes:
    """The whole body, within the limit; FastAPI then finds it read."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise BodyTooLarge(
                    f"The body is larger than {MAX_BODY_BYTES} bytes.", "Send less; shorten the history."
                )
            parts.append(part)
    except ClientDisconnect as error:  # nobody reads the answer; only the log would show a failure that is none
        raise MalformedBody("The client left before the body was complete.", "Send all of it.") from error
    body = request._body = b"".join(parts)
    return body
