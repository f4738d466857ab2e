"""What labels are worth, chosen and drawn: ``python benchmarks/retraining.py``.

A data set that the shipped model has not seen plays the user's topic (#MeToo, then COVID-19):
its posts are a pool from which labels are taken step by step, at random or as
``monitor label queue --choose mixed`` takes them (a part at random, the rest doubted and unlike
each other), and the rest is judged: macro F1 against the number of labels, with its standard
deviation over the repeats, and how many labels random choice needs for what chosen ones reach.

``--by adapt`` trains as ``monitor retrain`` does (minutes a step). ``--by probe`` trains a
logistic regression on the encoder's embeddings instead: seconds a step, the same comparison of
choices, no figure of the product. Sentiment of the general set before and after adapting shows
what is forgotten. Writes a table, and with ``--plot FILE.png`` a chart.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import altair
import numpy as np
import torch
import vl_convert
from few_labels import examples_of
from sklearn.linear_model import LogisticRegression

from classifiers.adaptation import adapt
from classifiers.dataset import LabelledText, read_labelled
from classifiers.embedding import embed
from classifiers.evaluation import Labels, macro_f1, macro_recall
from classifiers.heads import head
from classifiers.registry import PRETRAINED, Registry
from classifiers.runtime import Scorer, load_scorer
from classifiers.selection import choose

DATA = Path(__file__).parents[2] / "shared" / "data"
STANCE = head("stance")
SETS = {"metoo": "stance_metoo/all.jsonl", "covid19": "stance_covid19/train.jsonl"}
RANDOM_PART = 0.5
POOL = 600
CACHE = Path(tempfile.gettempdir()) / "retraining-cache"

Floats = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Learnt = tuple[Labels, Callable[[], Floats], float]
"""Guesses about the judged, what gives the pool's probabilities, and sentiment kept."""


@dataclass(frozen=True)
class Point:
    """One measurement."""

    topic: str
    choice: str
    labels: int
    repeat: int
    macro_f1: float
    sentiment: float
    minutes: float


@dataclass(frozen=True)
class Replay:
    """A topic's posts: a pool to take labels from, and posts to be judged on."""

    name: str
    pool: Sequence[LabelledText]
    judged: Sequence[LabelledText]
    embeddings: Floats
    judged_embeddings: Floats

    @property
    def truth(self) -> Labels:
        return np.array([row.labels["stance"] for row in self.judged])


def replays(name: str, pool: int, judged: int, repeats: int) -> Iterator[Replay]:
    """Divide the same posts, read once, anew for each repeat."""
    rows = read_labelled(DATA / SETS[name], STANCE)
    some = np.random.default_rng(0).permutation(len(rows))[: pool + judged]
    found = embed(load_scorer(PRETRAINED, cache=CACHE), [rows[i].text for i in some])
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(len(some))
        first, rest = order[:pool], order[pool:]
        yield Replay(
            name,
            [rows[i] for i in some[first]],
            [rows[i] for i in some[rest]],
            found[first],
            found[rest],
        )


def by_probe(topic: Replay, taken: list[int]) -> Learnt:
    """Learns on embeddings; nothing is known of sentiment."""
    labels = np.array([topic.pool[i].labels["stance"] for i in taken])
    if len(set(labels.tolist())) < 2:
        only = np.full(len(topic.judged), labels[0])
        return only, lambda: np.full((len(topic.pool), 3), 1 / 3, dtype=np.float32), float("nan")
    model = LogisticRegression(max_iter=2000, C=1.0).fit(topic.embeddings[taken], labels)
    probabilities = np.zeros((len(topic.pool), 3), dtype=np.float32)
    probabilities[:, model.classes_] = model.predict_proba(topic.embeddings)
    return model.predict(topic.judged_embeddings), lambda: probabilities, float("nan")


def by_adapting(topic: Replay, taken: list[int]) -> Learnt:
    """Learns as the program does."""
    general = read_labelled(DATA / "sentiment_semeval2017" / "val.jsonl", head("sentiment"))[:600]
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder) / "models")
        examples = examples_of([topic.pool[i] for i in taken])
        made = adapt(registry, "topic", examples, cache=CACHE)
        scorer = load_scorer(registry.path(made.version.id), cache=CACHE)
    guess = stance(scorer, topic.judged).argmax(axis=1)
    said = scorer.score([row.text for row in general], heads=["sentiment"])[0].probabilities
    kept = macro_recall(np.array([row.labels["sentiment"] for row in general]), said.argmax(axis=1))
    return guess, lambda: stance(scorer, topic.pool), kept


def stance(scorer: Scorer, rows: Sequence[LabelledText]) -> Floats:
    """Return probabilities, (rows, labels)."""
    texts, targets = [row.text for row in rows], [row.target for row in rows]
    return scorer.score_pairs(texts, targets, heads=["stance"])[0].probabilities


def next_labels(
    topic: Replay, taken: list[int], probabilities: Floats | None, count: int, *, seed: int
) -> list[int]:
    """Return the pool's numbers of the posts to label next, all at random without answers."""
    random = np.random.default_rng((seed, len(taken)))
    free = random.permutation(np.setdiff1d(np.arange(len(topic.pool)), taken))
    if probabilities is None:
        return free[:count].tolist()
    drawn = free[: round(count * RANDOM_PART)].tolist()
    rest = np.setdiff1d(free, drawn)
    doubt = 1 - probabilities[rest].max(axis=1)
    doubted = rest[np.argsort(-doubt, kind="stable")[:POOL]]
    picked = choose(
        [probabilities[doubted]], topic.embeddings[doubted], count - len(drawn), seed=seed
    )
    return [*drawn, *doubted[picked].tolist()]


def measure(
    topic: Replay,
    steps: Sequence[int],
    train: Callable[[Replay, list[int]], Learnt],
    repeat: int,
) -> list[Point]:
    points = []
    for choice in ("random", "mixed"):
        taken: list[int] = []
        answers: Callable[[], Floats] | None = None
        for labels in steps:
            chooser = answers() if answers is not None and choice == "mixed" else None
            started = time.monotonic()
            taken += next_labels(topic, taken, chooser, labels - len(taken), seed=repeat)
            guess, answers, kept = train(topic, taken)
            minutes = (time.monotonic() - started) / 60
            score = macro_f1(topic.truth, guess)
            points.append(Point(topic.name, choice, labels, repeat, score, kept, minutes))
            print(json.dumps(asdict(points[-1])), flush=True)
    return points


def zero_shot(topic: Replay) -> float:
    """Return the macro F1 of the shipped model."""
    return macro_f1(
        topic.truth, stance(load_scorer(PRETRAINED, cache=CACHE), topic.judged).argmax(axis=1)
    )


def table(points: Sequence[Point], before: dict[str, float]) -> str:
    lines = [
        "| topic | labels | random | mixed | distance closed (mixed) |",
        "|---|---|---|---|---|",
    ]
    for topic, zero in before.items():
        of_topic = [one for one in points if one.topic == topic]
        most = max(one.labels for one in of_topic)
        best = np.mean([one.macro_f1 for one in of_topic if one.labels == most])
        lines.append(f"| {topic} | 0 | {zero:.3f} | {zero:.3f} | 0 |")
        for labels in sorted({one.labels for one in of_topic}):
            found = {
                choice: [
                    one.macro_f1 for one in of_topic if (one.labels, one.choice) == (labels, choice)
                ]
                for choice in ("random", "mixed")
            }
            told = [f"{np.mean(each):.3f} ± {np.std(each):.3f}" for each in found.values()]
            closed = (np.mean(found["mixed"]) - zero) / max(best - zero, 1e-9)
            lines.append(f"| {topic} | {labels} | {' | '.join(told)} | {closed:.0%} |")
    return "\n".join(lines)


def needed(points: Sequence[Point], topic: str) -> str:
    """Return how many random labels reach what chosen ones do, by interpolation."""
    means: dict[str, dict[int, float]] = {}
    for choice in ("random", "mixed"):
        steps = sorted({one.labels for one in points if one.topic == topic})
        means[choice] = {
            labels: float(
                np.mean(
                    [
                        one.macro_f1
                        for one in points
                        if (one.topic, one.choice, one.labels) == (topic, choice, labels)
                    ]
                )
            )
            for labels in steps
        }
    labels, scores = zip(*means["random"].items(), strict=True)
    climbing = np.maximum.accumulate(scores)
    told = []
    for count, score in means["mixed"].items():
        if score <= climbing[-1]:
            told.append(f"{count} mixed = {np.interp(score, climbing, labels):.0f} random")
        else:
            told.append(f"{count} mixed > {labels[-1]} random")
    return f"{topic}: " + ", ".join(told)


def plot(points: Sequence[Point], path: Path) -> None:
    chart = (
        altair.Chart(altair.Data(values=[asdict(one) for one in points]))
        .mark_line(point=True)
        .encode(
            x=altair.X("labels:Q", scale=altair.Scale(type="log")),
            y=altair.Y("mean(macro_f1):Q", scale=altair.Scale(zero=False), title="macro F1"),
            color="choice:N",
            column="topic:N",
        )
    )
    path.write_bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--by", choices=("adapt", "probe"), default="adapt")
    parser.add_argument("--topics", nargs="+", choices=tuple(SETS), default=list(SETS))
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 300, 1000, 3000])
    parser.add_argument("--judged", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pool", type=int, default=4000)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(2)
    train = by_adapting if options.by == "adapt" else by_probe
    points: list[Point] = []
    before = {}
    for name in options.topics:
        divided = replays(name, options.pool, options.judged, options.repeats)
        for repeat, topic in enumerate(divided):
            before.setdefault(name, zero_shot(topic))
            points += measure(topic, options.labels, train, repeat)
    print(table(points, before))
    for name in options.topics:
        print(needed(points, name))
    if options.plot:
        plot(points, options.plot)


if __name__ == "__main__":
    main()
