"""What a token costs on its way from the model to the reader, beside the least and beside the usual.

    python bench/stream.py [--model inprocess|wire] [--tokens N]... [--hold] [--json]

Four apps, each in a process of its own under uvicorn: `model_alone` reads the model and sends nothing; `passthrough`
sends its tokens as events and does nothing else; `recipe` is the usual chain (`RunnableParallel(…).assign(answer=…)`)
read with `astream_log`; `ours` is Footnote from the HTTP request to the bytes, citations and journal included. Measured
are CPU microseconds of the server's process per token, and bytes per token, for answers of 100, 1,000 and 10,000
tokens (the recipe only to 1,000: its bytes grow with the square). The model is in the same process and costs next to
nothing; with --model wire it is `ChatOpenAI` over loopback.

--hold opens many streams of 50 tokens a second at once (200, or 50 with the wire model) and reports the gaps between
tokens as readers see them, and the memory of the server.

Exit 1 when a bar is missed: in process ≥ 12 × less than the recipe and ≤ 3 × the passthrough, over the wire ≤ 1.35 ×
it; 10,000 tokens within 1.3 × of 100 a token; with --hold the 99th percentile of the gaps < 250 ms and none dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
APPS = ("model_alone", "passthrough", "recipe", "ours")
LENGTHS = (100, 1_000, 10_000)
RECIPE_LENGTH = 1_000
TOKENS_MEASURED = 20_000
RATE = 50
HELD = {"inprocess": 200, "wire": 50}
HELD_SECONDS = 20
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Of one token: CPU microseconds of the server's process, bytes on the wire."""

    microseconds: float
    size: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("inprocess", "wire"), default="inprocess")
    parser.add_argument("--tokens", type=int, action="append", help="only answers of so many tokens (repeatable)")
    parser.add_argument("--app", choices=APPS, action="append", help="only this app (repeatable)")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--streams", type=int, help="how many streams --hold opens")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.hold:
        found = asyncio.run(held(options.model, options.streams or HELD[options.model]))
        misses = held_misses(found)
        print(json.dumps(found, indent=1) if options.json else held_table(found))
    else:
        costs = asyncio.run(measured(options.model, options.tokens or LENGTHS, options.app or APPS))
        misses = cost_misses(costs, options.model)
        rows = {f"{app} {length}": vars(cost) for (app, length), cost in costs.items()}
        print(json.dumps(rows, indent=1) if options.json else table(costs, options.model))
    for miss in misses:
        print(f"missed: {miss}")
    return 1 if misses else 0


async def measured(model: str, lengths: Any, apps: Any) -> dict[tuple[str, int], Cost]:
    costs: dict[tuple[str, int], Cost] = {}
    for length in lengths:
        async with maybe_model_server(model, length) as environment:
            for app in apps:
                if app == "recipe" and length > RECIPE_LENGTH:
                    continue
                async with served(app, {**environment, "BENCH_TOKENS": str(length)}) as (port, pid):
                    costs[app, length] = await cost_of(port, pid, length)
    return costs


async def cost_of(port: int, pid: int, length: int) -> Cost:
    """The median of three measurements, after two answers that warm up."""
    for _ in range(2):
        await read_answer(port)
    answers = max(2, TOKENS_MEASURED // length // 3)
    rounds = []
    size = 0
    for _ in range(3):
        before = cpu_seconds(pid)
        for _ in range(answers):
            size = await read_answer(port)
        rounds.append((cpu_seconds(pid) - before) / answers / length * 1e6)
    return Cost(statistics.median(rounds), size / length)


async def read_answer(port: int) -> int:
    """Asks and reads to the end; returns how many bytes the body had."""
    reader, writer = await open_ask(port)
    size = 0
    while chunk := await reader.read(1 << 20):
        size += len(chunk)
    writer.close()
    return size


async def open_ask(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"question": "What keeps vectors?"}'
    head = f"POST /ask HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
    writer.write(head.encode() + b"content-type: application/json\r\n\r\n" + body)
    status = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
    if status != b"200":
        raise SystemExit(f"the server answered {status.decode()}")
    return reader, writer


async def held(model: str, streams: int) -> dict[str, Any]:
    """Many streams at once: gaps between tokens, memory at a quarter and at the end."""
    environment = {"BENCH_TOKENS": str(RATE * HELD_SECONDS), "BENCH_RATE": str(RATE)}
    async with (
        maybe_model_server(model, RATE * HELD_SECONDS, RATE) as more,
        served("ours", {**environment, **more}) as (
            port,
            pid,
        ),
    ):
        before = cpu_seconds(pid)
        started = time.perf_counter()
        tasks = [asyncio.create_task(read_gaps(port)) for _ in range(streams)]
        await asyncio.sleep(HELD_SECONDS / 4)
        early = memory_megabytes(pid)
        await asyncio.sleep(HELD_SECONDS / 2)
        late = memory_megabytes(pid)
        done = await asyncio.gather(*tasks)
        every = sorted(gap for _, gaps in done for gap in gaps)
        return {
            "model": model,
            "streams": streams,
            "complete": sum(complete for complete, _ in done),
            "tokens": len(every),
            "gap_p50_ms": every[len(every) // 2] * 1000,
            "gap_p99_ms": every[int(len(every) * 0.99)] * 1000,
            "gap_max_ms": every[-1] * 1000,
            "server_cpu_share": (cpu_seconds(pid) - before) / (time.perf_counter() - started),
            "memory_mb": [early, late],
        }


async def read_gaps(port: int) -> tuple[bool, list[float]]:
    """Whether the stream ended with `done`, and the seconds between one token and the next."""
    reader, writer = await open_ask(port)
    gaps: list[float] = []
    last: float | None = None
    done = False
    while chunk := await reader.read(1 << 16):
        now = time.perf_counter()
        tokens = chunk.count(b"event: token")
        if tokens:
            if last is not None:
                gaps.append(now - last)
                gaps += [0.0] * (tokens - 1)
            last = now
        done = done or b"event: done" in chunk
    writer.close()
    return done, gaps


@asynccontextmanager
async def maybe_model_server(model: str, tokens: int, rate: int = 0) -> AsyncIterator[dict[str, str]]:
    """The environment for the model; with `wire`, a server that speaks the OpenAI protocol."""
    if model == "inprocess":
        yield {"BENCH_MODEL": model}
        return
    command = [sys.executable, str(ROOT / "tests" / "openai_server.py"), "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *command, "--tokens", str(tokens), "--rate", str(rate), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip().partition("=")[2]
        yield {"BENCH_MODEL": model, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "bench"}
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def served(app: str, environment: dict[str, str]) -> AsyncIterator[tuple[int, int]]:
    """The app under uvicorn; its port and process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "OPENAI_"))}
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "uvicorn", f"stream_apps:{app}", "--factory", "--port", "0", "--no-access-log"),
            cwd=ROOT / "bench",
            env={**inherited, "BENCH_DATA": folder, **environment},
            stderr=subprocess.PIPE,
        )
        try:
            assert process.stderr is not None
            said = b""
            while not (found := re.search(rb"running on http://\S+:(\d+)", said)):
                line = await process.stderr.readline()
                if not line:
                    raise SystemExit(said.decode())
                said += line
            draining = asyncio.create_task(process.stderr.read())
            yield int(found[1]), process.pid
        finally:
            process.kill()
            await process.wait()
            await draining


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def memory_megabytes(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def cost_misses(costs: dict[tuple[str, int], Cost], model: str) -> list[str]:
    def ratio(one: tuple[str, int], other: tuple[str, int]) -> float | None:
        return costs[one].microseconds / costs[other].microseconds if one in costs and other in costs else None

    limit = 3.0 if model == "inprocess" else 1.35
    misses = []
    for length in LENGTHS:
        against = ratio(("ours", length), ("passthrough", length))
        if length >= 1_000 and against is not None and against > limit:
            misses.append(f"{against:.2f} × the passthrough at {length:,} tokens; the bar is {limit}")
    less = ratio(("recipe", RECIPE_LENGTH), ("ours", RECIPE_LENGTH))
    if model == "inprocess" and less is not None and less < 12:
        misses.append(f"{less:.1f} × less than the recipe; the bar is 12")
    growth = ratio(("ours", 10_000), ("ours", 100))
    if growth is not None and growth > 1.3:
        misses.append(f"10,000 tokens cost {growth:.2f} × as much a token as 100; the bar is 1.3")
    return misses


def table(costs: dict[tuple[str, int], Cost], model: str) -> str:
    lines = [f"{model} model     tokens   CPU µs/token   bytes/token   × passthrough"]
    for (app, length), cost in costs.items():
        base = costs.get(("passthrough", length))
        ratio = f"{cost.microseconds / base.microseconds:12.2f}" if base else ""
        lines.append(f"{app:14} {length:10,} {cost.microseconds:14.1f} {cost.size:13.1f}   {ratio}")
    return "\n".join(lines)


def held_misses(found: dict[str, Any]) -> list[str]:
    misses = []
    if found["complete"] < found["streams"]:
        misses.append(f"{found['streams'] - found['complete']} streams were dropped")
    if found["gap_p99_ms"] >= 250:
        misses.append(f"the 99th percentile of the gaps is {found['gap_p99_ms']:.0f} ms; the bar is 250")
    return misses


def held_table(found: dict[str, Any]) -> str:
    return "\n".join(f"{name:18} {value}" for name, value in found.items())


if __name__ == "__main__":
    sys.exit(main())
