"""What is asked of a site and what it answers: the words of fetching, and the tables that turn failures into ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ingest.media import PAGE_TYPES, media_type
from ingest.urls import site_of
from rag.errors import SourceError, SourceGone, SourceRefused, SourceTooLarge, SourceUnreachable, SourceUnreadable

if TYPE_CHECKING:
    import aiohttp

TRANSIENT = frozenset({429, 500, 502, 503, 504})
Admit = Callable[[str, bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page may cost.

    Attributes:
        seconds: for all of it, redirects and a slow drip included; waiting for one's turn is not counted.
        bytes: of the body, decoded.
        retries: further tries after a transient failure.
    """

    seconds: float = 30.0
    bytes: int = 10_000_000
    redirects: int = 10
    retries: int = 2


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes a request conditional (RFC 9110, section 13)."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        pairs = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for.

    Attributes:
        types: media types that are wanted; empty takes any.
        truncate: cut a body that is too long instead of refusing it.
        any_status: take a page of any status but the transient ones.
        admit: called with each redirect's target, and whether all on the way were permanent; raises to stay away.
    """

    url: str
    types: frozenset[str] = PAGE_TYPES
    validators: Validators = field(default_factory=Validators)
    max_bytes: int | None = None
    truncate: bool = False
    admit: Admit | None = None
    any_status: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        url: as asked for; `final_url` is the identity after redirects.
        content_type: as sent, parameters included; empty when none was sent.
        moved: every redirect on the way was permanent, and there was one.
        not_modified: 304; the body is empty.
        framed: the end of the body was marked, so that it cannot have been cut off unnoticed.
    """

    url: str
    final_url: str
    status: int
    content_type: str
    body: bytes
    robots_tags: tuple[str, ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    moved: bool = False
    framed: bool = True

    @property
    def not_modified(self) -> bool:
        return self.status == 304


class Transient(Exception):
    """A failure that may pass; `error` is what to report if it does not."""

    def __init__(self, error: SourceUnreachable, host: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.host = host


def answer(url: str, response: aiohttp.ClientResponse, body: bytes) -> Fetched:
    headers = response.headers
    return Fetched(
        url=url,
        final_url=url,
        status=response.status,
        content_type=headers.get("Content-Type", ""),
        body=body,
        robots_tags=tuple(headers.getall("X-Robots-Tag", ())),
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
        framed="Content-Length" in headers or "chunked" in headers.get("Transfer-Encoding", "").lower(),
    )


def check_status(url: str, response: aiohttp.ClientResponse) -> None:
    status, reason = response.status, f"{response.status} {response.reason or ''}".strip()
    if status in (404, 410):
        raise SourceGone(f"{url!r} answers {reason}.", "Correct it, or remove the page with --refresh --prune.")
    if status in (401, 403, 407, 451):
        raise SourceRefused(f"{url!r} answers {reason}.", "Only pages that anyone may read can be ingested.")
    if status in TRANSIENT:
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        error = SourceUnreachable(f"{url!r} answers {reason}.", "Try again later.", retry_after=wait)
        raise Transient(error, site_of(url))
    if status not in (200, 203):
        raise SourceUnreachable(f"{url!r} answers {reason}.", "Open it in a browser to see why.")


def check_type(url: str, response: aiohttp.ClientResponse, wanted: frozenset[str]) -> None:
    kind = media_type(response.headers.get("Content-Type", ""))
    if wanted and kind and kind not in wanted:
        raise SourceUnreadable(f"{url!r} is {kind!r}.", "Footnote reads HTML, plain text and Markdown.")


def translate(error: Exception, url: str, host: str) -> Exception:
    """The one table of what the HTTP library raises and what we make of it."""
    import aiohttp

    match error:
        case aiohttp.ClientConnectorDNSError():
            return SourceUnreachable(f"The host of {url!r} cannot be found.", "Check its spelling and your network.")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            what = getattr(getattr(error, "certificate_error", None), "verify_message", "") or "no secure connection"
            return SourceUnreachable(f"{url!r} has no valid certificate: {what}.", "Check the site in a browser.")
        case aiohttp.ClientPayloadError():
            fault = SourceUnreachable(f"The body of {url!r} was cut short or is badly encoded.", "Try again later.")
            return Transient(fault, host)
        case aiohttp.ClientResponseError():
            what = str(error.message).splitlines()[0] if error.message else "malformed headers"
            return SourceUnreachable(f"{url!r} answers what is not HTTP: {what[:200]}", "Check the site.")
        case aiohttp.InvalidURL():
            return SourceRefused(f"{url!r} is not a usable URL.", "Check its spelling.")
        case aiohttp.ClientConnectorError():
            what = error.os_error.strerror or "no connection"
            return Transient(SourceUnreachable(f"{url!r} cannot be reached: {what}.", "Try again later."), host)
        case _:
            what = type(error).__name__ if not str(error) else str(error)
            return Transient(SourceUnreachable(f"{url!r} cannot be reached: {what}.", "Try again later."), host)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait: the header holds a number of seconds or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def too_large(url: str, limit: int) -> SourceError:
    return SourceTooLarge(f"{url!r} has more than {limit:,} bytes.", "Raise --max-bytes if it is worth reading.")
