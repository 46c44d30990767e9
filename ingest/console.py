"""What a person sees on stderr: bars on a terminal, else one line a page; a table at the end."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from ingest.progress import IngestEvent, PageSettled, Progress
from ingest.report import Report
from rag.errors import without_secrets

SHOWN = 20


class View(Protocol):
    """Shows an ingestion while it runs."""

    def __call__(self, event: IngestEvent) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_view(console: Console) -> View:
    """Bars on a terminal, lines elsewhere."""
    return BarView(console) if console.is_terminal else LineView(console)


class LineView:
    """One line a page."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves nothing behind."""

    def __call__(self, event: IngestEvent) -> None:
        if isinstance(event, PageSettled):
            self._console.print(page_line(event), markup=False, highlight=False, soft_wrap=True)


class BarView:
    """A bar of pages and a bar of embedded chunks; only failures get a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._pages: TaskID = self._bars.add_task("pages ", total=None, note="")
        self._chunks: TaskID = self._bars.add_task("chunks", total=None, note="embedded")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, event: IngestEvent) -> None:
        match event:
            case PageSettled(outcome="failed"):
                self._console.print(page_line(event), markup=False, highlight=False, style="red")
            case PageSettled():
                self._bars.advance(self._pages)
            case Progress():
                left = f", {_duration(event.left)} left" if event.left is not None else ""
                note = f"{event.rate:.1f} pages/s{left}, waiting for {event.waits_for}"
                self._bars.update(self._pages, completed=event.done, total=event.done + event.waiting, note=note)
                self._bars.update(
                    self._chunks, completed=event.embedded, total=max(event.chunks, event.embedded) or None
                )


def page_line(event: PageSettled) -> str:
    """`indexed    https://…  12 chunks, 12 embedded` or `failed     https://…  reason: what happened`."""
    if event.outcome in ("indexed", "unchanged"):
        told = f"{event.chunks} chunks, {event.embedded} embedded"
    else:
        told = f"{event.reason}: {event.detail}" if event.detail else event.reason
    return f"{event.outcome:<10} {without_secrets(event.url)}  {told}".rstrip()


def print_report(report: Report, console: Console) -> None:
    """The figures as a table, then what failed and what was removed."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    outcomes = ("indexed", "unchanged", "skipped", "failed", "gone")
    pages = [f"{getattr(report, name)} {name}" for name in outcomes if getattr(report, name)]
    if report.removed:
        pages.append(f"{len(report.removed)} pruned")
    table.add_row("pages", ", ".join(pages) or "none")
    chunks = f"{report.chunks_added} added, {report.chunks_kept} kept, {report.chunks_removed} removed"
    table.add_row("chunks", f"{chunks}; {report.embedded} texts embedded")
    traffic = f"{report.requests} requests, {report.not_modified} not modified, {report.bytes / 1e6:.1f} MB"
    table.add_row("network", traffic)
    table.add_row("time", _duration(report.seconds))
    console.print(table)
    lines = [f"failed   {without_secrets(item.url)}  {item.reason}: {item.detail}" for item in report.failures]
    lines += [f"removed  {without_secrets(item.url)}  {item.reason}" for item in report.removed]
    for line in lines[:SHOWN]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if len(lines) > SHOWN:
        console.print(f"and {len(lines) - SHOWN} more; --json lists them all")
    if report.stopped:
        console.print("Stopped before the end; the same command goes on from here.")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
