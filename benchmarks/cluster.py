"""What spreading over a cluster costs beside the scoring itself: `python benchmarks/cluster.py`.

Scores the same invented posts in one process and by worker processes of a Dask cluster on this
machine, each into an SQLite database of its own. In the classifier's place stands one that takes a
fixed time for a batch and no processor, so that cores that are busy or few do not decide. Prints
for each: seconds, and what is beyond the scoring itself (batches times their seconds, by workers);
the cluster's seconds count from when its workers have loaded what they need.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import cluster_fakes as fakes

from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.scoring import classify
from monitor.cluster import Cluster, connected

BATCH = 100
PARTITION = 500


def main() -> int:
    """Ends with 1 where the two come to different figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a batch of 100 posts")
    asked = parser.parse_args()
    scoring = asked.posts / BATCH * asked.seconds
    with tempfile.TemporaryDirectory(prefix="cl-") as name:
        seconds, local = one_process(Path(name) / "local", asked)
        _say("one process", seconds, scoring)
        spread_seconds, spread = by_workers(Path(name) / "spread", asked)
        _say(f"{asked.workers} workers", spread_seconds, scoring / asked.workers)
    whole, part = seconds / scoring, spread_seconds / (scoring / asked.workers)
    print(f"overhead against one process: {part / whole - 1:.1%}")
    return 0 if local == spread else 1


def one_process(folder: Path, asked: argparse.Namespace) -> tuple[float, object]:
    app, topic = _filled(folder, asked)
    started = time.monotonic()
    classify(app, topic)
    seconds = time.monotonic() - started
    aggregate(app, topic)
    return seconds, fakes.figures(app, topic, app.champion(topic).id)


def by_workers(folder: Path, asked: argparse.Namespace) -> tuple[float, object]:
    app, topic = _filled(folder, asked)
    opener = fakes.SlowOpener(tuple(_environ(folder).items()), asked.seconds)
    with connected("", asked.workers, opener) as cluster:
        cluster.client.run(opener)
        started = time.monotonic()
        Cluster(cluster.client, opener).classify(app, topic, partition_posts=PARTITION)
        seconds = time.monotonic() - started
    aggregate(app, topic)
    return seconds, fakes.figures(app, topic, app.champion(topic).id)


def _filled(folder: Path, asked: argparse.Namespace) -> tuple[fakes.FakeApplication, fakes.Topic]:
    fakes.opener(folder, batch=BATCH)
    app = fakes.SlowOpener(tuple(_environ(folder).items()), asked.seconds)()
    topic = app.topic("strike")
    fakes.fill(app, topic, asked.posts, minutes=2)
    return app, topic


def _environ(folder: Path) -> dict[str, str]:
    return {
        "MONITOR_HOME": str(folder / "home"),
        "MONITOR_CONFIG": str(folder / "config"),
        "MONITOR_CLASSIFY__BATCH_POSTS": str(BATCH),
    }


def _say(who: str, seconds: float, scoring: float) -> None:
    print(f"{who}: {seconds:.1f} s, of which {scoring:.1f} s scoring ({seconds / scoring:.3f})")


if __name__ == "__main__":
    sys.exit(main())
