"""What reading a page gives: plain values, for those that hand pages to another process and need no parser."""

from __future__ import annotations

from dataclasses import dataclass

from rag.vocabulary import Page


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the page, absolute, without its fragment; `nofollow` as its `rel` says."""

    url: str
    nofollow: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A page, and what its markup asks of a crawler.

    Attributes:
        canonical: the address the page gives as its own, absolute.
        robots: the words of `<meta name=robots>`, lower case, such as `noindex`.
        links: where it links to, each once, in order.
    """

    page: Page
    canonical: str | None = None
    robots: frozenset[str] = frozenset()
    links: tuple[Link, ...] = ()
