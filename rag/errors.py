"""Every error Footnote raises on purpose.

    FootnoteError
    ├── InvalidRequest           the question or an option cannot be used as given
    ├── NotFound                 no such run, thread, document, source or job
    ├── Conflict                 something else holds what was asked for
    ├── ConfigurationError       a setting cannot work
    │   ├── UnknownModel             no such provider or model
    │   ├── MissingCredentials       a provider needs a key
    │   ├── MissingWeights           the embedded model's files are not installed
    │   └── IndexMismatch            the data folder was written with other settings
    ├── Unauthorized             no API key, or not one of ours
    ├── Forbidden                a key that may not do this
    ├── Overloaded               all places are taken; come again
    ├── StorageError             the data folder cannot be read or written
    │   └── IndexUnavailable         Chroma or the words index does not answer
    ├── ModelError               the chat or embedding model failed
    │   ├── ModelRejectedKey         401 or 403
    │   ├── ModelRefused             it does not take this request: wrong name, too long, not allowed
    │   ├── ModelRateLimited         429
    │   ├── ModelUnavailable         refused, 5xx, or no first token in time
    │   └── ModelStreamBroken        it stopped, stalled or sent garbage in mid-answer
    ├── RunError                 a run did not finish
    │   ├── DeadlineExceeded         it took longer than the deadline
    │   ├── RunInterrupted           the server stopped under it
    │   └── RunCancelled             somebody stopped it
    └── SourceError              a page could not be fetched or read
        ├── SourceRefused            a rule forbids it (address, scheme, HTTP 401 or 403)
        │   └── SourceExcluded           robots.txt, or a rule of this crawl, leaves it out
        ├── SourceUnreachable        the network or the site failed
        ├── SourceGone               404 or 410
        ├── SourceTooLarge           more bytes, or deeper, than allowed
        └── SourceUnreadable         not a page with text in it
            └── SourceNeedsScript        its text is only shown by JavaScript

A message says what is wrong, with the value as `repr`, and ends with the cure. Every class carries what a problem
document (RFC 9457) needs, so that the HTTP face, the event stream and the command line tell the same story.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

_PASSWORD = re.compile(
    r"(?<=//)[^\s/?#'\":\[]+:(?!\d+(?:[/?#]|$))[^\s'\"]*@"  # with a slash in it, too
    r"|(?<=//)[^\s/?#'\"]+@"
    r"|(?<![^\s'\"])[^\s/'\"@:]+:(?!//)[^\s/'\"]+@(?=[\w\[])"  # without a scheme
)
_SECRET_PARAMETER = re.compile(
    r"(?<=[?&;])((?:[\w.-]*[._-])?(?:\w*token|\w*secret|password|passwd|pwd|signature|sig|api_?key|key|auth|session|sid)=)"
    r"[^&#\s'\"]+",
    re.IGNORECASE,
)


class FootnoteError(Exception):
    """Base of all our errors.

    Args:
        detail: what is wrong, with the offending value.
        cure: what to do about it; joined to the detail by a space.
        retry_after: seconds after which trying again makes sense.
    """

    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong inside Footnote"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, cure: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(f"{detail} {cure}".strip())
        self.detail = detail
        self.cure = cure
        self.retry_after = retry_after

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 members `type`, `title`, `status`, `detail`, and our `retryable`."""
        return {
            "type": f"urn:footnote:error:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": str(self),
            "retryable": self.retryable,
        }


def without_password(text: str) -> str:
    """The text with every `user:password@` of a URL in it replaced by `***@`."""
    return _PASSWORD.sub("***@", text)


def without_secrets(text: str) -> str:
    """The same, and the values of parameters such as `token=` and `api_key=` replaced by `***`: for people to read."""
    return _SECRET_PARAMETER.sub(r"\1***", without_password(text))


class InvalidRequest(FootnoteError):
    slug, title, status = "invalid-request", "The request cannot be used", 422


class NotFound(FootnoteError):
    slug, title, status = "not-found", "There is no such thing", 404


class Conflict(FootnoteError):
    slug, title, status, retryable = "conflict", "Something else is using it", 409, True


class ConfigurationError(FootnoteError):
    slug, title, status = "configuration", "A setting cannot work", 503


class UnknownModel(ConfigurationError):
    slug, title = "unknown-model", "No such model"


class MissingCredentials(ConfigurationError):
    slug, title = "missing-credentials", "The model needs a key"


class MissingWeights(ConfigurationError):
    slug, title = "missing-weights", "The embedded model is not installed"


class IndexMismatch(ConfigurationError):
    slug, title = "index-mismatch", "The index was made with other settings"


class Unauthorized(FootnoteError):
    slug, title, status = "unauthorized", "An API key is needed", 401


class Forbidden(FootnoteError):
    slug, title, status = "forbidden", "This key may not do that", 403


class Overloaded(FootnoteError):
    slug, title, status, retryable = "overloaded", "Too many questions at once", 503, True


class StorageError(FootnoteError):
    slug, title, status, retryable = "storage", "The data folder cannot be used", 503, True


class IndexUnavailable(StorageError):
    slug, title = "index-unavailable", "The index does not answer"


class ModelError(FootnoteError):
    slug, title, status, retryable = "model", "The model failed", 502, True


class ModelRejectedKey(ModelError):
    slug, title, retryable = "model-rejected-key", "The model refused the key", False


class ModelRefused(ModelError):
    slug, title, retryable = "model-refused", "The model refused the request", False


class ModelRateLimited(ModelError):
    slug, title, status = "model-rate-limited", "The model asks to slow down", 503


class ModelUnavailable(ModelError):
    slug, title, status = "model-unavailable", "The model cannot be reached", 503


class ModelStreamBroken(ModelError):
    slug, title = "model-stream-broken", "The model stopped in mid-answer"


class RunError(FootnoteError):
    slug, title, retryable = "run", "The run did not finish", True


class DeadlineExceeded(RunError):
    slug, title, status = "deadline-exceeded", "The answer took too long", 504


class RunInterrupted(RunError):
    slug, title, status = "interrupted", "The server stopped before the answer was complete", 503


class RunCancelled(RunError):
    slug, title, status = "cancelled", "The run was cancelled", 499


class SourceError(FootnoteError):
    """A page could not be fetched or read; `reason` is the short word used in an ingestion report.

    What is said of it repeats no password or key that stands in a URL.
    """

    slug, title, status = "source", "A source could not be read", 422
    reason: ClassVar[str] = "failed"

    def __init__(self, detail: str, cure: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(without_secrets(detail), cure, retry_after=retry_after)


class SourceRefused(SourceError):
    slug, title, reason = "source-refused", "A rule forbids this source", "refused"


class SourceExcluded(SourceRefused):
    """Nothing failed: `rule` is the short word for why the source is skipped, such as `robots` or `off_site`."""

    slug, title, reason = "source-excluded", "A rule leaves this source out", "excluded"

    def __init__(self, detail: str, cure: str = "", *, rule: str = "excluded") -> None:
        super().__init__(detail, cure)
        self.rule = rule


class SourceUnreachable(SourceError):
    slug, title, reason, retryable = "source-unreachable", "The source did not answer", "unreachable", True


class SourceGone(SourceError):
    slug, title, reason = "source-gone", "The page is gone", "gone"


class SourceTooLarge(SourceError):
    slug, title, reason = "source-too-large", "The page is too large", "too_large"


class SourceUnreadable(SourceError):
    slug, title, reason = "source-unreadable", "There is no text to read", "unreadable"


class SourceNeedsScript(SourceUnreadable):
    slug, title, reason = "source-needs-script", "The page needs JavaScript to show its text", "javascript"
