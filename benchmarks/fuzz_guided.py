"""Fuzzes imports and model files by what the code does with them, as atheris (libFuzzer) finds out.

    pip install atheris==3.0.0
    python benchmarks/fuzz_guided.py import --seconds 300
    python benchmarks/fuzz_guided.py model --seconds 300

atheris is not among the program's own packages; `benchmarks/fuzz.py` needs nothing but these and
damages files blindly. Anything but a refusal in our own words ends the run with what caused it, in
a file `crash-…` of the current folder, which `python benchmarks/fuzz_guided.py import crash-…`
reads again.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOST_BYTES = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["import", "model"])
    parser.add_argument("crash", nargs="?", help="a file to read again")
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["collectors", "classifiers"]):
        fuzz = importlib.import_module("fuzz")
    with tempfile.TemporaryDirectory() as base:
        seeds, folder = Path(base) / "seeds", Path(base) / "work"
        seeds.mkdir()
        folder.mkdir()
        readers = {name: one for name, one in fuzz.targets(folder).items() if _is(asked.what, name)}
        for name, (content, _) in readers.items():
            (seeds / name).write_bytes(content[:MOST_BYTES])
        reads = [read for _, read in readers.values()]
        more = [asked.crash] if asked.crash else [f"-max_total_time={asked.seconds}", str(seeds)]
        options = [f"-max_len={MOST_BYTES}", "-timeout=20", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *options, *more], _attempt(fuzz.OURS, reads, folder))
        atheris.Fuzz()


def _is(what: str, name: str) -> bool:
    return name == "import" if what == "import" else name not in ("import", "backup")


def _attempt(
    ours: tuple[type[Exception], ...], reads: list[Callable[[bytes, Path], None]], folder: Path
) -> Callable[[bytes], None]:
    """Every reader gets every content; what is refused in our own words is well."""

    def attempt(content: bytes) -> None:
        for read in reads:
            with tempfile.TemporaryDirectory(dir=folder) as name:
                try:
                    read(content, Path(name))
                except ours:
                    continue

    return attempt


if __name__ == "__main__":
    main()
