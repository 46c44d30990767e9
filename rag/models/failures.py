"""What model libraries raise, told in our words: one table for openai, httpx, httpx2, LangChain and their kin.

The table goes by class names, because every client made from OpenAI's (anthropic, groq, …) uses the same ones and
because nothing has to be imported to read it. What a provider says in its own words is logged, never shown.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from rag.errors import (
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelRejectedKey,
    ModelStreamBroken,
    ModelUnavailable,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure: our error, what happened (after "The model 'x' …"), and the cure."""

    error: type[ModelError]
    what: str
    cure: str


_AGAIN = "Try again in a moment."
_SERVER_CURE = "Check that its server runs and that OPENAI_BASE_URL is right, then try again."

REJECTED_KEY = Failure(
    ModelRejectedKey, "refused the key", "Set OPENAI_API_KEY, or the key of its provider, to one that may use it."
)
RATE_LIMITED = Failure(
    ModelRateLimited, "asks to slow down", "Wait a little, or check the quota of its key at the provider."
)
UNKNOWN = Failure(
    ModelRefused, "is not known to its server", "Check its name in the settings, and OPENAI_BASE_URL (often …/v1)."
)
TOO_LONG = Failure(
    ModelRefused, "cannot read that much at once", "Lower RAG_CONTEXT_TOKENS or RAG_TOP_K, or choose another model."
)
REFUSED = Failure(
    ModelRefused,
    "does not take this request",
    "The log of `footnote serve` says why; RAG_TEMPERATURE and RAG_MAX_ANSWER_TOKENS may not suit it.",
)
FILTERED = Failure(ModelRefused, "refused the request by its content filter", "Ask in other words.")
UNREACHABLE = Failure(ModelUnavailable, "cannot be reached", _SERVER_CURE)
TIMED_OUT = Failure(ModelUnavailable, "did not answer in time", _SERVER_CURE)
SERVER_FAILED = Failure(ModelUnavailable, "failed on its own server", _AGAIN)
CUT = Failure(ModelStreamBroken, "closed the connection too early", _AGAIN)
GARBAGE = Failure(ModelStreamBroken, "sent something that cannot be read", _SERVER_CURE)
FAILED = Failure(ModelError, "failed", "The log says more. " + _AGAIN)

BY_NAME: Mapping[str, Failure] = {
    # LangChain's own classes come first in the ancestry of what its clients raise
    "ContextOverflowError": TOO_LONG,
    "ModelAuthenticationError": REJECTED_KEY,
    "ModelPermissionDeniedError": REJECTED_KEY,
    "ModelInvalidRequestError": REFUSED,
    "ModelNotFoundError": UNKNOWN,
    "ModelRateLimitError": RATE_LIMITED,
    "ModelAPIError": SERVER_FAILED,
    "ModelConnectionError": UNREACHABLE,
    "ModelTimeoutError": TIMED_OUT,
    "ModelError": FAILED,
    "OutputParserException": GARBAGE,
    # openai, and clients made from it
    "AuthenticationError": REJECTED_KEY,
    "PermissionDeniedError": REJECTED_KEY,
    "NotFoundError": UNKNOWN,
    "RateLimitError": RATE_LIMITED,
    "BadRequestError": REFUSED,
    "UnprocessableEntityError": REFUSED,
    "ConflictError": SERVER_FAILED,
    "InternalServerError": SERVER_FAILED,
    "APIStatusError": REFUSED,
    "APITimeoutError": TIMED_OUT,
    "APIConnectionError": UNREACHABLE,
    "APIResponseValidationError": GARBAGE,
    "ContentFilterFinishReasonError": FILTERED,
    "LengthFinishReasonError": CUT,
    "SubjectTokenProviderError": REJECTED_KEY,
    "WebSocketConnectionClosedError": CUT,
    "SSEError": GARBAGE,
    "APIError": FAILED,
    "OpenAIError": FAILED,
    # httpx and httpx2
    "ConnectError": UNREACHABLE,
    "ConnectTimeout": UNREACHABLE,
    "ProxyError": UNREACHABLE,
    "UnsupportedProtocol": UNREACHABLE,
    "TooManyRedirects": UNREACHABLE,
    "InvalidURL": UNREACHABLE,
    "TimeoutException": TIMED_OUT,
    "NetworkError": CUT,
    "ProtocolError": CUT,
    "StreamError": CUT,
    "DecodingError": GARBAGE,
    "HTTPStatusError": REFUSED,
    "HTTPError": FAILED,
    # Python and pydantic: wrong types and garbage surface as these inside the clients
    "ConnectionRefusedError": UNREACHABLE,
    "ConnectionError": CUT,
    "TimeoutError": TIMED_OUT,
    "OSError": UNREACHABLE,
    "ValueError": GARBAGE,
    "LookupError": GARBAGE,
    "TypeError": GARBAGE,
    "AttributeError": GARBAGE,
}

_BY_STATUS: Mapping[int, Failure] = {
    401: REJECTED_KEY,
    403: REJECTED_KEY,
    404: UNKNOWN,
    408: TIMED_OUT,
    409: SERVER_FAILED,
    425: SERVER_FAILED,
    429: RATE_LIMITED,
    504: TIMED_OUT,
}
_BY_CODE: Mapping[str, Failure] = {
    "context_length_exceeded": TOO_LONG,
    "content_filter": FILTERED,
    "rate_limit_exceeded": RATE_LIMITED,
    "insufficient_quota": RATE_LIMITED,
    "model_not_found": UNKNOWN,
    "invalid_api_key": REJECTED_KEY,
}


def translate_model_error(error: BaseException, name: str) -> ModelError:
    """The error of ours that `error` amounts to; raise it `from error`. Logs what the provider said, keys removed.

    Args:
        name: of the model, as set: `openai:gpt-4o-mini`.
    """
    if isinstance(error, ModelError):
        return error
    failure = failure_of(error)
    status = status_of(error)
    logger.warning("The model %r failed: %s, status %s: %s", name, type(error).__name__, status, redacted(str(error)))
    what = f"{failure.what} (HTTP {status})" if status is not None else failure.what
    return failure.error(f"The model {name!r} {what}.", failure.cure, retry_after=retry_after(error))


def failure_of(error: BaseException) -> Failure:
    """Code before status before class: the more a provider tells, the better."""
    code = getattr(error, "code", None)
    if isinstance(code, str) and code in _BY_CODE:
        return _BY_CODE[code]
    named = failure_by_name(type(error))
    if named in (TOO_LONG, FILTERED):
        return named
    return _failure_by_status(status_of(error)) or named or FAILED


def failure_by_name(kind: type[BaseException]) -> Failure | None:
    """The entry of the nearest ancestor that says something; None when no ancestor has one."""
    found = [BY_NAME[ancestor.__name__] for ancestor in kind.__mro__ if ancestor.__name__ in BY_NAME]
    if TOO_LONG in found:  # LangChain's mark stands behind openai's BadRequestError
        return TOO_LONG
    return next((failure for failure in found if failure is not FAILED), found[0] if found else None)


def _failure_by_status(status: int | None) -> Failure | None:
    if status is None or status < 400:
        return None
    return _BY_STATUS.get(status, SERVER_FAILED if status >= 500 else REFUSED)


def status_of(error: BaseException) -> int | None:
    """The HTTP status that `error` carries, itself or by its response; None when there is none."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int) and not isinstance(status, bool):
            return status
    return None


def retry_after(error: BaseException, now: datetime | None = None) -> float | None:
    """Seconds to wait by the response's `Retry-After` (RFC 9110: seconds or a date); None when there is none."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    value = str(headers.get("retry-after") or "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def redacted(text: str) -> str:
    """`text` on one line of at most 500 characters, without what looks like a key."""
    text = re.sub(r"\b(sk|pk|gsk|key|hf|xai|AIza)[-_][\w\-*.]{4,}|\bAIza[\w-]{10,}", "[key]", text[:5_000])
    text = re.sub(r"(?i)\b(bearer|basic)\s+[\w\-.~+/=]+", r"\1 [key]", text)
    text = re.sub(r"(?i)(api[-_ ]?key|token|secret|password)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]+", r"\1\2[key]", text)
    return " ".join(text.split())[:500]
