"""How much memory and time reading a large file takes: `python benchmarks/import_memory.py 2000`.

Writes a file of about the given number of megabytes (invented posts, JSON lines by default) to a
temporary folder, reads it with `FileCollector` in a process of its own, and prints the peak
resident memory of that process and the posts read per second.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import zstandard

from collectors.file import FileCollector
from collectors.post import Window

SENTENCE = "we walk out stay talk leaders answer question vote policy team week noon square hope"
WORDS = SENTENCE.split(" ")
START = datetime(2020, 5, 26, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=30))


def main() -> None:
    """Runs the benchmark, or (with `--read`) its measured half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", type=int, nargs="?", default=200)
    parser.add_argument("--compress", choices=["gz", "zst"])
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(options.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "posts"
        write(path, options.megabytes * 1_000_000, options.compress)
        print(f"file: {path.stat().st_size / 1e6:,.0f} MB on disk", flush=True)
        subprocess.run([sys.executable, __file__, "--read", str(path)], check=True)


def write(path: Path, size: int, compression: str | None) -> None:
    """Writes invented posts until their uncompressed size is reached."""
    with _open(path, compression) as file:
        written = 0
        for line in _lines():
            written += len(line)
            file.write(line)
            if written >= size:
                return


def _open(path: Path, compression: str | None) -> IO[bytes]:
    if compression == "gz":
        return gzip.open(path, "wb", compresslevel=3)
    return zstandard.open(path, "wb") if compression == "zst" else path.open("wb")


def _lines() -> Iterator[bytes]:
    chance = random.Random(1)
    number = 0
    while True:
        number += 1
        post = {
            "id": str(number),
            "text": " ".join(chance.choices(WORDS, k=25)),
            "created_at": (START + timedelta(seconds=number % 2_592_000)).isoformat(),
            "author": f"a{chance.randrange(10**6)}",
            "language": "en",
        }
        yield json.dumps(post).encode() + b"\n"


def read(path: Path) -> None:
    """Reads a file as an import does and prints what it took."""
    before = time.perf_counter()
    posts = sum(len(page.posts) for page in FileCollector(path).fetch(None, WINDOW))
    seconds = time.perf_counter() - before
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"posts: {posts:,} in {seconds:,.1f} s, {posts / seconds:,.0f} posts/s")
    print(f"peak memory: {kibibytes * 1024 / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
