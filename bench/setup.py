"""How long a newcomer waits: `DEMO=once make demo` in a fresh clone, and the disk it takes.

    python bench/setup.py                # clones this checkout into a temporary folder

Prints seconds, megabytes, and the answer that was shown. The packages are fetched from the package index in force, so
the time is as much the network's as ours; the second figure leaves them out: everything after the installation.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the clone where it is")
    keep = parser.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="footnote-setup-"))
    try:
        measure(folder / "clone")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def measure(clone: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    installed, _ = timed(["make", "--quiet", ".venv/installed"], clone)
    answered, output = timed(["make", "--quiet", "demo"], clone)
    megabytes = sum(file.lstat().st_size for file in clone.rglob("*") if file.is_file() and not file.is_symlink()) / 1e6
    print(output.strip())
    print()
    print(f"{'installed after':<24}{installed:>8.1f} s")
    print(f"{'cited answer after':<24}{installed + answered:>8.1f} s")
    print(f"{'  of which is ours':<24}{answered:>8.1f} s   models built, handbook indexed, question answered")
    print(f"{'disk':<24}{megabytes:>8.0f} MB")


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds a command took, and what it printed; the environment's own settings are kept out."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "OPENAI_"))}
    environment["DEMO"] = "once"
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - began, done.stdout


if __name__ == "__main__":
    main()
