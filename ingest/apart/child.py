"""The program that reads pages for an ingestion, in a process of its own; started by `ingest/apart/processes.py`.

Frames go in and out, each a kind of one byte, a length of four and that many bytes. In: the reader to use, then pages.
Out: `READY`, then for each page in turn what was read or why it could not be. A page that takes more processor time
than anything honest ends this process, by a signal that no parser can hold off; so does the end of whoever started it,
for then nothing more comes in.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import signal
import struct
import sys
from typing import BinaryIO

from ingest.arenas import keep_imports, share_arenas

READY, READ, ERROR, FAULT = b"!", b"+", b"-", b"?"
HEAD = struct.Struct("!cI")
_PIPE_BYTES = 1_048_576
"""What a pipe holds, where the system lets it: most pages go in whole, and the reader of one need not wait for the
other side, which is busy with something else."""
PAGE_SECONDS = 60.0
"""Processor time of one page. The largest and worst that are let through take some ten seconds."""


def receive(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next frame; None when the other side is gone."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    body = stream.read(length)
    return (kind, body) if len(body) == length else None


def send(stream: BinaryIO, kind: bytes, body: bytes = b"") -> None:
    """Sends a frame."""
    stream.write(HEAD.pack(kind, len(body)))
    stream.write(body)
    stream.flush()


def widen(*pipes: int) -> None:
    """Lets the pipes hold a page each; elsewhere than on Linux, or beyond a user's share, they stay as they are."""
    for pipe in pipes:
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def main(seconds: float) -> None:
    """Reads pages from standard input until it ends."""
    widen(0, 1)
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that nothing that is printed gets among the frames
    first = receive(incoming)
    if first is None:
        return
    reader = pickle.loads(first[1])  # noqa: S301 - from the process that started this one

    share_arenas()
    _load()
    keep_imports()
    send(outgoing, READY)
    while (frame := receive(incoming)) is not None:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        kind, body = _answer(reader, frame[1])
        signal.setitimer(signal.ITIMER_PROF, 0)
        send(outgoing, kind, body)


def _load() -> None:
    """Imports what every page takes, before the first one comes."""
    import ingest.apart.packed
    import ingest.chunk
    import ingest.reading.only
    import ingest.reading.read  # noqa: F401


def _answer(reader: object, request: bytes) -> tuple[bytes, bytes]:
    from ingest.apart.packed import packed, packed_error
    from ingest.apart.page import PageReader
    from rag.errors import SourceError

    if not isinstance(reader, PageReader):
        raise TypeError("the first frame is to be a PageReader")
    fetched, fetched_at, known_hash = pickle.loads(request)  # noqa: S301 - from the process that started this one
    try:
        return READ, packed(reader.read(fetched, fetched_at, known_hash))
    except SourceError as error:
        return ERROR, packed_error(error)
    except (Exception, RecursionError) as error:
        return FAULT, f"{type(error).__name__}: {error}".encode("utf-8", "replace")


if __name__ == "__main__":
    main(float(sys.argv[1]))
