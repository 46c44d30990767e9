"""The command: usage, help, and what is shown."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from ingest.cli import main
from ingest.console import BarView, LineView, open_view, page_line, print_report
from ingest.progress import PageSettled, Progress
from ingest.report import Report, Skip

ROOT = Path(__file__).parents[2]
FLAGS = """--sitemap --crawl --depth --max-pages --include --exclude --only --only-class --refresh --prune --max-prune
--allow-host --ignore-robots --concurrency --per-host --delay --timeout --max-bytes --json""".split()


@pytest.fixture(autouse=True)
def own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not the folder of whoever runs the tests."""
    monkeypatch.setenv("RAG_DATA_DIR", str(tmp_path / "data"))


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest.cli", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)


def test_help_names_every_flag_and_shows_examples() -> None:
    shown = run("--help").stdout
    assert [flag for flag in FLAGS if flag not in shown] == []
    assert "ingest --crawl" in shown


def test_a_report_that_cannot_be_written_is_one_line_and_a_closed_output_is_none(tmp_path: Path) -> None:
    """The pages are in the index all the same."""
    (tmp_path / "a.md").write_text("# A\n\nChroma keeps the vectors of every chunk.\n")

    def ingested(end: str) -> subprocess.CompletedProcess[str]:
        command = f"{sys.executable} -m ingest.cli {tmp_path}/a.md --json {end}"
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)

    closed = ingested(">&-")
    assert (closed.returncode, "1 indexed" in closed.stderr, "Traceback" in closed.stderr) == (0, True, False)
    full = ingested("> /dev/full")
    assert (full.returncode, "1 unchanged" in full.stderr) == (1, True)
    assert full.stderr.splitlines()[-1].startswith("ingest: No space left on device. ")
    assert (ingested("2> /dev/full").returncode, ingested("2>&-").returncode) == (1, 0)


def test_the_documentation_names_every_reason_and_flag_it_should() -> None:
    text = (ROOT / "docs" / "ingestion.md").read_text()
    for word in ("--refresh", "--max-prune", "--allow-host", "not_pruned", "listing", "dead_link", "PageLoader"):
        assert word in text


@pytest.mark.parametrize(
    "arguments",
    [[], ["--prune", "x.md"], ["--bogus"], ["--depth", "x", "x.md"], ["--max-prune", "101", "x.md"],
     ["--only", "a b", "x.md"], ["--allow-host", "http://x", "x.md"], ["--max-pages", "0", "x.md"]],
)  # fmt: skip
def test_wrong_usage_exits_with_2_and_the_cure(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["ingest", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.strip()) > 20
    assert shown.err.startswith("ingest: ")
    assert shown.err.count("\n") == 1


def test_a_password_in_a_source_is_not_repeated() -> None:
    """Neither table, nor report, nor reason says it, however the rest of the URL is broken."""
    spellings = [
        "https://u:s3cret@example.com/x", "https://u:s3cret@[::1/", "ftp://u:s3cret@h/", "https://u:s3/cret@h/",
        "u:s3cret@h/x", "https://u:s3cret@h\\x", "https://u:s3cret@h/" + "x" * 3_000,
    ]  # fmt: skip
    ran = run(*spellings, "--sitemap", "https://u:s3cret@h/sitemap.xml", "--json")
    assert ran.returncode == 1
    assert f"{len(spellings) + 1} failed" in ran.stderr
    assert "s3" not in ran.stdout + ran.stderr


def test_keys_in_a_query_are_for_the_report_only() -> None:
    """What is read on the screen or in a log hides them; the report names the page as it was asked for."""
    ran = run("https://127.0.0.1/?token=s3cret&page=2", "--json")
    assert "?page=2&token=*** " in ran.stderr
    assert "s3cret" not in ran.stderr
    [failure] = json.loads(ran.stdout)["failures"]
    assert "token=s3cret" in failure["url"]
    assert "s3cret" not in failure["detail"]


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys, ingest.cli;"
        "heavy = {'chromadb', 'onnxruntime', 'trafilatura', 'langchain_core', 'lxml', 'aiohttp'};"
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_line_a_page_where_there_is_no_terminal() -> None:
    shown = io.StringIO()
    view = open_view(Console(file=shown))
    assert isinstance(view, LineView)
    with view:
        view(PageSettled("https://example.com/[a]", "indexed", chunks=3, embedded=2))
        view(PageSettled("https://example.com/b", "failed", "gone", "It answers 404."))
    lines = shown.getvalue().splitlines()
    assert lines[0] == "indexed    https://example.com/[a]  3 chunks, 2 embedded"
    assert lines[1] == "failed     https://example.com/b  gone: It answers 404."
    assert page_line(PageSettled("u", "skipped", "robots")) == "skipped    u  robots"


def test_bars_on_a_terminal_tell_how_far_it_is() -> None:
    shown = io.StringIO()
    view = open_view(Console(file=shown, force_terminal=True, width=120))
    assert isinstance(view, BarView)
    with view:
        view(PageSettled("https://example.com/b", "failed", "gone", "It answers 404."))
        view(Progress(5, 5, 4, 1, 40, 20, 2.0, 2.5, 2.0))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
    assert "It answers 404." in text
    assert "waiting for the site" in text


def test_the_report_is_shown_and_given_as_json() -> None:
    report = Report("id", seconds=75.0, requests=3)
    report.count("failed", "https://example.com/", "unreachable", "It does not answer.")
    report.count("skipped", "https://example.com/x", "robots")
    report.removed.append(Skip("https://example.com/y", "gone"))
    shown = io.StringIO()
    print_report(report, Console(file=shown, width=120))
    for part in ("1 failed", "1 pruned", "1 min 15 s", "It does not answer.", "removed  https://example.com/y"):
        assert part in shown.getvalue()
    data = report.data()
    assert set(data) >= {
        "run_id", "seconds", "pages", "chunks", "embedded", "requests", "not_modified", "bytes", "failures", "skips",
    }  # fmt: skip
    assert data["pages"] == {"indexed": 0, "unchanged": 0, "skipped": 1, "failed": 1, "gone": 0, "pruned": 1}
    assert data["failures"] == [
        {"url": "https://example.com/", "reason": "unreachable", "detail": "It does not answer."}
    ]
    assert data["skips"] == [{"url": "https://example.com/x", "reason": "robots"}]


def test_a_list_that_is_not_text_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes on stdin that are no UTF-8 end with one line, not with a traceback."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"http://a.example/\xff\n"), "utf-8"))
    monkeypatch.setattr("sys.argv", ["ingest", "-"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "not text in UTF-8" in capsys.readouterr().err
