"""The `ingest` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.errors import FootnoteError, InvalidRequest
from rag.terminal.program import INTERRUPTED, complain, run

if TYPE_CHECKING:
    from ingest.report import Report
    from ingest.spec import IngestSpec
    from rag.settings import Settings

EXAMPLES = """
Examples:

    ingest https://example.com/guide.html notes.md docs/

    ingest --sitemap https://example.com/sitemap.xml --exclude '*/tags/*'

    ingest --crawl https://example.com/docs/ --depth 2 --max-pages 200

    ingest --refresh --prune

    cat urls.txt | ingest -

    ingest --crawl http://127.0.0.1:8080/ --allow-host 127.0.0.1:8080 --json > report.json
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE...",
        help="A URL, an .html/.htm/.md/.txt file, a folder of them, or - for one source a line on stdin.",
    ),
]
Sitemaps = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="Every page of a sitemap or sitemap index (repeatable)."),
]
Crawl = Annotated[bool, typer.Option("--crawl", help="Follow links from each URL, inside its site and path.")]
Depth = Annotated[
    int, typer.Option(min=0, max=100, metavar="N", help="With --crawl: links between a source and a page, at most.")
]
MaxPages = Annotated[int, typer.Option(min=1, metavar="N", help="With --crawl: pages to visit, at most.")]
Include = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Of found URLs visit only those like '*/docs/*' (repeatable)."),
]
Exclude = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Of found URLs leave out those like '*/tags/*' (repeatable).")
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="CSS", help="Read only these elements: article, div.content, #main (repeatable)."),
]
OnlyClass = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Read only elements of this class (repeatable).")
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Visit again every page that is known.")]
Prune = Annotated[bool, typer.Option("--prune", help="With --refresh: remove pages that are gone.")]
MaxPrune = Annotated[
    float,
    typer.Option(min=0, max=100, metavar="PERCENT", help="Refuse to remove more than this share of a site's pages."),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST[:PORT]",
        help="A private or loopback host that may be reached (repeatable; also RAG_ALLOW_HOSTS).",
    ),
]
IgnoreRobots = Annotated[
    bool,
    typer.Option("--ignore-robots", help="Do as if robots.txt and robots tags were not there; for your own sites."),
]
Concurrency = Annotated[int | None, typer.Option(min=1, max=256, metavar="N", help="Pages fetched at once (8).")]
PerHost = Annotated[int | None, typer.Option(min=1, max=64, metavar="N", help="The same, from one host (4).")]
Delay = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="Between two requests to one host, at least (0)."),
]
Timeout = Annotated[float | None, typer.Option(min=0.1, metavar="SECONDS", help="For one page in all (30).")]
MaxBytes = Annotated[int | None, typer.Option(min=1000, metavar="N", help="Of one page, decoded (10,000,000).")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as one JSON object on stdout.")]


@app.command(help=f"Fetch pages, read them and put them into the index that answers questions.\n{EXAMPLES}")
def ingest(
    sources: Sources = None,
    sitemap: Sitemaps = None,
    crawl: Crawl = False,
    depth: Depth = 3,
    max_pages: MaxPages = 1000,
    include: Include = None,
    exclude: Exclude = None,
    only: Only = None,
    only_class: OnlyClass = None,
    refresh: Refresh = False,
    prune: Prune = False,
    max_prune: MaxPrune = 20.0,
    allow_host: AllowHost = None,
    ignore_robots: IgnoreRobots = False,
    concurrency: Concurrency = None,
    per_host: PerHost = None,
    delay: Delay = None,
    timeout: Timeout = None,
    max_bytes: MaxBytes = None,
    json_: Json = False,
) -> None:
    from ingest.spec import IngestSpec

    elements = [*(only or ()), *(f".{name}" for name in only_class or ())]
    spec = IngestSpec(
        sources=tuple(_sources(sources or [])),
        sitemaps=tuple(sitemap or ()),
        crawl=crawl,
        depth=depth,
        max_pages=max_pages,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        only=tuple(elements),
        refresh=refresh,
        prune=prune,
        max_prune=max_prune,
        ignore_robots=ignore_robots,
    )
    settings = _settings(
        allow_host or [],
        concurrency=concurrency,
        per_host=per_host,
        delay=delay,
        fetch_timeout=timeout,
        max_bytes=max_bytes,
    )
    raise typer.Exit(_run(spec, settings, as_json=json_))


def main() -> None:
    """Entry point of the `ingest` script."""
    from ingest.arenas import share_arenas

    share_arenas()
    sys.exit(run(app, "ingest", quiet=("rag", "ingest")))


def _sources(named: list[str]) -> list[str]:
    """The sources, with `-` replaced by the lines of stdin."""
    found: list[str] = []
    for source in named:
        found += _lines_of_stdin() if source == "-" else [source]
    return found


def _lines_of_stdin() -> list[str]:
    try:
        return [line.strip() for line in sys.stdin if line.strip()]
    except UnicodeDecodeError as error:
        raise InvalidRequest("The sources on stdin are not text in UTF-8.", "Send one source a line.") from error


def _settings(allow_hosts: list[str], **given: Any) -> Settings:
    from rag.settings import Settings

    chosen = {name: value for name, value in given.items() if value is not None}
    settings = Settings.load(**chosen)
    return Settings.load(**chosen, allow_hosts=(*settings.allow_hosts, *allow_hosts)) if allow_hosts else settings


def _run(spec: IngestSpec, settings: Settings, *, as_json: bool) -> int:
    import json

    import uvloop
    from rich.console import Console

    from ingest.console import open_view, print_report
    from ingest.reading.only import check_selectors

    check_selectors(spec.only)
    console = Console(stderr=True)
    with open_view(console) as view:
        report, problem = uvloop.run(_ingest(spec, settings, view))
    print_report(report, console)
    if as_json:
        sys.stdout.write(json.dumps(report.data()) + "\n")
    if problem is not None:
        return complain("ingest", str(problem), 1)
    return INTERRUPTED if report.stopped else report.exit_code


async def _ingest(spec: IngestSpec, settings: Settings, view: Any) -> tuple[Report, FootnoteError | None]:
    """Runs it; Ctrl-C ends it after the pages at hand, a second one at once."""
    import asyncio
    import signal

    from ingest.arenas import keep_imports
    from ingest.opening import open_ingestion
    from rag.index.search import Index
    from rag.models.embeddings import open_embeddings

    embeddings = open_embeddings(settings)
    index = Index.open(settings, embeddings)
    try:
        async with open_ingestion(spec, settings, index=index, embeddings=embeddings, listener=view) as ingestion:
            keep_imports()
            loop = asyncio.get_running_loop()
            task = asyncio.create_task(ingestion.run())

            def interrupt() -> None:
                if ingestion.report.stopped:
                    task.cancel()
                ingestion.stop()

            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, interrupt)
            try:
                return await task, None
            except asyncio.CancelledError:
                return ingestion.report, None
            except FootnoteError as error:
                return ingestion.report, error
    finally:
        index.close()


if __name__ == "__main__":
    main()
