"""The `footnote` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from rag.terminal.program import run

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from rag.settings import Settings

T = TypeVar("T")
_WORKER_SECONDS = 30
"""How long a worker may be silent: on a busy machine it takes longer to start than uvicorn would wait for it."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
ThreadId = Annotated[
    str | None, typer.Option("--thread", metavar="ID", help="Remember the conversation under this name.")
]


@app.callback()
def footnote(context: typer.Context) -> None:
    """Answers questions over web pages of your choice, every sentence with a checked footnote."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
) -> None:
    """Serve the HTTP API and the web page.

    \b
    Examples:
      footnote serve
      footnote serve --port 8080
      RAG_API_KEYS=secret footnote serve --host 0.0.0.0 --workers 2
    """
    import uvicorn

    from rag.terminal.serving import check_free

    settings = _settings()
    check_free(host, port)
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        timeout_graceful_shutdown=int(settings.shutdown_grace) + 5,
        timeout_worker_healthcheck=_WORKER_SECONDS,
        log_level="info",
    )


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question; - reads it from stdin.")],
    thread: ThreadId = None,
    agent: Annotated[
        bool, typer.Option("--agent", help="Let the model search several times (needs tool calling).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Answer one question.

    On a terminal the answer appears as it is made, under the documents it is made from. In a pipe stdout gets the
    answer, an empty line, and one footnote a line: number, verdict, quote, place and link, separated by tabs.

    \b
    Examples:
      footnote ask "How do I index a site?"
      footnote ask "And how do I refresh it?" --thread work
      echo "什么是引用？" | footnote ask -
      footnote ask "How do I index a site?" --json | jq .citations
    """
    from rag.request import parse_request
    from rag.terminal.asking import ask_once

    text = sys.stdin.read() if question == "-" else question
    request = parse_request(question=text, thread_id=thread, mode="agent" if agent else "chain")
    _run(ask_once(_settings(), request, as_json=as_json))


@app.command()
def chat(thread: ThreadId = None) -> None:
    """Talk: ask, ask on, and read each answer as it grows.

    Ctrl-C stops an answer, not the program. Commands: /sources, /history, /new, /thread ID, /help, /quit.

    \b
    Examples:
      footnote chat
      footnote chat --thread work
    """
    from rag.terminal.chat import chat as talk

    _run(talk(_settings(), thread))


sources = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
app.add_typer(sources, name="sources")


@sources.callback()
def sources_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the pages that answer questions, or remove some.

    \b
    Examples:
      footnote sources
      footnote sources list --json
      footnote sources remove https://example.com/old.html
    """
    if context.invoked_subcommand is None:
        list_sources(as_json=as_json)


@sources.command("list")
def list_sources(
    prefix: Annotated[str | None, typer.Option(metavar="URL", help="Only pages whose URL starts with this.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the pages: when each was read, its chunks, its URL and title.

    \b
    Example:
      footnote sources list --prefix https://example.com/docs/
    """
    from rag.terminal.upkeep import show_sources

    show_sources(_settings(), prefix, as_json=as_json)


@sources.command("remove")
def remove_source(
    url: Annotated[str, typer.Argument(help="The page's URL, as `footnote sources` shows it.")], as_json: AsJson = False
) -> None:
    """Remove a page from the index.

    \b
    Example:
      footnote sources remove https://example.com/old.html
    """
    from rag.terminal.upkeep import remove_source as remove

    remove(_settings(), url, as_json=as_json)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Check that catalog, Chroma and words index agree, and that the indexes answer. Exit code 1 when they do not.

    \b
    Examples:
      footnote verify
      footnote verify --json
    """
    from rag.terminal.upkeep import show_verification

    raise typer.Exit(show_verification(_settings(), as_json=as_json))


@app.command()
def rebuild() -> None:
    """Make both indexes anew from the catalog. Nothing is fetched; nothing is embedded unless the model has changed.

    \b
    Example:
      footnote rebuild
    """
    from rag.terminal.upkeep import show_rebuild

    show_rebuild(_settings())


@app.command("eval")
def evaluate(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Questions, one JSON object a line.")],
    thresholds: Annotated[
        list[str] | None,
        typer.Option("--threshold", metavar="METRIC>=VALUE", help="A bound, also METRIC<=VALUE (repeatable)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure answers against questions whose answers are known.

    A line: {"question": "…", "gold": ["URL or passage"], "answers": ["…"], "history": […], "answerable": true};
    only "question" is required. The table names the metrics that --threshold takes.

    Exit code 0 when every threshold is met, 1 when one is missed or a question failed, 2 when the file or a threshold
    cannot be used.

    \b
    Examples:
      footnote eval questions.jsonl
      footnote eval questions.jsonl --threshold "ndcg@10>=0.8" --threshold "latency_ms_p95<=500"
      footnote eval questions.jsonl --json | jq '.cases[] | select(.contained == false)'
    """
    from rag.terminal.measuring import show_evaluation

    raise typer.Exit(_run(show_evaluation(_settings(), file, thresholds or (), as_json=as_json)))


@app.command()
def config(as_json: AsJson = False) -> None:
    """Print the settings in force, secrets hidden, as they would stand in .env.

    \b
    Examples:
      footnote config
      footnote config --json
    """
    from rag.terminal.upkeep import show_settings

    show_settings(_settings(), as_json=as_json)


def main() -> None:
    """Entry point of the `footnote` script."""
    sys.exit(run(app, "footnote", quiet=() if sys.argv[1:2] == ["serve"] else ("rag",)))


def _settings() -> Settings:
    from rag.settings import Settings

    return Settings.load()


def _run(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


if __name__ == "__main__":
    main()
