"""Corrected shares beside the field's estimators, on real and on simulated series.

    python benchmarks/prevalence.py [--quick] [--words-only] [--seeds N] [--cache DIR]

Prints, per series and size of the audit, the mean absolute error of shares, the part of nominal
95 % intervals that hold the truth, and their mean width; on SemEval's topics the Kullback-Leibler
divergence too. All over labels and cells of ten posts and more: smaller ones have too few authors
to be shown. Each seed draws another audit sample. The real series are those of
`benchmarks/series.py` and are left out where `../shared/data` is missing.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import series as real
from quantifiers import acc, bayesian_cc, divergence, emq, pacc

from classifiers.prediction_powered import range_shares
from classifiers.prevalence import Audit, Cells, estimate_shares, learn
from monitor.validation import BUSY_PART

Floats = real.Floats
Integers = real.Integers
FEWEST_POSTS = 10
METHODS = ("plain", "audit mean", "ACC", "PACC", "EMQ", "BayesianCC", "ours")


@dataclass(frozen=True)
class Case:
    """Posts with people's labels and a classifier's answers, some of them audited.

    Attributes:
        chain, when: (cells,) which cells follow each other in time, and their days.
        crowd: (cells, labels) shares that the posts are drawn from, None where nobody knows.
        asked: Cells that may be looked at, all where None.
    """

    cell: Integers
    truth: Integers
    scores: Floats
    audit: Integers
    chain: Integers
    when: Integers
    crowd: Floats | None = None
    asked: Integers | None = None

    @property
    def posts(self) -> Floats:
        return np.bincount(self.cell, minlength=int(self.cell.max()) + 1).astype(float)

    def table(self, values: Floats) -> Floats:
        sums = np.zeros((len(self.posts), values.shape[1]))
        np.add.at(sums, self.cell, values)
        return sums


Cases = Callable[[int], Case]


def simulated(
    *, ability: float, stray: float, labels: int, size: int = 200, varying: float = 0.0
) -> Cases:
    """Thirty days; see tests/unit/test_prevalence.py for the words."""

    def case(seed: int) -> Case:
        rng = np.random.default_rng(seed)
        crowd = rng.dirichlet((1 / stray - 1) * rng.dirichlet([4] * 3), 30)
        sizes = np.maximum(rng.poisson(size * rng.lognormal(0, 0.7, 30)), 10)
        day = np.repeat(np.arange(30), sizes)
        truth = (rng.random(len(day))[:, None] > crowd.cumsum(axis=1)[day]).sum(axis=1).clip(0, 2)
        evidence = rng.standard_normal((len(day), 3)) + ability * np.eye(3)[truth]
        evidence += rng.normal(0, varying, (30, 3, 3))[day, truth]
        believed = ability * evidence + np.log(np.bincount(truth, minlength=3) / len(truth))
        scores = np.exp(believed - believed.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        drawn = rng.choice(len(day), labels, replace=False)
        return Case(day, truth, scores, drawn, np.zeros(30, dtype=int), np.arange(30), crowd)

    return case


Load = Callable[[], real.Series]


def adapted(load: Load, labels: int) -> Cases:
    """A classifier adapted to the series by the audit labels."""

    def case(seed: int) -> Case:
        one = load()
        drawn = np.random.default_rng(seed).choice(len(one.truth), labels, replace=False)
        scores = real.answers(one, drawn, seed)
        return Case(one.cell, one.truth, scores, drawn, one.chain, one.when)

    return case


def general(load: Load, labels: int) -> Cases:
    """The shipped model as it is."""

    def case(seed: int) -> Case:
        one = load()
        drawn = np.random.default_rng(seed).choice(len(one.truth), labels, replace=False)
        return Case(one.cell, one.truth, one.general, drawn, one.chain, one.when)

    return case


def of_one_half(load: Load, labels: int) -> Cases:
    """A classifier adapted to labels of the first half of the busy days; asked about the second.

    Half is what `monitor.validation` asks for; with fewer, shares are withheld as `unvalidated`.
    """

    def case(seed: int) -> Case:
        one = load()
        days, posts = np.unique(one.when[one.cell], return_counts=True)
        busy = days[posts >= BUSY_PART * posts.sum()]
        second = busy[len(busy) // 2]
        early = np.flatnonzero((one.when < second)[one.cell])
        drawn = np.random.default_rng(seed).choice(early, labels, replace=False)
        scores = real.answers(one, drawn, seed)
        late = np.flatnonzero(one.when >= second)
        return Case(one.cell, one.truth, scores, drawn, one.chain, one.when, asked=late)

    return case


def compare(name: str, cases: Cases, seeds: int) -> None:
    """Prints a table of one series."""
    started, found = time.perf_counter(), defaultdict(list)
    for seed in range(seeds):
        case = cases(seed)
        for method, value in measured(case, seed):
            found[method].append(value)
    posts = case.posts
    print(f"\n{name}: {len(posts)} cells, {posts.mean():.0f} posts each, {len(case.audit)} labels,")
    print(f"{seeds} audit samples ({time.perf_counter() - started:.0f} s)")
    print(f"{'':12} error   KLD  held (crowd)  width")
    for method in METHODS:
        error, kld, held, crowd, width = np.mean(found[method], axis=0)
        line = f"{method:12} {error:.3f} {kld:.3f}"
        if not np.isnan(held):
            beside = "      " if np.isnan(crowd) else f"({crowd:.3f})"
            line += f" {held:.3f} {beside}  {width:.3f}"
        print(line)
    inside = np.mean(found["range"], axis=0)
    print(f"whole range, prediction-powered: held {inside[0]:.3f}, width {inside[1]:.3f}")


def measured(case: Case, seed: int) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Each method's error, divergence, part of intervals that hold (posts, crowd) and width."""
    labels, posts = case.scores.shape[1], case.posts
    hot = np.eye(labels)
    truth = case.table(hot[case.truth]) / posts[:, None]
    answers, scores = case.truth[case.audit], case.scores[case.audit]
    mean = np.bincount(answers, minlength=labels) / len(answers)
    counts = case.table(hot[case.scores.argmax(axis=1)])
    by_cell = [case.scores[case.cell == cell] for cell in range(len(posts))]
    points = {
        "plain": counts / posts[:, None],
        "audit mean": np.tile(mean, (len(posts), 1)),
        "ACC": np.array([acc(answers, scores, one) for one in by_cell]),
        "PACC": np.array([pacc(answers, scores, one) for one in by_cell]),
        "EMQ": np.array([emq(mean, one) for one in by_cell]),
    }
    cells = Cells(posts, case.table(case.scores), case.chain, case.when, counts)
    audit = Audit(case.cell[case.audit], answers, scores)
    ours = estimate_shares(cells, audit, seed=seed)
    bayesian, low, high = bayesian_cc(answers, scores, counts)
    points |= {"BayesianCC": bayesian, "ours": ours.share}
    ends = {"BayesianCC": (low, high), "ours": (ours.low, ours.high)}
    asked = np.arange(len(posts)) if case.asked is None else case.asked
    asked = asked[posts[asked] >= FEWEST_POSTS]
    for name, point in points.items():
        error = float(np.abs(point - truth)[asked].mean())
        pairs = zip(truth[asked], point[asked], posts[asked], strict=True)
        kld = float(np.mean([divergence(*each) for each in pairs]))
        shown = (np.nan, np.nan, np.nan)
        if name in ends:
            low, high = (end[asked] for end in ends[name])
            crowd = np.nan if case.crowd is None else held(low, case.crowd[asked], high)
            shown = (held(low, truth[asked], high), crowd, float((high - low).mean()))
        yield name, (error, kld, *shown)
    rest = np.delete(case.scores, case.audit, axis=0)
    whole = range_shares(answers, scores, len(rest), rest.sum(axis=0))
    every = np.bincount(case.truth, minlength=labels) / len(case.truth)
    yield "range", (held(whole.low, every, whole.high), float((whole.high - whole.low).mean()))


def held(low: Floats, truth: Floats, high: Floats) -> float:
    return float(((low <= truth + 1e-9) & (truth - 1e-9 <= high)).mean())


def speed(cells: int = 10_000) -> None:
    """Prints how long that many cells take, and one day of them again after it has changed."""
    rng = np.random.default_rng(0)
    posts = rng.integers(20, 400, cells).astype(float)
    sums = rng.dirichlet([4, 3, 3], cells) * posts[:, None]
    truth = rng.integers(0, 3, 400)
    audit = Audit(rng.integers(0, cells, 400), truth, rng.dirichlet([1, 1, 1], 400))
    number = np.arange(cells)
    given = Cells(posts, sums, number // 500, number % 500, np.round(sums))
    started, used = time.perf_counter(), time.process_time()
    learnt = learn(given, audit)
    whole = estimate_shares(given, audit, learnt=learnt)
    print(f"\n{cells} cells: {time.perf_counter() - started:.1f} s, "
          f"{time.process_time() - used:.1f} s of a processor")  # fmt: skip
    window = np.arange(240, 261)
    near = replace(audit, cell=np.where(np.isin(audit.cell, window), audit.cell - window[0], -1))
    used = time.process_time()
    again = estimate_shares(given.at(window), near, learnt=learnt)
    apart = np.abs(again.share[10] - whole.share[window[10]]).max()
    took = time.process_time() - used
    print("one day again, with ten days to each side and what was learnt before:")
    print(f"{took:.2f} s of a processor, its shares {apart:.4f} off at most")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few seeds, not all series")
    parser.add_argument("--seeds", type=int, help="audit samples drawn of each series")
    parser.add_argument("--cache", type=Path, default=real.CACHE, help="the model's answers")
    parser.add_argument("--words-only", action="store_true", help="classifiers of words, quick")
    parser.add_argument("--only", default="", help="series whose name holds this")
    options = parser.parse_args()
    seeds = options.seeds or (2 if options.quick else 10)
    for name, cases in chosen(
        real.Kept(options.cache, by_model=not options.words_only), quick=options.quick
    ):
        if options.only in name:
            compare(name, cases, seeds)
    if options.only in "speed":
        speed()


def chosen(kept: real.Kept, *, quick: bool) -> Iterator[tuple[str, Cases]]:
    """The simulated and real series."""
    yield "simulated, fair", simulated(ability=1.2, stray=0.06, labels=200)
    yield "simulated, shifting much", simulated(ability=1.5, stray=0.3, labels=400)
    if not quick:
        yield "simulated, 150 labels", simulated(ability=1.2, stray=0.06, labels=150)
        yield "simulated, days of 20", simulated(ability=1.2, stray=0.06, labels=200, size=20)
        yield (
            "simulated, errors vary",
            simulated(ability=1.2, stray=0.06, labels=200, size=1000, varying=0.3),
        )
        yield "simulated, poor", simulated(ability=0.7, stray=0.06, labels=300)
        yield "simulated, knows nothing", simulated(ability=0.1, stray=0.06, labels=200)
    if not real.DATA.is_dir():
        print(f"{real.DATA.name} is missing: no real series")
        return
    days, parts, topics, mixes, content = (
        lru_cache(partial(load, kept))
        for load in (
            real.airline_days,
            real.airline_parts,
            real.topics,
            real.protest_mixes,
            real.protest_clusters,
        )
    )
    if kept.by_model:
        yield "airline, days, shipped model", general(days, 200)
    yield "airline, days, adapted", adapted(days, 200)
    yield "airline, second half of the days, labels of the first", of_one_half(days, 200)
    yield "protest, days of shifting mixes, adapted", adapted(mixes, 400)
    yield "protest, days by content, adapted", adapted(content, 400)
    if quick:
        return
    yield "protest, days of shifting mixes, adapted with few", adapted(mixes, 200)
    yield "airline, days by airline, adapted", adapted(parts, 300)
    yield "SemEval's topics, adapted", adapted(topics, 400)


if __name__ == "__main__":
    main()
