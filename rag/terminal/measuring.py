"""`footnote eval`: questions whose answers are known, asked of the running index and models."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rag.evaluation.run import run_evaluation
from rag.service import Footnote
from rag.settings import Settings
from rag.terminal.text import harmless, json_line


async def show_evaluation(settings: Settings, file: Path, thresholds: Sequence[str], *, as_json: bool) -> int:
    """Evaluates, prints a table or JSON, and returns the exit code: 1 when a threshold is missed or a question failed.

    Raises:
        InvalidRequest: the file or a threshold cannot be used.
    """
    progress = Console(stderr=True)
    async with Footnote.open(settings) as footnote:
        with progress.status("opening the index") as status:
            # A server that has to be started, and a network that has to be loaded, are no part of the first answer
            index = await footnote.index()
            await asyncio.to_thread(index.search, "What is this about?", limit=1)
            report = await run_evaluation(
                file,
                footnote,
                thresholds=thresholds,
                progress=lambda done, total: status.update(f"asked {done}/{total}"),
            )
    if as_json:
        sys.stdout.write(json_line(report.data(), sys.stdout))
    else:
        Console().print(report.table())
        for missed in report.missed:
            sys.stderr.write(f"missed: {missed.metric} {missed.relation} {missed.bound:g}\n")
    for error in report.errors:
        sys.stderr.write(f"failed: {harmless(error)}\n")
    return report.exit_code
