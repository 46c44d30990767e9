"""What a page says about itself: title, author, dates, language, canonical address, robots, links."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from ingest.reading.reading import Link
from ingest.reading.text import defuse, fold
from rag.text.language import detect_language

_DATE = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_SITE_SUFFIX = re.compile(r"\s+(?:[|·•»—–-]|::)\s+")
_NAMED = etree.XPath("//a/@rel[.='author']/.. | //@itemprop[.='author']/..")
_MOST_LINKS = 20_000
_LONGEST_JSON = 500_000
_LONGEST_TITLE = 300
_LONGEST_SITE = 40
_TOLD_APART = frozenset("en de fr es it pt nl sv pl tr zh ja ko ar ru".split())


@dataclass(frozen=True, slots=True)
class Metadata:
    title: str
    author: str | None
    published: str | None
    modified: str | None
    canonical: str | None
    robots: frozenset[str]
    links: tuple[Link, ...]
    declared_language: str | None


def read_metadata(root: etree._Element, url: str) -> Metadata:
    """Reads `<head>`, JSON-LD and the links; `url` is what relative addresses are relative to."""
    metas = _metas(root)
    stated = _stated(root)
    base = _base(root, url)
    return Metadata(
        title=_title(root, metas),
        author=_author(root, metas, stated),
        published=_date(metas, stated, "datePublished", _PUBLISHED) or _time_element(root),
        modified=_date(metas, stated, "dateModified", _MODIFIED),
        canonical=_canonical(root, base),
        robots=_robots(metas),
        links=tuple(_links(root, base)),
        declared_language=_declared_language(root, metas),
    )


def page_language(text: str, declared: str | None) -> str:
    """The language of `text`; a page's own word counts where the text cannot tell.

    Templates leave `lang="en"` on pages in every language, so the text is believed first.
    """
    found = detect_language(text)
    if declared is None or found == declared:
        return found
    if found == "und":
        return declared
    if declared not in _TOLD_APART and found not in ("zh", "ja", "ko"):
        return declared if (found in ("ru", "ar")) == (declared in _BESIDE.get(found, ())) else found
    return found


_BESIDE = {"ru": ("uk", "bg", "sr", "mk", "be", "kk"), "ar": ("fa", "ur", "ps")}
_PUBLISHED = tuple(
    "article:published_time og:published_time datepublished date dc.date dcterms.created dc.date.issued pubdate "
    "publishdate parsely-pub-date sailthru.date citation_publication_date".split()
)
_MODIFIED = tuple("article:modified_time og:updated_time datemodified last-modified dcterms.modified revised".split())
_AUTHORS = tuple("author article:author dc.creator parsely-author sailthru.author citation_author byl".split())


def _metas(root: etree._Element) -> dict[str, str]:
    """`<meta>` contents by lower-case name, the first of each; `robots` of several tags are joined."""
    found: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv")
        content = fold(meta.get("content") or "")
        if not name or not content:
            continue
        name = name.strip().lower()
        if name == "robots" and name in found:
            found[name] += f",{content}"
        else:
            found.setdefault(name, content)
    return found


def _title(root: etree._Element, metas: dict[str, str]) -> str:
    headings = [fold("".join(h1.itertext())) for h1 in root.iter("h1")]
    headings = [heading.rstrip("¶#").rstrip() for heading in headings if heading]
    element = next(root.iter("title"), None)
    named = fold("".join(element.itertext())) if element is not None else ""
    stated = metas.get("og:title") or metas.get("twitter:title") or ""
    title = stated or named
    inside = [heading for heading in headings if heading in title and len(heading) > 2]
    if inside:
        best = max(inside, key=len)
    elif title:
        best = _without_site(title, metas.get("og:site_name", ""))
    else:
        best = headings[0] if headings else ""
    return defuse(best[:_LONGEST_TITLE])


def _without_site(title: str, site: str) -> str:
    parts = _SITE_SUFFIX.split(title)
    if len(parts) < 2:
        return title
    if site and parts[-1].casefold() == site.casefold():
        return title[: title.rindex(parts[-1])].rstrip(" |·•»—–-:")
    if site and parts[0].casefold() == site.casefold():
        return title[len(parts[0]) :].lstrip(" |·•»—–-:")
    return parts[0] if len(parts) == 2 and len(parts[1]) < _LONGEST_SITE else title


def _stated(root: etree._Element) -> dict[str, Any]:
    """The article's own record among the page's JSON-LD, or the first record with a date or author."""
    for script in root.iter("script"):
        if (script.get("type") or "").strip().lower() != "application/ld+json":
            continue
        text = script.text or ""
        if len(text) > _LONGEST_JSON:
            continue
        try:
            data = json.loads(text, strict=False)
        except (ValueError, RecursionError):  # a site's own mistake, or an attack; the page is still readable
            continue
        for record in _records(data):
            if "datePublished" in record or "author" in record:
                return record
    return {}


def _records(data: Any) -> Iterator[dict[str, Any]]:
    for item in data if isinstance(data, list) else [data]:
        if isinstance(item, dict):
            yield item
            graph = item.get("@graph")
            if isinstance(graph, list):
                yield from (node for node in graph if isinstance(node, dict))


def _author(root: etree._Element, metas: dict[str, str], stated: dict[str, Any]) -> str | None:
    for name in _AUTHORS:
        value = metas.get(name, "")
        if value and "://" not in value:
            return _name(value)
    author = stated.get("author")
    people = author if isinstance(author, list) else [author]
    names = [person.get("name") if isinstance(person, dict) else person for person in people]
    known = [fold(name) for name in names if isinstance(name, str) and name.strip() and "://" not in name]
    if known:
        return _name(", ".join(known))
    for element in _NAMED(root):
        text = fold("".join(element.itertext()))
        if text:
            return _name(text)
    return None


def _name(text: str) -> str | None:
    cleaned = defuse(text.removeprefix("By ").removeprefix("by "))
    return cleaned if 0 < len(cleaned) <= 200 else None


def _date(metas: dict[str, str], stated: dict[str, Any], key: str, names: tuple[str, ...]) -> str | None:
    candidates = [metas.get(name) for name in names] + [stated.get(key)]
    for value in candidates:
        found = stated_date(value) if isinstance(value, str) else None
        if found:
            return found
    return None


def stated_date(text: str) -> str | None:
    """The ISO 8601 date or date-time that `text` begins with."""
    match = _DATE.match(text.strip().replace(" ", "T", 1))
    return match.group() if match else None


def _time_element(root: etree._Element) -> str | None:
    for element in root.iter("time"):
        found = stated_date(element.get("datetime") or "")
        if found:
            return found
    return None


def _base(root: etree._Element, url: str) -> str:
    base = next(root.iter("base"), None)
    href = base.get("href") if base is not None else None
    return (_absolute(url, href) if href else None) or url


def _absolute(base: str, href: str) -> str | None:
    try:
        joined = urljoin(base, href.strip())
        return joined if urlsplit(joined).scheme in ("http", "https", "file") else None
    except ValueError:  # an address such as http://[
        return None


def _canonical(root: etree._Element, base: str) -> str | None:
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split() and link.get("href"):
            return _absolute(base, link.get("href") or "")
    return None


def _robots(metas: dict[str, str]) -> frozenset[str]:
    words = frozenset(re.findall(r"[a-z-]+", metas.get("robots", "").lower()))
    return words | {"noindex", "nofollow"} if "none" in words else words


def _links(root: etree._Element, base: str) -> Iterator[Link]:
    seen: set[str] = set()
    written: set[str] = set()
    for element in root.iter("a", "area"):
        href = (element.get("href") or "").partition("#")[0]
        if not href or href in written:
            continue
        written.add(href)
        url = _absolute(base, href)
        url = url.partition("#")[0] if url else ""
        if not url or url in seen:
            continue
        seen.add(url)
        yield Link(url, "nofollow" in (element.get("rel") or "").lower().split())
        if len(seen) >= _MOST_LINKS:
            return


def _declared_language(root: etree._Element, metas: dict[str, str]) -> str | None:
    tag = root.get("lang") or root.get("xml:lang") or metas.get("content-language") or metas.get("og:locale") or ""
    code = re.split(r"[-_,\s]", tag.strip().lower())[0]
    return code if re.fullmatch(r"[a-z]{2}", code) else None
