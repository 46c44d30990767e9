"""Bad weather: ingestions that are killed, and sites that fail, over a served folder of pages.

    python bench/weather.py kills  [SITE] [--rounds 50] [--seed N] [--questions 40] [--json]
    python bench/weather.py faults [SITE] [--rounds 20] [--seed N] [--share 0.3] [--json]

SITE is a folder of HTML pages (data/site without it), served on loopback with a sitemap and ETags, beside an embedder
of hashed words that speaks the OpenAI protocol, so that the embedder's time is not what is measured.

kills: an undisturbed `ingest --sitemap` is the measure. In each round one into a new folder gets a kill -9 at a random
moment of its time (every third round Chroma's server gets one too); the same command is then run again. It must end
with 0, `footnote verify` must be clean, the catalog must hold the same chunks with the same vectors, and questions made
of the pages' own words must have the same answers.

faults: after a clean run, each round lets a share of the pages fail in one of the ways of `FAULTS`, or the whole site,
and runs `ingest --refresh --prune`. No live page may be lost or changed, and every failing page must be named in the
report. At the end a clean run must find everything unchanged.

Prints a line a round on stderr, and what was found; exits with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import http.server
import json
import os
import random
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
DIMENSIONS = 256
PATIENCE_SECONDS = 2
_LINES_SHOWN = 12
FAULTS = (
    "500", "timeout", "reset", "cut", "cut chunks", "empty", "not found, said with 200", "sign in",
    "503 everywhere", "robots 500", "refused everywhere",
)  # fmt: skip
EVERYWHERE = ("503 everywhere", "robots 500", "refused everywhere")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weather", choices=("kills", "faults"))
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "data" / "site")
    parser.add_argument("--rounds", type=int, help="50 kills, or 20 passes with faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.3, help="of the pages, that fail in a pass (0.3)")
    parser.add_argument("--questions", type=int, default=40, help="asked after each kill (40)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder, Site(options.site).serving() as site:
        run = kills if options.weather == "kills" else faults
        found = run(Path(folder), site, chance, options)
    print(
        json.dumps(found, indent=1) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items())
    )
    return 1 if found["bad"] else 0


class Site:
    """A folder on loopback, whose pages can be made to fail, and an embedder beside it.

    Attributes:
        fault: the way in which the pages of `failing` fail, or the whole site.
        asked: the failing pages that were asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.bodies = {
            "/" + path.relative_to(folder).as_posix().removesuffix("index.html"): path.read_bytes()
            for path in sorted(folder.rglob("*.html"))
        }
        self.fault = ""
        self.failing: set[str] = set()
        self.asked: set[str] = set()
        self.over = threading.Event()

    @contextmanager
    def serving(self) -> Iterator[Site]:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (Answering,), {"site": self}))
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # who was killed hangs up
        self.host = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.over.set()
            server.shutdown()

    @property
    def base(self) -> str:
        return f"http://{self.host}"

    def sitemap(self) -> bytes:
        places = "".join(f"<url><loc>{self.base}{path}</loc></url>" for path in self.bodies)
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'.encode()

    def fault_of(self, path: str) -> str:
        if self.fault in EVERYWHERE:
            at_all = path == "/robots.txt" if self.fault == "robots 500" else True
            return {"503 everywhere": "503", "robots 500": "500"}.get(self.fault, "reset") if at_all else ""
        if path in self.failing:
            self.asked.add(path)
            return self.fault
        return ""


class Answering(http.server.BaseHTTPRequestHandler):
    """Pages, the sitemap and vectors, or the fault that the site has for a path."""

    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if fault := self.site.fault_of(self.path):
            self.fail(fault, self.site.bodies.get(self.path, b""))
        elif self.path == "/sitemap.xml":
            self.say(200, self.site.sitemap(), "application/xml")
        elif (body := self.site.bodies.get(self.path)) is None:
            self.say(404, b"<h1>Not found</h1>")
        else:
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            known = self.headers.get("If-None-Match") == tag
            self.say(304 if known else 200, b"" if known else body, ETag=tag)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        plain = asked.get("encoding_format") != "base64"
        rows = [
            {"object": "embedding", "index": place, "embedding": vector(text, plain=plain)}
            for place, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        told = {"object": "list", "model": asked["model"], "data": rows, "usage": usage}
        self.say(200, json.dumps(told).encode(), "application/json")

    def say(self, status: int, body: bytes, kind: str = "text/html; charset=utf-8", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def fail(self, fault: str, body: bytes) -> None:
        self.close_connection = True
        if fault in ("500", "503"):
            self.say(int(fault), b"<h1>It broke</h1>")
        elif fault == "empty":
            self.say(200, b"")
        elif fault == "not found, said with 200":
            self.say(200, b"<title>404 Not Found</title><h1>Page not found</h1><p>It may have moved.</p>")
        elif fault == "sign in":
            self.say(302, b"", Location="/login?next=" + self.path)
        elif fault == "timeout":
            self.site.over.wait(PATIENCE_SECONDS + 3)
        elif fault == "cut":
            self.part_of(body, {"Content-Length": str(len(body))}, bytes)
        elif fault == "cut chunks":
            self.part_of(body, {"Transfer-Encoding": "chunked"}, lambda part: b"%x\r\n%b\r\n" % (len(part), part))
        if fault in ("reset", "cut", "cut chunks"):
            linger = struct.pack("ii", 1, 0) if fault == "reset" else struct.pack("ii", 0, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def part_of(self, body: bytes, headers: dict[str, str], framed: Callable[[bytes], bytes]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "text/html", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(framed(body[: len(body) // 2]))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""


def vector(text: str, *, plain: bool) -> list[float] | str:
    """Words hashed into places, of length one."""
    places = np.zeros(DIMENSIONS, dtype="<f4")
    for word in text.lower().split():
        places[zlib.crc32(word.encode()) % DIMENSIONS] += 1
    places /= np.linalg.norm(places) or 1
    return places.tolist() if plain else base64.b64encode(places.tobytes()).decode()


def kills(folder: Path, site: Site, chance: random.Random, options: argparse.Namespace) -> dict[str, Any]:
    rounds, bad = options.rounds or 50, []
    whole = folder / "undisturbed"
    started = time.monotonic()
    assert ingest(whole, site, "--sitemap", site.base + "/sitemap.xml").wait() == 0
    took = time.monotonic() - started
    wanted, questions = catalog(whole), asked_of(whole, chance, options.questions)
    answers = answered(whole, site, questions)
    stop_chroma(whole)
    for number in range(rounds):
        data = folder / f"round{number}"
        moment = chance.uniform(0.05, took)
        running = ingest(data, site, "--sitemap", site.base + "/sitemap.xml")
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(moment)
        ended = running.poll() is not None
        running.kill()
        running.wait()
        if with_chroma := number % 3 == 2:
            stop_chroma(data, signal.SIGKILL)
        known = len(catalog(data)) if (data / "catalog.db").exists() else 0
        again = ingest(data, site, "--sitemap", site.base + "/sitemap.xml").wait()
        verify = footnote(data, site, "verify").wait()
        others = differing(questions, answered(data, site, questions), answers)
        faults = {"exit": again != 0, "verify": verify != 0, "catalog": catalog(data) != wanted, "answers": others}
        stop_chroma(data)
        if wrong := [name for name, is_so in faults.items() if is_so]:
            said = log_of(data).read_text().splitlines()[-_LINES_SHOWN:]
            at = {"round": number, "killed_after": round(moment, 2)}
            bad.append({**at, "differs": wrong, "answers": others[:2], "said": said})
        state = "had ended" if ended else f"{known} of {len(wanted)} chunks were there"
        tell(
            number,
            rounds,
            f"killed at {moment:.1f} s{' with Chroma' if with_chroma else ''}, {state}: {wrong or 'equal'}",
        )
    return {"rounds": rounds, "chunks": len(wanted), "questions": len(questions), "bad": bad}


def faults(folder: Path, site: Site, chance: random.Random, options: argparse.Namespace) -> dict[str, Any]:
    rounds, bad, named = options.rounds or 20, [], 0
    assert ingest(folder, site, "--sitemap", site.base + "/sitemap.xml").wait() == 0
    wanted = catalog(folder)
    for number in range(rounds):
        site.fault, site.asked = FAULTS[number % len(FAULTS)], set()
        site.failing = {path for path in site.bodies if chance.random() < options.share}
        found = report(ingest(folder, site, "--refresh", "--prune", "--json"))
        failures = {failure["url"] for failure in found["failures"]}
        everywhere = site.fault in EVERYWHERE
        silent = {site.base + path for path in site.asked} - failures
        lost = wanted - catalog(folder)
        named += len(failures)
        is_bad = lost or silent or found["pages"]["pruned"] or (everywhere and not failures) or catalog(folder) - wanted
        if is_bad:
            bad.append({"round": number, "fault": site.fault, "lost": len(lost), "not_named": sorted(silent)[:5]})
        told = f"{len(site.asked) or 'all'} pages failing, {len(failures)} named, {len(lost)} chunks lost"
        tell(number, rounds, f"{site.fault}: {told}{', BAD' if is_bad else ''}")
    site.fault, site.failing = "", set()
    after = report(ingest(folder, site, "--refresh", "--prune", "--json"))
    if after["embedded"] or after["pages"]["failed"] or catalog(folder) != wanted:
        bad.append({"round": "after", "report": after["pages"]})
    stop_chroma(folder)
    by_way = Counter(FAULTS[number % len(FAULTS)] for number in range(rounds))
    return {"passes": rounds, "ways": dict(by_way), "pages": len(site.bodies), "failures_named": named, "bad": bad}


def tell(number: int, rounds: int, what: str) -> None:
    print(f"{number + 1}/{rounds} {what}", file=sys.stderr, flush=True)


def settings_of(data: Path, site: Site) -> dict[str, str]:
    return {
        "RAG_DATA_DIR": str(data),
        "RAG_ALLOW_HOSTS": site.host,
        "RAG_CHAT_MODEL": "extractive",
        "RAG_EMBEDDINGS": "openai:hashed",
        "RAG_FETCH_TIMEOUT": str(PATIENCE_SECONDS),
        "OPENAI_BASE_URL": f"{site.base}/v1",
        "OPENAI_API_KEY": "none",
    }


def ingest(data: Path, site: Site, *arguments: str) -> subprocess.Popen[str]:
    return command("ingest.cli", data, site, arguments)


def footnote(data: Path, site: Site, *arguments: str) -> subprocess.Popen[str]:
    return command("rag.cli", data, site, arguments)


def command(module: str, data: Path, site: Site, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    wanted_out = subprocess.PIPE if "--json" in arguments else subprocess.DEVNULL
    with log_of(data).open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **settings_of(data, site)},
            cwd=ROOT,
            stdout=wanted_out,
            stderr=log,
            text=True,
        )


def log_of(data: Path) -> Path:
    return data.parent / f"{data.name}.log"


def report(running: subprocess.Popen[str]) -> dict[str, Any]:
    told, _ = running.communicate()
    return dict(json.loads(told))


def catalog(data: Path) -> set[tuple[Any, ...]]:
    """Each chunk with its page, its text and a hash of its vector."""
    with contextlib.closing(sqlite3.connect(data / "catalog.db")) as database:
        rows = database.execute(
            "SELECT pages.url, chunks.id, chunks.text, vectors.vector FROM chunks"
            " JOIN pages ON pages.id = chunks.page LEFT JOIN vectors ON vectors.hash = chunks.hash"
        )
        return {(*row[:3], hashlib.sha256(row[3] or b"").digest()) for row in rows}


def asked_of(data: Path, chance: random.Random, number: int) -> list[str]:
    """Questions of ten words, each from somewhere in a chunk."""
    texts = sorted({row[2] for row in catalog(data)})
    asked = []
    for text in chance.sample(texts, min(number, len(texts))):
        words = text.split()
        first = chance.randrange(max(1, len(words) - 10))
        asked.append(" ".join(words[first : first + 10])[:1000] + "?")
    return asked


def answered(data: Path, site: Site, questions: list[str]) -> list[Any]:
    """The documents, the words and the citations of each answer."""
    code = "import sys, bench.weather as w; w.print_answers(sys.stdin.read())"
    environment = {**os.environ, **settings_of(data, site)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment, cwd=ROOT, input=json.dumps(questions), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The questions could not be asked:\n{done.stderr[-2000:]}")
    return list(json.loads(done.stdout))


def differing(questions: list[str], found: list[Any], wanted: list[Any]) -> list[dict[str, Any]]:
    """The questions whose answers differ, with the documents of both and their scores, which may differ a little."""
    return [
        {"question": question, "documents": answer[0], "wanted": other[0]}
        for question, answer, other in zip(questions, found, wanted, strict=True)
        if answer[1:] != other[1:]
    ]


def print_answers(questions: str) -> None:
    from rag import Footnote

    async def ask() -> list[Any]:
        async with Footnote.open() as service:
            answers = [await service.ask(question) for question in json.loads(questions)]
        return [
            [
                [(document.url, document.start, round(document.score, 5)) for document in answer.documents],
                answer.text,
                [(document.url, document.text) for document in answer.documents],
                [(citation.quote, citation.verdict) for citation in answer.citations],
            ]
            for answer in answers
        ]

    print(json.dumps(asyncio.run(ask())))


def stop_chroma(data: Path, how: signal.Signals = signal.SIGTERM) -> None:
    """Ends the Chroma server of a data folder, and waits until it is gone."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().split(b"\0")
            if any(word.startswith(bytes(data)) for word in words):
                os.kill(int(place.name), how)
                while place.exists() and b"Z" not in (place / "stat").read_bytes().rpartition(b")")[2][:3]:
                    time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
