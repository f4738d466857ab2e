"""How many posts a second the fast path scores, both heads, and what each stage costs.

``python benchmarks/scoring.py [--threads N] [--posts N]``. The texts are tweets of
``../shared/data/series_airline2015``, without which generated ones of the same length.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from classifiers.registry import PRETRAINED
from classifiers.runtime import Scorer, load_scorer
from classifiers.tokenisation import Tokeniser
from classifiers.torch_engine import TorchEngine
from classifiers.version import read_version

TWEETS = Path(__file__).parents[2] / "shared" / "data" / "series_airline2015" / "posts.jsonl"
TARGETS = {"airline": "the airline's service"}
REPEATS = 5


def read_texts(count: int) -> list[str]:
    """Return that many distinct texts."""
    if not TWEETS.is_file():
        said = "we wait for the late plane and nobody answers " * 2
        return [f"post {n}: {said}" for n in range(count)]
    with TWEETS.open(encoding="utf-8") as lines:
        distinct = dict.fromkeys(json.loads(line)["text"] for line in lines)
    return list(islice(distinct, count))


def rate(count: int, work: Callable[[], object]) -> float:
    """Return posts a second: the median of five runs after one to warm up."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return count / statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--posts", type=int, default=2000)
    options = parser.parse_args()
    texts = read_texts(options.posts)
    with tempfile.TemporaryDirectory() as cache:
        for name in ("first start, with export", "next start"):
            started = time.perf_counter()
            scorer = load_scorer(PRETRAINED, threads=options.threads, cache=Path(cache))
            scorer.score(texts[:1], TARGETS)
            print(f"{name:34} {time.perf_counter() - started:8.1f} s to the first score")
        tokeniser = Tokeniser(PRETRAINED / "tokenizer.json")
        torch_engine = TorchEngine(PRETRAINED, options.threads)
        slow = Scorer(read_version(PRETRAINED), tokeniser, torch_engine)
        tried = {
            "tokenising alone": lambda: tokeniser.posts(texts),
            "sentiment alone": lambda: scorer.score(texts),
            "sentiment and stance": lambda: scorer.score(texts, TARGETS),
            "the same by torch, 32-bit": lambda: slow.score(texts, TARGETS),
        }
        for name, work in tried.items():
            print(f"{name:34} {rate(len(texts), work):8.0f} posts/s", flush=True)
    print(f"{'peak memory':34} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB")


if __name__ == "__main__":
    main()
