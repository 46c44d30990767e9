"""A web site on loopback that misbehaves on request. Links never lead off this machine."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def page(title: str, *paragraphs: str, head: str = "", links: tuple[str, ...] = ()) -> str:
    """A small HTML page whose paragraphs are long enough to be content."""
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    anchors = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
    return (
        f"<!doctype html><html lang=en><head><title>{title}</title>{head}</head>"
        f"<body><main><h1>{title}</h1>{body}</main><footer><ul>{anchors}</ul></footer></body></html>"
    )


def prose(topic: str, sentences: int = 3) -> str:
    """Sentences about a topic, different for each."""
    return " ".join(
        f"The {topic} number {number} is described here at some length, so that it counts as running text."
        for number in range(1, sentences + 1)
    )


@dataclass
class Site:
    """What is served: `pages` by path, or an `answers` function of ones own; every request is counted.

    Attributes:
        fault: when set, answers instead of everything (robots.txt included) for which it returns something.
        stall: requests to `/stall` wait for it; set at the end.
    """

    port: int = 0
    pages: dict[str, str | bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    requests: list[web.BaseRequest] = field(default_factory=list)
    fault: Callable[[web.Request], web.StreamResponse | Answer | None] | None = None
    etags: bool = False
    stall: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return self.base + path

    def sitemap(self, *paths: str, lastmod: str | None = None) -> str:
        """Serves a sitemap of `paths` (all pages when none) and returns its URL."""
        stamp = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
        wanted = paths or tuple(path for path in self.pages if path != "/sitemap.xml")
        entries = "".join(f"<url><loc>{self.url(path)}</loc>{stamp}</url>" for path in wanted)
        self.pages["/sitemap.xml"] = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
        return self.url("/sitemap.xml")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path_qs
        self.hits[path] += 1
        self.requests.append(request)
        if self.fault is not None and (faulty := self.fault(request)) is not None:
            return faulty if isinstance(faulty, web.StreamResponse) else await faulty(request)
        if path in self.answers:
            return await self.answers[path](request)
        if path not in self.pages:
            return web.Response(status=404, text="nothing here")
        return self._page(request, path)

    def _page(self, request: web.Request, path: str) -> web.StreamResponse:
        body = self.pages[path]
        data = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": _type_of(path), **self.headers.get(path, {})}
        if self.etags:
            headers["ETag"] = f'"{hash(data)}"'
            if request.headers.get("If-None-Match") == headers["ETag"]:
                return web.Response(status=304, headers={"ETag": headers["ETag"]})
        return web.Response(body=data, headers=headers)


def _type_of(path: str) -> str:
    if path.endswith((".xml", ".gz")):
        return "application/xml"
    return "text/plain" if path.endswith(".txt") else "text/html; charset=utf-8"


async def reset(request: web.Request) -> web.StreamResponse:
    """Drops the connection with a TCP reset."""
    transport = request.transport
    assert transport is not None
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    transport.abort()
    return web.Response()


async def cut(request: web.Request) -> web.StreamResponse:
    """Promises more than it sends."""
    response = web.StreamResponse(headers={"Content-Type": "text/html", "Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b"<html><body><p>The beginning of a page")
    assert request.transport is not None
    request.transport.close()
    return response


def cut_unnoticed(body: str) -> Answer:
    """Ends the connection somewhere in a page of no announced length; elsewhere each time, for one answer."""
    calls = [0]

    async def answer(request: web.Request) -> web.StreamResponse:
        calls[0] += 1
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        response.force_close()
        transport = request.transport
        assert transport is not None
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
        transport.write(head + body.encode()[: len(body) // 2 + calls[0]])
        transport.close()
        return response

    return answer


async def gzip_bomb(request: web.Request) -> web.StreamResponse:
    """Some kilobytes that unpack to 100 MB."""
    packed = gzip.compress(b"<p>" + b"a" * 100_000_000, 9)
    return web.Response(body=packed, headers={"Content-Type": "text/html", "Content-Encoding": "gzip"})


async def endless(request: web.Request) -> web.StreamResponse:
    """A body without an end."""
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    try:
        while True:
            await response.write(b"<p>more</p>" * 1000)
    except ConnectionError:
        return response


def dripping(site: Site) -> Answer:
    """A body that begins and never goes on."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        await response.write(b"<html>")
        await site.stall.wait()
        return response

    return answer


def redirect(target: str, status: int = 302) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": target})

    return answer


def status(code: int, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=code, text="no", headers=named)

    return answer
