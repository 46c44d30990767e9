"""What can be asked, checked once for every way of asking: HTTP, socket, command line and library."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from rag.errors import InvalidRequest
from rag.vocabulary import Filter

MAX_QUESTION_CHARACTERS = 4_000
MAX_HISTORY_MESSAGES = 2_000
_IDENTIFIER = r"^[A-Za-z0-9._:-]{1,128}$"
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"  # letters and a symbol by category, yet drawn as nothing
_BLANK_CATEGORIES = ("Cf", "Mn", "Zs", "Zl", "Zp", "Cc")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def readable_text(text: str) -> str:
    """Returns `text` trimmed, or raises ValueError when it could not be stored, searched or shown later.

    Lone surrogates break SQLite, JSON and logs long after they were let in; text of only spaces and format
    characters (zero-width, direction marks, fillers) looks empty to its author.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds a lone surrogate; send valid Unicode text") from None
    if _CONTROL.search(text):
        raise ValueError("it holds a control character such as NUL; send plain text")
    trimmed = text.strip()
    if is_blank(trimmed):
        raise ValueError("it is blank; write some text")
    return trimmed


def is_blank(text: str) -> bool:
    """Whether nothing of it would be seen."""
    return all(
        character in _FILLERS or unicodedata.category(character) in _BLANK_CATEGORIES or character.isspace()
        for character in text
    )


def _question_text(text: str) -> str:
    if len(text) > MAX_QUESTION_CHARACTERS:
        raise ValueError(f"it has {len(text):,} characters; {MAX_QUESTION_CHARACTERS:,} are allowed at most")
    return text


Text = Annotated[str, Field(max_length=100_000), AfterValidator(readable_text)]
QuestionText = Annotated[
    str,
    AfterValidator(readable_text),
    AfterValidator(_question_text),
    Field(json_schema_extra={"minLength": 1, "maxLength": MAX_QUESTION_CHARACTERS}),
]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class HistoryMessage(_Strict):
    """One earlier message, as the client remembers it."""

    role: Literal["user", "assistant"]
    content: Text


class SearchFilter(_Strict):
    """Search only pages under a URL prefix, or in a language."""

    url_prefix: Annotated[Text, Field(max_length=2_000)] | None = None
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}$")] | None = None

    def to_filter(self) -> Filter:
        return Filter(self.url_prefix, self.language.lower() if self.language else None)


class AskRequest(_Strict):
    """A question and how to answer it. Only `question` is required."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How do I index a site?"}]},
    )

    question: QuestionText = Field(description="1 to 4,000 characters after trimming.")
    thread_id: Annotated[str, Field(pattern=_IDENTIFIER)] | None = Field(
        None, description="Continue this conversation, remembered by the server."
    )
    history: Annotated[tuple[HistoryMessage, ...], Field(max_length=MAX_HISTORY_MESSAGES)] | None = Field(
        None, description="Earlier messages, remembered by the client; excludes `thread_id`."
    )
    standalone_question: QuestionText | None = Field(None, description="Search this instead of rewriting the question.")
    rewrite: bool = Field(True, description="Rewrite a follow-up so that it can be searched on its own.")
    top_k: Annotated[int, Field(ge=1, le=50)] | None = Field(None, description="How many documents to show at most.")
    filter: SearchFilter | None = None
    mode: Literal["chain", "agent"] = "chain"
    order: Literal["documents_first", "as_produced"] = "documents_first"
    on_disconnect: Literal["cancel", "continue"] = Field(
        "cancel", description="What to do with the run when its last reader leaves."
    )

    @model_validator(mode="after")
    def _one_memory(self) -> Self:
        if self.thread_id is not None and self.history is not None:
            raise ValueError("thread_id and history exclude each other; send one of them")
        return self


def parse_request(**fields: Any) -> AskRequest:
    """An `AskRequest` from what a person typed.

    Raises:
        InvalidRequest: names the field, and says what is wrong and what is allowed.
    """
    try:
        return AskRequest(**fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "request"
        message = str(first["msg"]).removeprefix("Value error, ")
        raise InvalidRequest(f"The {place.replace('_', ' ')} cannot be used: {message}.") from None
