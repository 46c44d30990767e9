"""What is remembered of conversations: threads and their turns, one row a turn, written when it ends.

`ThreadStore` is what the service, the checkpointer and the HTTP face see; `open_threads` chooses SQLite or Postgres.
All methods block for a few milliseconds: call them in a thread from asynchronous code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from rag.events import Step
from rag.settings import Settings
from rag.vocabulary import Citation, Document, FinishReason

TurnState = Literal["running", "done", "interrupted"]


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation as it is listed.

    Attributes:
        summary: of the turns up to `summarized_through`, when it has grown long; else empty.
        turns: how many, the interrupted ones included.
    """

    id: str
    title: str
    created_at: datetime
    updated_at: datetime
    turns: int
    summary: str = ""
    summarized_through: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer. `n` counts from 1 within the thread.

    Attributes:
        steps: what an agent did; long inputs and outputs are cut.
    """

    n: int
    run_id: str
    state: TurnState
    question: str
    asked_at: datetime
    standalone_question: str | None = None
    answer: str = ""
    finish_reason: FinishReason | None = None
    documents: tuple[Document, ...] = ()
    citations: tuple[Citation, ...] = ()
    steps: tuple[Step, ...] = ()
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a turn ended with. `sources` are the cited pages; None takes them from documents and citations."""

    answer: str
    standalone_question: str | None = None
    finish_reason: FinishReason | None = None
    documents: Sequence[Document] = ()
    citations: Sequence[Citation] = ()
    steps: Sequence[Step] = ()
    sources: Sequence[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn as the next one needs it: what was asked, what was answered, and the pages that were cited.

    `sources` holds `n`, `title` and `url` of each cited document.
    """

    n: int
    question: str
    answer: str
    sources: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a conversation brings to its next turn: the summary of its beginning, and the turns since."""

    summary: str = ""
    exchanges: tuple[Exchange, ...] = field(default=())


class ThreadStore(Protocol):
    """Keeps conversations. Each belongs to an owner, and does not exist for anyone else.

    A thread has at most one running turn. A turn whose process died is interrupted, and the thread can go on.

    Raises (every method):
        StorageError: the store cannot be read or written.
    """

    def begin(self, thread_id: str, question: str, *, run_id: str, owner: str = "") -> int:
        """Opens a turn, and the thread when it is new; returns the turn's number.

        Raises:
            Conflict: another question is being answered in this thread.
        """
        ...

    def finish(self, thread_id: str, outcome: Outcome, *, run_id: str, owner: str = "") -> None:
        """Ends the turn as done, in one transaction; when it returns, the turn is kept whatever happens.

        Raises:
            Conflict: the turn is not running any more; somebody took it for dead, or deleted the thread.
        """
        ...

    def interrupt(
        self, thread_id: str, partial: str = "", steps: Sequence[Step] = (), *, run_id: str, owner: str = ""
    ) -> None:
        """Ends the turn as interrupted, with what was said and done by then. Does nothing when it has ended."""
        ...

    def recall(self, thread_id: str, *, owner: str = "") -> Memory:
        """What the next turn should know; empty for a new thread. Its cost does not grow with the thread."""
        ...

    def summarize(self, thread_id: str, summary: str, *, through: int, owner: str = "") -> None:
        """Keeps a summary of the turns up to number `through`; the turns themselves stay as they are."""
        ...

    def get(self, thread_id: str, *, owner: str = "") -> Thread:
        """Raises NotFound: this owner has no such thread."""
        ...

    def turns(self, thread_id: str, *, owner: str = "") -> list[Turn]:
        """All turns, in order, whole.

        Raises:
            NotFound: this owner has no such thread.
        """
        ...

    def threads(self, *, owner: str = "", limit: int = 100, before: datetime | None = None) -> list[Thread]:
        """The owner's threads, last used first; `before` pages on from the `updated_at` of the last one seen."""
        ...

    def rename(self, thread_id: str, title: str, *, owner: str = "") -> None:
        """Raises NotFound: this owner has no such thread."""
        ...

    def delete(self, thread_id: str, *, owner: str = "") -> None:
        """Deletes the thread and all its turns.

        Raises:
            NotFound: this owner has no such thread.
            Conflict: a question is being answered in it.
        """
        ...

    def expire(self, before: datetime) -> int:
        """Deletes all owners' threads last used before then, but not those in use; returns how many."""
        ...

    def close(self) -> None: ...


def open_threads(settings: Settings) -> ThreadStore:
    """The store of the settings: Postgres when RAG_THREADS_URL is set, else SQLite in the data folder.

    Raises:
        ConfigurationError: the URL is not one of Postgres, or its driver is not installed.
        StorageError: it cannot be opened.
    """
    if settings.threads_url is not None:
        from rag.threads.postgres import PostgresThreads

        return PostgresThreads(settings.threads_url.get_secret_value())
    from rag.threads.sqlite import SqliteThreads

    return SqliteThreads(settings.data_dir / "threads.db")
