"""docs/cli.md and docs/settings.md are made from the code: `python -m tests.test_docs --write` (`make docs`);
what other pages name is there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from api.metrics import Metrics
from rag.settings import Settings, variable_name

DOCS = Path(__file__).parent.parent / "docs"
WIDTH = 100

CLI_HEAD = """\
# The commands

Made from the help texts by `make docs`; `--help` prints the same.

Errors are one line on stderr that ends in the cure. Exit codes: 0 all is well; 1 it could not be done, or `verify` or
`eval` found something; 2 wrong usage or a setting that cannot work; 130 stopped by Ctrl-C.
"""

SETTINGS_HEAD = """\
# Settings

Made from `rag/settings.py` by `make docs`. A setting is read from the environment, then from `.env` in the working
folder; an empty value counts as none. Lists are separated by commas. `footnote config` prints what is in force, secrets
hidden.
"""


def cli_page() -> str:
    from ingest.cli import app as ingest
    from rag.cli import app as footnote

    parts = [CLI_HEAD]
    for name, app in (("ingest", ingest), ("footnote", footnote)):
        parts += [f"## {path}\n\n```\n{text}\n```\n" for path, text in _helps(typer.main.get_command(app), name)]
    return "\n".join(parts)


def settings_page() -> str:
    sections = _sections()
    parts = [SETTINGS_HEAD]
    for name, field in Settings.model_fields.items():
        if name in sections:
            parts.append(f"\n## {sections[name]}\n\n| variable | default | what |\n|---|---|---|")
        parts.append(f"| `{variable_name(name)}` | {_default(field)} | {_cell(field.description or '')} |")
    return "\n".join(parts) + "\n"


def _helps(command: Any, path: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    context = command.make_context(
        path, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    context.info_name = path
    context.parent = None
    yield path, "\n".join(line.rstrip() for line in command.get_help(context).rstrip().split("\n"))
    for name, child in getattr(command, "commands", {}).items():
        yield from _helps(child, f"{path} {name}")


def _sections() -> dict[str, str]:
    """The comments between the fields of Settings, by the field that follows."""
    found: dict[str, str] = {}
    title = None
    for line in (Path(__file__).parent.parent / "rag" / "settings.py").read_text().split("\n"):
        if line.startswith("    # "):
            title = line.strip("# ")
        elif title and line.startswith("    ") and ":" in line:
            found[line.strip().split(":")[0]] = title
            title = None
    return found


def _default(field: Any) -> str:
    value = field.default
    if value is None or value == () or value is PydanticUndefined:
        return ""
    assert SecretStr not in get_args(field.annotation), "a secret has no default"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES = {"cli.md": cli_page, "settings.md": settings_page}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "Run `make docs`."


def test_every_setting_is_described_and_stands_under_a_heading() -> None:
    page = settings_page()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`{variable_name(name)}`" in page
    assert page.index("## ") < page.index("| `")


def test_the_metrics_to_watch_are_those_there_are() -> None:
    """docs/operations.md names every metric, and none that is not."""
    exposed = Metrics().text()[0].decode()
    there = {line.split()[2] for line in exposed.splitlines() if line.startswith("# TYPE")}
    there = {name for name in there if not name.endswith("_created")}
    assert set(re.findall(r"`(footnote_\w+)`", (DOCS / "operations.md").read_text())) == there


if __name__ == "__main__" and "--write" in sys.argv:
    for file, make in PAGES.items():
        (DOCS / file).write_text(make())
