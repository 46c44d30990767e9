"""Local files and folders as sources: only what was named, and nothing that a symbolic link leads out to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from ingest.fetching.answers import Fetched
from ingest.media import FILE_SUFFIXES
from ingest.urls import file_identity
from rag.errors import SourceExcluded, SourceGone, SourceRefused, SourceTooLarge, SourceUnreachable, SourceUnreadable

_FOR_ROBOTS = re.compile(r"(?:robots|humans|security|(?:app-)?ads|llms(?:-full)?|sitemap[\w.-]*)\.txt", re.IGNORECASE)
"""Files that sites keep for programs; in a folder they are no pages."""


def local_pages(source: str) -> Iterator[str]:
    """`file:` URLs of a file, or of all pages below a folder, in order of their names.

    Hidden files and those that are for programs, such as robots.txt, are left out of a folder.

    Raises:
        SourceGone: there is no such file.
        SourceUnreadable: the file is not of a type that can be read, or the folder holds none.
    """
    path = Path(source).expanduser()
    if path.is_file():
        _require_suffix(path)
        yield file_identity(path)
    elif path.is_dir():
        found = False
        for page in _walk(path):
            found = True
            yield file_identity(page)
        if not found:
            raise SourceUnreadable(
                f"The folder {source!r} holds no page.", f"It should hold {', '.join(sorted(FILE_SUFFIXES))} files."
            )
    else:
        raise SourceGone(f"There is no file or folder {source!r}.", "Check the path; a URL begins with https://.")


def escaping_links(source: str) -> Iterator[Path]:
    """Symbolic links below a folder that lead out of it, or to nothing; they are not followed."""
    root = Path(source).expanduser()
    if root.is_dir():
        inside = root.resolve()
        for folder, names, files in os.walk(root):
            for name in sorted([*names, *files]):
                path = Path(folder, name)
                if path.is_symlink() and not path.resolve().is_relative_to(inside):
                    yield path


def file_path(url: str) -> Path:
    """The path of a `file:` URL, which may be of bytes that are no text in UTF-8."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))


def read_file(url: str, max_bytes: int) -> Fetched:
    """Reads a local page as if it had been fetched.

    Raises:
        SourceGone: it is not there any more, while its folder is.
        SourceUnreachable: its folder is not there either, or it cannot be read.
        SourceExcluded: it has become a symbolic link to somewhere else.
        SourceTooLarge: more than `max_bytes`.
    """
    path = file_path(url)
    try:
        if file_identity(path) != url:
            raise SourceExcluded(f"{str(path)!r} is a symbolic link by now.", "Name its target.", rule="symlink")
        if path.stat().st_size > max_bytes:
            raise SourceTooLarge(f"{str(path)!r} has more than {max_bytes:,} bytes.", "Raise --max-bytes.")
        body = path.read_bytes()
    except FileNotFoundError as error:
        if path.parent.is_dir():
            raise SourceGone(
                f"There is no file {str(path)!r} any more.", "Remove it with --refresh --prune."
            ) from error
        raise SourceUnreachable(f"The folder of {str(path)!r} is not there.", "Is the disk mounted?") from error
    except OSError as error:
        raise SourceRefused(f"{str(path)!r} cannot be read: {error.strerror}.", "Check its rights.") from error
    kind = FILE_SUFFIXES.get(path.suffix.lower(), "text/plain")
    return Fetched(url=url, final_url=url, status=200, content_type=kind, body=body)


def _walk(root: Path) -> Iterator[Path]:
    inside = root.resolve()
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() not in FILE_SUFFIXES or _FOR_ROBOTS.fullmatch(name):
                continue
            if path.resolve().is_relative_to(inside) and path.is_file():
                yield path


def _require_suffix(path: Path) -> None:
    if path.suffix.lower() not in FILE_SUFFIXES:
        raise SourceUnreadable(
            f"{str(path)!r} is not of a type that is read.", f"Convert it to one of {', '.join(sorted(FILE_SUFFIXES))}."
        )
