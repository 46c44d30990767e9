"""`footnote sources`, `verify`, `rebuild` and `config`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from rich.console import Console

from rag.errors import NotFound, without_password
from rag.events import timestamp
from rag.index.catalog import Catalog
from rag.index.parts import catalog_path
from rag.index.rows import PageRow
from rag.settings import Settings, variable_name
from rag.terminal.text import harmless, json_line

if TYPE_CHECKING:
    from rag.models.embeddings import EmbeddingModel

_HIDDEN = "********"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def show_sources(settings: Settings, prefix: str | None, *, as_json: bool, most: int | None = None) -> None:
    """Prints the pages, at most so many; needs neither Chroma nor a model."""
    path = catalog_path(settings.data_dir)
    if not path.exists():
        _print_json({"sources": []}) if as_json else _say_empty()
        return
    catalog = Catalog(path)
    try:
        rows = list(catalog.pages(prefix))
    finally:
        catalog.close()
    if as_json:
        _print_json({"sources": [_source_data(row) for row in rows]})
    elif not rows and prefix is None:
        _say_empty()
    else:
        for row in rows[:most]:
            state = "" if row.state == "present" else f"  ({row.state})"
            line = f"{row.fetched_at:%Y-%m-%d %H:%M}  {row.chunks:>4}  {row.url}  {row.title}{state}"
            sys.stdout.write(harmless(line) + "\n")
        if most is not None and len(rows) > most:
            sys.stdout.write(f"… and {len(rows) - most:,} more.\n")


def remove_source(settings: Settings, url: str, *, as_json: bool) -> None:
    """Removes one page.

    Raises:
        NotFound: there is no such page.
        Conflict: an ingestion is writing.
    """
    from rag.index.search import Index
    from rag.models.embeddings import open_embeddings

    index = Index.open(settings, open_embeddings(settings))
    try:
        identity = index.catalog.identity()
        if identity is None or index.catalog.page_row(url) is None:
            raise NotFound(f"There is no source {without_password(url)!r}.", "`footnote sources` lists them.")
        with index.writer("removing a source", chunker_version=identity.chunker_version) as writer:
            changes = writer.remove([url])
    finally:
        index.close()
    removed = sum(change.removed for change in changes)
    if as_json:
        _print_json({"removed": url, "chunks": removed})
    else:
        sys.stdout.write(harmless(f"Removed {url} ({removed} chunks).") + "\n")


def show_verification(settings: Settings, *, as_json: bool) -> int:
    """Prints what `verify` found; returns the exit code."""
    from rag.index.check import verify

    with _progress() as tell:
        report = verify(settings, tell)
    if as_json:
        _print_json({"ok": report.ok, "problems": list(report.problems), "counts": report.counts})
    else:
        for problem in report.problems:
            sys.stdout.write(harmless(problem) + "\n")
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items())
        sys.stdout.write(f"{'Clean' if report.ok else 'Not clean'}{': ' + counts if counts else ''}.\n")
    return 0 if report.ok else 1


def show_rebuild(settings: Settings, *, embeddings: EmbeddingModel | None = None) -> None:
    """Rebuilds, with progress on stderr; `embeddings` are those of the settings when None."""
    from rag.index.rebuild import installed_chunker, rebuild
    from rag.models.embeddings import open_embeddings

    embeddings = embeddings or open_embeddings(settings)
    with _progress() as tell:
        rebuilt = rebuild(settings, embeddings, tell, chunker=installed_chunker(embeddings))
    again = f", {rebuilt.rechunked} pages cut anew" if rebuilt.rechunked else ""
    sys.stdout.write(f"Rebuilt: {rebuilt.pages} pages, {rebuilt.chunks} chunks, {rebuilt.embedded} embedded{again}.\n")


def show_settings(settings: Settings, *, as_json: bool) -> None:
    """Prints every setting as `NAME=value`; a secret that is set is shown as asterisks."""
    values = {variable_name(name): plain_setting(getattr(settings, name)) for name in Settings.model_fields}
    if as_json:
        _print_json(values)
        return
    for name, field in Settings.model_fields.items():
        value = values[variable_name(name)]
        unset = "" if field.default is None else "default"  # an empty value would be read as the field's default
        sys.stdout.write(f"{variable_name(name)}={unset if value is None else _as_text(value)}\n")


def plain_setting(value: Any) -> Any:
    """A setting as JSON: secrets and credentials in URLs hidden, sequences as lists, paths as text."""
    if isinstance(value, SecretStr):
        return _HIDDEN
    if isinstance(value, tuple):
        return [plain_setting(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _CREDENTIALS.sub(_HIDDEN, str(value))


def _as_text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _source_data(row: PageRow) -> dict[str, Any]:
    return {
        "url": row.url,
        "title": row.title,
        "language": row.language,
        "fetched_at": timestamp(row.fetched_at),
        "state": row.state,
        "chunks": row.chunks,
        "characters": row.characters,
    }


def _say_empty() -> None:
    sys.stderr.write("No sources yet. Add some with `ingest URL`.\n")


def _print_json(data: Any) -> None:
    sys.stdout.write(json_line(data, sys.stdout))


@contextmanager
def _progress() -> Iterator[Any]:
    """A line on stderr that says which step is at work; nothing where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with console.status("") as status:
        yield lambda step, done, total: status.update(f"{step}  {done}/{total}")
