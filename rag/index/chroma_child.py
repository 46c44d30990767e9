"""The program that is the local Chroma server: started by `rag/index/chroma_server.py`, never imported.

It runs Chroma's Rust server (the one behind `chroma run`) in this process, and adds what that command lacks: it holds a
lock on its record for as long as it lives, so that nobody mistakes another process for it; it ends by itself when no
Footnote process uses the data folder any more, however those ended; it keeps its log short; and it has Chroma remember
what a collection is, which it looks up six times a query otherwise: a third of the query's time. Only the standard
library and Chroma's binding are imported, so that it is up in 0.2 s and takes 40 MB.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime

HOST = "127.0.0.1"
WATCH_SECONDS = 0.5
LINGER_SECONDS = 2.0
"""How long the server outlives its last user: `ingest` and then `footnote ask` share one."""
STOP_SECONDS = 5.0
LOG_BYTES = 1_000_000
COLLECTIONS = {"cache": {"memory": {"capacity": 100}}, "permitted_parallelism": 32, "cache_ttl_secs": 3_600}
"""How Chroma remembers collections; it forgets one that is renamed or dropped, and nobody else writes to its store."""


def claim(path: str, port: int) -> int:
    """Locks the record for the life of this process and writes who we are; the lock says that it is true."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + 1.0  # somebody may be looking, which takes the lock for an instant
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit("Another Chroma server serves this data folder.")
            time.sleep(0.01)
    record = {"pid": os.getpid(), "port": port, "started": datetime.now(UTC).isoformat(timespec="seconds")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(record).encode(), 0)
    return descriptor


def alone(users: int) -> bool:
    """Whether no process uses the data folder; when so, newcomers wait until we are gone or say that we stay."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def watch(users_path: str) -> None:
    """Ends this process when its last user has left, or the data folder is deleted."""
    users = os.open(users_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    left_at: float | None = None
    while True:
        time.sleep(WATCH_SECONDS)
        keep_log_short()
        if not alone(users):
            left_at = None
            continue
        left_at = left_at or time.monotonic()
        if time.monotonic() - left_at >= LINGER_SECONDS or not os.path.exists(users_path):
            break
        fcntl.flock(users, fcntl.LOCK_UN)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(0)


def keep_log_short() -> None:
    """The log is opened for appending, so cutting it is safe."""
    with contextlib.suppress(OSError):
        if os.fstat(1).st_size > LOG_BYTES:
            os.ftruncate(1, 0)


def configured(record: str, data: str, port: str) -> str:
    """Writes the server's configuration beside its record, whose lock keeps others from it, and returns its path."""
    path = os.path.join(os.path.dirname(record), "chroma.yaml")
    settings = {
        "listen_address": HOST,
        "port": int(port),
        "persist_path": data,
        "collections_with_segments_provider": COLLECTIONS,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(settings, file, ensure_ascii=False)  # all JSON is YAML
    return path


def main(record: str, users: str, data: str, port: str, packages: str) -> None:
    if os.fork():
        os._exit(0)  # the server has no parent, so nobody has to wait for it
    claim(record, int(port))
    threading.Thread(target=watch, args=(users,), daemon=True).start()
    sys.path.append(packages)
    import chromadb_rust_bindings  # type: ignore[import-untyped]  # a compiled module without stubs

    chromadb_rust_bindings.cli(["chroma", "run", configured(record, data, port)])


if __name__ == "__main__":
    main(*sys.argv[1:])
