"""Importing any module of ours connects to nothing, reads no environment, and starts no process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Runs in an interpreter of its own. What libraries do on their own account is theirs, so only what has a frame of ours
# as its nearest caller outside the standard library counts; a connection counts whoever makes it.
PROBE = """
import collections.abc, importlib, json, os, pkgutil, sys

PACKAGES = ("rag", "ingest", "api")
seen = []

def nearest_caller():
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        top = name.partition(".")[0]
        if top in PACKAGES:
            return name
        if top not in sys.stdlib_module_names and top not in ("__main__", ""):
            return ""
        frame = frame.f_back
    return ""

EVENTS = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork", "os.posix_spawn", "sqlite3.connect")

def listen(event, arguments):
    if event in EVENTS or (event == "open" and str(arguments[0]).endswith(".env")):
        seen.append(f"{event} {arguments!r}")

class Recorded(collections.abc.MutableMapping):
    def __init__(self, kept):
        self._kept = kept
    def _note(self, what):
        if module := nearest_caller():
            seen.append(f"{module} reads the environment: {what!r}")
    def __getitem__(self, name):
        self._note(name)
        return self._kept[name]
    def __iter__(self):
        self._note("all of it")
        return iter(self._kept)
    def __setitem__(self, name, value):
        self._note(name)
        self._kept[name] = value
    def __delitem__(self, name):
        self._note(name)
        del self._kept[name]
    def __len__(self):
        return len(self._kept)
    def copy(self):
        return dict(self)

os.environ = Recorded(os.environ)
sys.addaudithook(listen)
imported = []
for package in PACKAGES:
    root = importlib.import_module(package)
    imported.append(package)
    for module in pkgutil.walk_packages(root.__path__, package + "."):
        importlib.import_module(module.name)
        imported.append(module.name)
if sys.argv[1:]:  # proves that the probe sees what it looks for
    exec(compile(sys.argv[1], "rag/planted.py", "exec"), {"__name__": "rag.planted"})
print(json.dumps({"imported": imported, "seen": seen}))
"""


def _probe(*planted: str) -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, "-c", PROBE, *planted], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_importing_reads_no_environment_and_connects_to_nothing() -> None:
    """Every module of the three packages, in a fresh interpreter."""
    found = _probe()
    files = [path for package in ("rag", "ingest", "api") for path in (ROOT / package).rglob("*.py")]
    assert len(found["imported"]) == len(files)
    assert found["seen"] == []


def test_the_probe_sees_what_it_looks_for() -> None:
    """A read of the environment, a look-up and a process, as a module of ours would do them."""
    found = _probe(
        "import os, socket, subprocess, sys; os.getenv('HOME'); os.environ.get('HOME')\n"
        "socket.getaddrinfo('127.0.0.1', 1); subprocess.run([sys.executable, '-c', ''])"
    )
    kinds = {line.partition(" ")[0] for line in found["seen"]}
    assert {"rag.planted", "socket.getaddrinfo", "subprocess.Popen"} <= kinds
