"""Removing pages that are gone: only those, never many at once, and never when something was left unvisited."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection

from ingest.frontier.memory import GonePage, Memories
from ingest.report import Report, Skip
from ingest.spec import IngestSpec
from ingest.store import Store
from ingest.urls import site_of


def prune(spec: IngestSpec, store: Store, memories: Memories, report: Report, *, incomplete: Collection[str]) -> None:
    """Removes gone pages, site by site, and lists them; a site where that is not safe becomes a failure in the report.

    Args:
        incomplete: sites where a visit failed or a sitemap could not be read.
    """
    by_site: dict[str, list[GonePage]] = defaultdict(list)
    for page in memories.gone():
        if store.row(page.url) is not None:
            by_site[page.site].append(page)
    if not by_site:
        return
    totals = Counter(site_of(url) for url in store.known())
    for site, pages in sorted(by_site.items()):
        if site in incomplete:
            _refuse(report, site, pages, "the pass over the site is not complete", "Run it again later.")
        elif len(pages) * 100 > spec.max_prune * totals[site]:
            share = len(pages) * 100 / totals[site]
            reason = f"that is {share:.0f} % of its {totals[site]} pages, more than {spec.max_prune:g} %"
            _refuse(report, site, pages, reason, f"If they are meant to go, use --max-prune {share + 1:.0f}.")
        else:
            _remove(store, memories, report, pages)


def _remove(store: Store, memories: Memories, report: Report, pages: list[GonePage]) -> None:
    urls = [page.url for page in pages]
    for change in store.remove(urls):
        report.add_change(change)
    memories.forget(urls)
    report.removed.extend(Skip(page.url, page.reason) for page in pages)


def _refuse(report: Report, site: str, pages: list[GonePage], reason: str, cure: str) -> None:
    detail = f"{len(pages)} gone pages were not removed: {reason}. {cure}"
    report.refuse(site, "not_pruned", detail)
