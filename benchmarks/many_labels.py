"""What retraining on many labels takes: `python benchmarks/many_labels.py --labels 2000 50000`.

Real posts become a topic: those of SemEval 2017 and of the airlines, and what people said of each
post's sentiment stands for its stance towards one target. That is the dearest kind of question, as
the model reads post and target. Posts and labels are imported by `monitor import` and `monitor
label import`; then `monitor retrain` reads, fits, judges and chooses as it does for a user. Nothing
is scored beforehand, so there is nothing to choose what to label next from. Prints minutes and the
peak memory of the retraining's process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
SETS = (
    "sentiment_semeval2017/train.jsonl",
    "sentiment_semeval2017/val.jsonl",
    "series_airline2015/posts.jsonl",
)
STANCE = {"negative": "against", "neutral": "none", "positive": "favor"}
START = datetime(2020, 6, 1, tzinfo=UTC)
TOPIC = """
name = "many"
title = "Many labels"
timezone = "UTC"
start = 2020-06-01
end = 2020-07-01
languages = ["en"]
targets = [{ name = "subject", text = "what the post is about" }]
queries = { terms = ["many"] }
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[2_000, 50_000])
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    rows = [
        json.loads(line)
        for name in SETS
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    ]
    random.Random(0).shuffle(rows)
    for labels in options.labels:
        if labels > len(rows):
            parser.error(f"there are {len(rows)} labelled posts, and {labels} were asked for")
        with tempfile.TemporaryDirectory(prefix="many-") as folder:
            report(labels, *retrain(Path(folder), rows[:labels]))


def retrain(folder: Path, rows: list[dict[str, str]]) -> tuple[float, float, str]:
    """Returns seconds, peak memory in GB, and what the retraining printed."""
    topics = folder / "config" / "topics"
    topics.mkdir(parents=True)
    (topics / "many.toml").write_text(TOPIC)
    posts, labels = folder / "posts.jsonl", folder / "labels.jsonl"
    posts.write_text("\n".join(map(json.dumps, _posts(rows))))
    labels.write_text("\n".join(map(json.dumps, _labels(rows))))
    monitor(folder, "import", str(posts), "--assume-distinct-authors")
    monitor(folder, "label", "import", str(labels))
    return monitor(folder, "retrain", "--json")


def _posts(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    step = timedelta(days=29) / len(rows)
    for number, row in enumerate(rows):
        at = START + step * number
        yield {"id": f"p{number}", "text": row["text"], "created_at": at.isoformat()}


def _labels(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    for number, row in enumerate(rows):
        yield {
            "id": f"p{number}",
            "head": "stance",
            "target": "subject",
            "label": STANCE[row["label"]],
            "annotator": "people",
            "sample": "random",
        }


def monitor(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Runs a command; returns seconds, peak memory in GB, and what it printed."""
    environ = {name: value for name, value in os.environ.items() if "MONITOR_" not in name}
    environ |= {
        "PYTHONPATH": str(ROOT),
        "MONITOR_HOME": str(folder / "home"),
        "MONITOR_CONFIG": str(folder / "config"),
    }
    command = [sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())"]
    started, printed = time.monotonic(), folder / "printed"
    with printed.open("w") as file:
        process = subprocess.Popen([*command, *arguments], env=environ, stdout=file)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"monitor {' '.join(arguments)} ended with {process.returncode}")
    return time.monotonic() - started, peak, printed.read_text()


def _peak(pid: int) -> float:
    """The most memory that a process has held so far, in GB; 0 where it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1e6 if found else 0.0


def report(labels: int, seconds: float, peak: float, printed: str) -> None:
    reason = json.loads(printed)["reason"]
    print(
        f"{labels:>7,} labels: {seconds / 60:.1f} minutes, peak memory {peak:.2f} GB; {reason}",
        flush=True,
    )


if __name__ == "__main__":
    main()
