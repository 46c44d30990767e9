"""One Chroma server for a data folder: started once, shared, found dead, replaced, and gone with its last user."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import IndexUnavailable
from rag.index.chroma_server import ChromaServer, ServerRecord, find_free_port
from rag.index.locks import FileLock

_WAIT = 30.0

_USER = """
import sys
from pathlib import Path
from rag.index.chroma_server import ChromaServer
server = ChromaServer(Path(sys.argv[1]))
print(server.port(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., ChromaServer]]:
    made: list[ChromaServer] = []

    def make(**options: object) -> ChromaServer:
        made.append(ChromaServer(tmp_path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for server in made:
        server.stop()
        server.close()


def alive(server: ChromaServer) -> ServerRecord:
    record = server.live()
    assert record is not None
    return record


def wait_until_gone(folder: Path) -> None:
    """The server holds a lock on its record for as long as it lives."""
    lock = FileLock(folder / "chroma.json")
    assert lock.take(shared=True, timeout=_WAIT)
    lock.drop()


def other_user(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_the_second_user_shares_the_server_of_the_first(make_server: Callable[..., ChromaServer]) -> None:
    """It listens on loopback only, and its process is the one on record."""
    first, second = make_server(), make_server()

    assert first.port() == second.port() == alive(first).port
    listeners = Path(f"/proc/{alive(first).pid}/net/tcp")
    if listeners.exists():
        ours = f":{first.port():04X}"
        bound = [line.split()[1] for line in listeners.read_text().splitlines() if line.split()[3] == "0A"]
        assert [address for address in bound if address.endswith(ours)] == [f"0100007F{ours}"]


def test_two_processes_that_come_at_once_start_one_server(
    tmp_path: Path, make_server: Callable[..., ChromaServer]
) -> None:
    """Whoever is second waits for the first and shares."""
    processes = [other_user(tmp_path) for _ in range(3)]
    ports = {port_of(process) for process in processes}
    for process in processes:
        process.communicate()

    assert len(ports) == 1
    make_server()


def test_it_outlives_a_user_that_was_killed_and_ends_with_the_last(tmp_path: Path) -> None:
    """A crashed owner is no owner: the others go on, and without others the server ends by itself."""
    killed, stays = other_user(tmp_path), other_user(tmp_path)
    port = port_of(killed)
    assert port_of(stays) == port
    killed.kill()
    killed.communicate()
    server = ChromaServer(tmp_path)
    assert alive(server).port == port

    stays.communicate()

    wait_until_gone(tmp_path)
    assert server.live() is None


def test_a_killed_server_is_replaced_at_the_next_call(make_server: Callable[..., ChromaServer]) -> None:
    """kill -9, look again, and there is another."""
    first, second = make_server(), make_server()
    first.port()
    killed = alive(first).pid
    second.port()
    os.kill(killed, signal.SIGKILL)

    port = first.port(check=True)

    assert alive(first).pid != killed
    assert second.port(check=True) == port


def test_a_stale_record_and_a_foreign_program_on_its_port_are_no_server(
    tmp_path: Path, make_server: Callable[..., ChromaServer]
) -> None:
    """A record that names a living process and a port in use is not believed without the lock."""
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        taken = foreign.getsockname()[1]
        (tmp_path / "chroma.json").write_text(json.dumps({"pid": os.getpid(), "port": taken}))
        server = make_server()
        assert server.live() is None

        assert server.port() != taken


@pytest.mark.parametrize("content", ["", "{", '{"pid": "x"}', "null"])
def test_a_damaged_record_does_no_harm(content: str, tmp_path: Path, make_server: Callable[..., ChromaServer]) -> None:
    """Whatever is in the file, a server starts."""
    (tmp_path / "chroma.json").write_text(content)
    assert make_server().port()


def test_a_port_that_was_taken_in_the_meantime_is_given_up(make_server: Callable[..., ChromaServer]) -> None:
    """Another port is tried."""
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        ports = iter([foreign.getsockname()[1], find_free_port()])
        server = make_server(free_port=lambda: next(ports))
        assert server.port() != foreign.getsockname()[1]


def test_a_server_that_does_not_start_is_told_with_its_last_words(
    tmp_path: Path, make_server: Callable[..., ChromaServer]
) -> None:
    """The error quotes the log, names it, and ends with the cure."""
    (tmp_path / "chroma").mkdir()
    (tmp_path / "chroma" / "chroma.sqlite3").write_text("this is no database" * 100)

    with pytest.raises(IndexUnavailable, match=r"Chroma does not start: .*\S.*chroma\.log.*footnote rebuild"):
        make_server().port()


def test_a_stalled_server_is_told_and_works_again_when_it_wakes(make_server: Callable[..., ChromaServer]) -> None:
    """It is neither waited for without end nor killed: it may only be busy."""
    server = make_server()
    port = server.port()
    os.kill(alive(server).pid, signal.SIGSTOP)
    try:
        with pytest.raises(IndexUnavailable, match=rf"process {alive(server).pid}.*does not answer.*kill -9"):
            server.port(check=True)
    finally:
        os.kill(alive(server).pid, signal.SIGCONT)

    assert server.port(check=True) == port


def test_a_long_log_is_cut_before_a_start(tmp_path: Path, make_server: Callable[..., ChromaServer]) -> None:
    """The log does not grow from start to start."""
    (tmp_path / "chroma.log").write_text("x" * 1_100_000)
    make_server().port()
    assert (tmp_path / "chroma.log").stat().st_size < 100_000


def test_the_store_can_be_put_aside(tmp_path: Path, make_server: Callable[..., ChromaServer]) -> None:
    """What is beyond repair is kept beside, and the next server starts with an empty store."""
    server = make_server()
    server.port()
    (tmp_path / "chroma" / "mark").touch()

    server.discard_store()

    assert (tmp_path / "chroma-damaged" / "mark").exists()
    assert server.port()
    assert not (tmp_path / "chroma" / "mark").exists()


def test_a_server_whose_starter_was_killed_is_shared(tmp_path: Path, make_server: Callable[..., ChromaServer]) -> None:
    """It comes up between our look and our start: ours gives way, and we share the one that is there."""
    other = make_server()
    port = other.port()
    late = make_server()
    assert not late._launch(find_free_port(), float("inf"))
    assert late.port() == port
