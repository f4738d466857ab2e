"""Damages files for as long as one likes, and reads them: backups, models, imports.

    python benchmarks/fuzz.py --seconds 600 --seed 1

The tests do the same for some seconds with Hypothesis. Anything but a refusal in our own words is
printed with its seed, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from mutations import mutated

from classifiers.errors import ClassifierError
from classifiers.model_config import read_config
from classifiers.model_files import read_weights, weights_files
from classifiers.registry import PRETRAINED
from classifiers.version import read_version
from collectors.errors import CollectorError
from collectors.file import FileCollector
from collectors.post import Window
from monitor.archive import pack, unpack
from monitor.errors import MonitorError

Reader = Callable[[bytes, Path], None]
OURS = (MonitorError, ClassifierError, CollectorError)
ALWAYS = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
LINES = b"".join(
    b'{"id": "%d", "text": "a text", "created_at": "2020-06-01T00:00:00Z", "author": "a"}\n' % n
    for n in range(40)
)


def read_archive(content: bytes, folder: Path) -> None:
    """A backup."""
    unpack(io.BytesIO(content), folder / "out", most_bytes=1 << 24)


def read_import(content: bytes, folder: Path) -> None:
    """A file of posts."""
    (folder / "posts").write_bytes(content)
    for _ in FileCollector(folder / "posts").fetch(None, ALWAYS):
        pass


def read_model(name: str) -> Reader:
    """One file of a model version, the others as they are."""

    def read(content: bytes, folder: Path) -> None:
        for path in PRETRAINED.iterdir():
            if path.is_file():
                (folder / path.name).symlink_to(path)
        (folder / name).unlink()
        (folder / name).write_bytes(content)
        read_version(folder)
        read_config(folder)
        if name.endswith(".safetensors"):
            read_weights(folder)

    return read


def targets(folder: Path) -> dict[str, tuple[bytes, Reader]]:
    """What is damaged, and who reads it."""
    (folder / "db").write_bytes(b"pages" * 500)
    made = io.BytesIO()
    pack(made, {"database/monitor.db": folder / "db"}, {})
    weights = weights_files(PRETRAINED)[0].name
    return {
        "backup": (made.getvalue(), read_archive),
        "import": (LINES, read_import),
        "version.json": ((PRETRAINED / "version.json").read_bytes(), read_model("version.json")),
        "config.json": ((PRETRAINED / "config.json").read_bytes(), read_model("config.json")),
        weights: ((PRETRAINED / weights).read_bytes()[:4096], read_model(weights)),
    }


def main() -> int:
    """Runs until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    ends, seed, outcomes, bad = time.monotonic() + asked.seconds, asked.seed, Counter(), 0
    with tempfile.TemporaryDirectory() as base:
        chosen = targets(Path(base))
        while time.monotonic() < ends:
            for name, (content, read) in chosen.items():
                with tempfile.TemporaryDirectory(dir=base) as folder:
                    try:
                        read(mutated(content, seed), Path(folder))
                        outcomes[name, "read"] += 1
                    except OURS:
                        outcomes[name, "refused"] += 1
                    except Exception:  # noqa: BLE001  finding these is what it is for
                        bad += 1
                        print(f"{name}, seed {seed}:\n{traceback.format_exc()}")
            seed += 1
    for (name, outcome), count in sorted(outcomes.items()):
        print(f"{name:24} {outcome:8} {count:8,}")
    print(f"{bad} crash(es), {seed - asked.seed:,} rounds")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
