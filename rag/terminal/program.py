"""Runs a command-line program to its exit code: what goes wrong is one line on stderr that ends in the cure."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence

import typer

from rag.errors import ConfigurationError, FootnoteError, InvalidRequest

INTERRUPTED = 130


def run(app: typer.Typer, program: str, *, quiet: Sequence[str] = ()) -> int:
    """The exit code: 0 or what a command says, 1 when it failed, 2 for wrong usage or settings, 130 after Ctrl-C.

    Args:
        quiet: loggers whose warnings Python would print beside the line that tells what failed.
    """
    _write_what_can_be_written()
    for name in quiet:
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        code: object = app(standalone_mode=False, prog_name=program)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except typer.TyperException as error:
        code = complain(program, _usage(error, program), 2)
    except (InvalidRequest, ConfigurationError) as error:
        code = complain(program, str(error), 2)
    except FootnoteError as error:
        code = complain(program, str(error), 1)
    except BrokenPipeError:
        code = _close_quietly()
    except OSError as error:
        complain(program, f"{error.strerror or error}. Make room, or write the output somewhere else.", 1)
        code = _close_quietly()
    return code if isinstance(code, int) else 0


def complain(program: str, message: str, code: int) -> int:
    """Tells what failed, in one line, and returns `code`."""
    with contextlib.suppress(OSError):  # the disk that stderr goes to is full too: the code has to tell
        sys.stderr.write(f"{program}: {' '.join(message.split())}\n")
    return code


def _write_what_can_be_written() -> None:
    """A terminal may know fewer characters than a page has; a question mark in their place is no reason to stop.

    A stream that was closed before (`>&-`) takes everything and keeps nothing.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _usage(error: typer.TyperException, program: str) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return f"{message.rstrip('.')}. See `{context.command_path if context else program} --help`."


def _close_quietly() -> int:
    """The reader of our output has left; the interpreter must not complain about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
