"""The command as a person meets it: exit codes, one line on stderr, what is printed where."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.cli import main

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command in this process, in an empty folder with a clean environment; returns its exit code."""
    for name in list(os.environ):
        if name.startswith(("RAG_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["footnote", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (("ask",), "`footnote ask --help`"),
        (("ask", "--nope", "x"), "`footnote ask --help`"),
        (("nope",), "`footnote --help`"),
        (("serve", "--port", "70000"), "--port"),
        (("ask", " \u200b "), "write some text"),
        (("ask", "x" * 4001), "4,000"),
        (("ask", "What?", "--thread", "a b"), "thread id"),
        (("sources", "remove"), "`footnote sources remove --help`"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], cure: str
) -> None:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("footnote: ")
    assert err.count("\n") == 1
    assert cure in err


def test_every_command_has_help_with_examples(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    commands = ["serve", "ask", "chat", "sources", "eval", "verify", "rebuild", "config"]
    assert run("--help") == 0
    overview = capsys.readouterr().out
    for command in commands:
        assert command in overview
        assert run(command, "--help") == 0
        assert f"footnote {command}" in capsys.readouterr().out.split("Example", 1)[1]


def test_config_prints_what_is_in_force_and_hides_secrets(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("RAG_API_KEYS", "alpha,beta")
    monkeypatch.setenv("RAG_CHROMA_URL", "http://user:hidden@chroma:8000")
    monkeypatch.setenv("RAG_TOP_K", "9")
    assert run("config") == 0
    text = capsys.readouterr().out
    assert "RAG_TOP_K=9\n" in text
    assert "OPENAI_API_KEY=********\n" in text
    assert "RAG_CHROMA_URL=http://********@chroma:8000\n" in text
    assert run("config", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["RAG_API_KEYS"] == ["********", "********"]
    for secret in ("sk-secret", "alpha", "beta", "hidden"):
        assert secret not in text + json.dumps(data)


def test_a_setting_that_cannot_be_used_is_named(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_TOP_K", "many")
    assert run("config") == 2
    assert "RAG_TOP_K" in capsys.readouterr().err


def test_sources_of_an_empty_folder_say_how_to_add_some(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sources") == 0
    assert "ingest URL" in capsys.readouterr().err
    assert run("sources", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"sources": []}


def test_a_port_in_use_is_told_with_the_cure(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("serve", "--port", str(port)) == 1
    assert f"The port {port} on '127.0.0.1' is in use." in capsys.readouterr().err


def test_an_address_that_is_not_ours_is_told_with_the_cure(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve", "--host", "192.0.2.1") == 2
    assert "--host" in capsys.readouterr().err


def test_an_unknown_model_is_told_before_anything_is_opened(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAG_CHAT_MODEL", "extractiv")
    assert run("ask", "What?") == 2
    assert "extractive" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help_starts_fast_because_nothing_heavy_is_imported() -> None:
    heavy = "chromadb onnxruntime langchain_openai langgraph fastapi uvicorn tantivy".split()
    code = f"import rag.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


def test_a_reader_that_leaves_gets_no_complaint() -> None:
    command = f"{sys.executable} -m rag.cli config | true; echo ${{PIPESTATUS[0]}}"
    shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (shown.stdout, shown.stderr) == ("1\n", "")


def test_a_full_disk_is_one_line_and_a_closed_output_is_none() -> None:
    command = f"{sys.executable} -m rag.cli config"
    full = subprocess.run(["bash", "-c", f"{command} > /dev/full"], capture_output=True, text=True, check=False)
    assert (full.returncode, full.stderr.count("\n")) == (1, 1)
    assert full.stderr.startswith("footnote: No space left on device. ")
    closed = subprocess.run(["bash", "-c", f"{command} >&-"], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, "")


def test_ctrl_c_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(io.StringIO):
        def read(self, size: int | None = -1) -> str:
            signal.raise_signal(signal.SIGINT)
            return ""

    monkeypatch.setattr(sys, "stdin", Interrupted())
    assert run("ask", "-") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_terminal_of_few_characters_is_written_what_it_knows(tmp_path: Path) -> None:
    """Others become question marks; as JSON they are escaped, so that nothing is lost."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "RAG_DATA_DIR": "caf\u00e9-\u5f15"}

    def shown(*arguments: str) -> str:
        command = [sys.executable, "-m", "rag.cli", "config", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path).stdout

    assert "RAG_DATA_DIR=caf?-?\n" in shown()
    assert json.loads(shown("--json"))["RAG_DATA_DIR"] == "caf\u00e9-\u5f15"
