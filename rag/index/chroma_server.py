"""Starts, shares and supervises the local Chroma server of a data folder.

Whoever needs it first starts it, on loopback and a free port; `ingest` and `serve` share it. Files beside the data:

    chroma/       Chroma's own store
    chroma.json   process, port and start of the server, which holds a lock on this file while it lives
    chroma.users  every process that uses the server holds a shared lock on it; without any the server ends by itself
    chroma.start  held while a server is looked for or started, so that two processes that come at once start one
    chroma.yaml   what the server is told at its start
    chroma.log    what the server printed

Everything rests on locks, which the operating system drops with their holder: a stale record, a reused process id, a
foreign program on the recorded port, a killed server or a killed user need no special treatment. The server is
Chroma's Rust binary; the Python server, which can be taken over from the network (CVE-2026-45829), is never started.
"""

from __future__ import annotations

import http.client
import importlib.util
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ConfigurationError, IndexUnavailable
from rag.index.faults import storage_faults
from rag.index.locks import FileLock, read_json

HOST = "127.0.0.1"
_CHILD = Path(__file__).with_name("chroma_child.py")
_ENVIRONMENT = {"ANONYMIZED_TELEMETRY": "False", "NO_COLOR": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""No keys of ours, no settings of others. Large pages of memory take a sixth off a walk through a graph of 100,000
chunks; where the system does not offer them, nothing changes."""
_TRIES = 3
_HEARTBEAT_SECONDS = 3.0
_POLL_SECONDS = 0.02
_LEAST_FREE_BYTES = 2_000_000
_LOG_BYTES = 1_000_000
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class ServerRecord:
    """A live server: its process and its port on 127.0.0.1."""

    pid: int
    port: int


class ChromaServer:
    """One user of the data folder's Chroma server. Safe to use from several threads.

    Args:
        data_dir: the data folder.
        start_timeout: seconds in which a server must be up.
        free_port: where to find a port that nobody listens on.
    """

    def __init__(
        self, data_dir: Path, *, start_timeout: float = 30.0, free_port: Callable[[], int] | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._start_timeout = start_timeout
        self._free_port = free_port or find_free_port
        self._users = FileLock(self.data_dir / "chroma.users")
        self._record = self.data_dir / "chroma.json"
        self._log = self.data_dir / "chroma.log"
        self._port: int | None = None
        self._mutex = threading.Lock()

    def port(self, *, check: bool = False) -> int:
        """The port of the server, which is started when there is none. With `check` the known one is not trusted.

        Raises:
            IndexUnavailable: it does not start, or is alive and does not answer.
            StorageError: the data folder cannot be written.
        """
        with self._mutex:
            if self._port is None or check:
                self._port = None
                self._port = self._found_or_started()
            return self._port

    def live(self) -> ServerRecord | None:
        """The server that runs now, whoever started it; None when there is none."""
        record = read_json(self._record)
        if not FileLock(self._record).taken_by_other() or "port" not in record:
            return None
        return ServerRecord(int(record["pid"]), int(record["port"]))

    def stop(self, timeout: float = 10.0) -> None:
        """Ends the server though others may use it; the next call of anyone starts another."""
        with self._mutex:
            self._port = None
            for signal_number in (signal.SIGTERM, signal.SIGKILL):
                record = self.live()
                if record is None:
                    return
                os.kill(record.pid, signal_number)
                lock = FileLock(self._record)
                if lock.take(shared=True, timeout=timeout):
                    lock.drop()

    def discard_store(self) -> None:
        """Puts a store that is beyond repair aside, as `chroma-damaged`; the next call starts with an empty one."""
        self.stop()
        aside = self.data_dir / "chroma-damaged"
        with storage_faults(aside):
            shutil.rmtree(aside, ignore_errors=True)
            (self.data_dir / "chroma").replace(aside)

    def disk_is_full(self) -> bool:
        """Whether so little space is left that Chroma fails."""
        return shutil.disk_usage(self.data_dir).free < _LEAST_FREE_BYTES

    def close(self) -> None:
        """Leaves the server; it ends when nobody else uses it."""
        with self._mutex:
            self._port = None
            self._users.drop()

    def _found_or_started(self) -> int:
        deadline = time.monotonic() + self._start_timeout
        start = FileLock(self.data_dir / "chroma.start")
        if not start.take(timeout=self._start_timeout) or not self._users.take(
            shared=True, timeout=max(0.1, deadline - time.monotonic())
        ):
            start.drop()
            raise IndexUnavailable(
                f"Another process has been starting Chroma for {self._start_timeout:g} s.",
                "Look for a Footnote process that hangs and stop it, then try again.",
            )
        try:
            return self._found() or self._start(deadline)
        finally:
            start.drop()

    def _found(self) -> int | None:
        """The port of the server that runs. One that is coming up or dying gets a moment to become clear."""
        deadline = time.monotonic() + _HEARTBEAT_SECONDS
        while (record := self.live()) is not None:
            if _answers(record.port, max(0.1, deadline - time.monotonic())):
                return record.port
            if time.monotonic() >= deadline:
                raise IndexUnavailable(
                    f"The Chroma server (process {record.pid}, port {record.port}) is alive but does not answer.",
                    f"If it stays so, end it with `kill -9 {record.pid}`; Footnote starts another one by itself.",
                )
            time.sleep(_POLL_SECONDS)
        return None

    def _start(self, deadline: float) -> int:
        for _ in range(_TRIES):
            port = self._free_port()
            if self._launch(port, deadline):
                return port
            found = self._found()  # one that a starter left behind when it was killed came up first
            if found is not None:
                return found
        raise IndexUnavailable(
            f"Chroma does not start: {self._last_words()}",
            f"See {str(self._log)!r}; if its store is damaged, `footnote rebuild` makes it anew from the catalog.",
        )

    def _launch(self, port: int, deadline: float) -> bool:
        """Starts a server and waits until it answers; False when it ended before it did."""
        pulse, breath = os.pipe()
        try:
            with storage_faults(self._log):
                self._spawn(port, breath)
        finally:
            os.close(breath)
        try:
            while time.monotonic() < deadline:
                if _answers(port, 0.5):
                    return True
                if select.select([pulse], [], [], _POLL_SECONDS)[0]:  # only the server holds the other end
                    return False
        finally:
            os.close(pulse)
        self._end_unfinished()
        raise IndexUnavailable(
            f"Chroma was not up within {self._start_timeout:g} s: {self._last_words()}",
            f"See {str(self._log)!r} and try again.",
        )

    def _spawn(self, port: int, breath: int) -> None:
        store = self.data_dir / "chroma"
        store.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.unlink()
        arguments = [self._record, self._users.path, store, port, _binding_folder()]
        with self._log.open("ab") as log:
            launcher = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", str(_CHILD), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_ENVIRONMENT,
                cwd=self.data_dir,
                start_new_session=True,
                pass_fds=[breath],
            )
        launcher.wait()

    def _end_unfinished(self) -> None:
        record = self.live()
        if record:
            os.kill(record.pid, signal.SIGKILL)

    def _last_words(self) -> str:
        try:
            lines = _COLOURS.sub("", self._log.read_text(errors="replace")).split("\n")
        except OSError:
            lines = []
        said = [line.strip() for line in lines if line.strip()]
        return repr(said[-1]) if said else "it said nothing."


def find_free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def _answers(port: int, timeout: float) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", "/api/v2/heartbeat")
        return b"heartbeat" in connection.getresponse().read(1_000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _binding_folder() -> Path:
    found = importlib.util.find_spec("chromadb_rust_bindings")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "Chroma's server is not installed (no module 'chromadb_rust_bindings').",
            "Install the package chromadb, or set RAG_CHROMA_URL to a server that runs.",
        )
    return Path(found.origin).parent.parent
