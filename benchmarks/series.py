"""Real labelled series with a classifier's answers, cut into cells, for benchmarks of shares.

The posts are those of ``../shared/data``; nothing of them but labels, times and the model's
numbers is kept (in ``var/benchmarks``, so that the model reads each post once).

A topic's classifier is imitated cheaply: a logistic regression on the shipped model's answers and
the words of the posts, trained on the audit sample alone. Its answers about the audit sample
itself are out of fold, as the product's are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from classifiers.heads import head
from classifiers.registry import PRETRAINED
from classifiers.runtime import load_scorer

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
CACHE = ROOT / "var" / "benchmarks"
FOLDS = 5
WORD_FEATURES = 50

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """Posts with people's labels, each in one cell.

    Attributes:
        chain, when: (cells,) which cells follow each other in time, and when they are, in days.
        features: Of the posts' words, (posts, features).
        general: The shipped model's probabilities, (posts, labels).
    """

    cell: Integers
    truth: Integers
    chain: Integers
    when: Integers
    features: Floats
    general: Floats

    @property
    def labels(self) -> int:
        return self.general.shape[1]


@dataclass(frozen=True)
class Kept:
    """Where what was computed of the posts is kept.

    Attributes:
        by_model: Whether the shipped model is asked; else a classifier knows the words alone.
    """

    folder: Path = CACHE
    by_model: bool = True


def answers(series: Series, audit: Integers, seed: int) -> Floats:
    """Probabilities of a classifier trained on the audit sample, out of fold where it is in it."""
    inputs = np.hstack([series.features, np.log(series.general + 1e-3)])
    inputs = (inputs - inputs.mean(axis=0)) / (inputs.std(axis=0) + 1e-9)
    found = _fitted(inputs[audit], series.truth[audit], inputs, series.labels)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for train, test in folds.split(audit, series.truth[audit]):
        chosen = audit[train]
        found[audit[test]] = _fitted(
            inputs[chosen], series.truth[chosen], inputs[audit[test]], series.labels
        )
    return found


def _fitted(inputs: Floats, truth: Integers, asked: Floats, labels: int) -> Floats:
    model = LogisticRegression(C=0.05, max_iter=200).fit(inputs, truth)
    found = np.full((len(asked), labels), 1e-6)
    found[:, model.classes_] = model.predict_proba(asked)
    return found / found.sum(axis=1, keepdims=True)


def airline_days(kept: Kept = Kept()) -> Series:
    """Nine days of tweets to airlines; sentiment."""
    rows, features, general = _read("series_airline2015/posts.jsonl", "sentiment", kept)
    keys = [("", row["created_at"][:10]) for row in rows]
    return _series(keys, _truth(rows, head("sentiment").labels), features, general)


def airline_parts(kept: Kept = Kept()) -> Series:
    """The same by day and airline: the errors shift with the airline."""
    rows, features, general = _read("series_airline2015/posts.jsonl", "sentiment", kept)
    keys = [(row["target"], row["created_at"][:10]) for row in rows]
    return _series(keys, _truth(rows, head("sentiment").labels), features, general)


def topics(kept: Kept = Kept()) -> Series:
    """Some 370 SemEval topics as cells; sentiment in two points."""
    rows, features, general = _read("series_topics2016/posts.jsonl", "sentiment", kept)
    two = general[:, [0, 2]] / general[:, [0, 2]].sum(axis=1, keepdims=True)
    keys = [(row["target"], "2016-01-01") for row in rows]
    return _series(keys, _truth(rows, ("negative", "positive")), features, two)


def protest_mixes(kept: Kept = Kept(), *, days: int = 60, seed: int = 0) -> Series:
    """A protest's tweets dealt out to days whose mix of labels walks; the errors do not shift."""
    rows, features, general = _read("stance_metoo/all.jsonl", "stance", kept)
    rng = np.random.default_rng(seed)
    truth = _truth(rows, head("stance").labels)
    walk = np.cumsum(rng.normal(0, 0.35, (days, 3)), axis=0)
    size = rng.lognormal(0, 0.6, (days, 1))
    weight = np.exp(walk - walk.mean(axis=0)) * size
    chance = (weight / weight.sum(axis=0)).cumsum(axis=0)
    day = (rng.random(len(truth))[:, None] > chance.T[truth]).sum(axis=1).clip(0, days - 1)
    return _series(_numbered(day), truth, features, general)


def protest_clusters(kept: Kept = Kept(), *, days: int = 40, seed: int = 0) -> Series:
    """The same tweets by clusters of content: each day has few of them, and its own mix.

    What is talked about changes with the days, and so do the classifier's errors.
    """
    rows, features, general = _read("stance_metoo/all.jsonl", "stance", kept)
    scaled = features / (np.linalg.norm(features, axis=1, keepdims=True) + 1e-9)
    cluster = KMeans(12, n_init=1, random_state=seed).fit_predict(scaled)
    rng = np.random.default_rng(seed)
    truth = _truth(rows, head("stance").labels)
    walk = np.cumsum(rng.normal(0, 0.35, (days, 1, 3)), axis=0)
    weight = np.exp(walk - walk.mean(axis=0) + rng.normal(0, 1.5, (days, 12, 1)))
    chance = (weight / weight.sum(axis=0)).cumsum(axis=0)[:, cluster, truth]
    day = (rng.random(len(truth)) > chance).sum(axis=0).clip(0, days - 1)
    return _series(_numbered(day), truth, features, general)


def _series(
    keys: list[tuple[str, str]], truth: Integers, features: Floats, general: Floats
) -> Series:
    """Cells by series and ISO day."""
    cells = sorted(set(keys))
    places = {key: place for place, key in enumerate(cells)}
    chains = sorted({chain for chain, _ in cells})
    return Series(
        cell=np.array([places[key] for key in keys]),
        truth=truth,
        chain=np.array([chains.index(chain) for chain, _ in cells]),
        when=np.array([date.fromisoformat(day).toordinal() for _, day in cells]),
        features=features,
        general=general,
    )


def _numbered(days: Integers) -> list[tuple[str, str]]:
    return [("", (date(2018, 1, 1) + timedelta(int(day))).isoformat()) for day in days]


def _truth(rows: list[dict[str, str]], labels: tuple[str, ...]) -> Integers:
    return np.array([labels.index(row["label"]) for row in rows])


def _read(name: str, asked: str, kept: Kept) -> tuple[list[dict[str, str]], Floats, Floats]:
    with (DATA / name).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts, stem = [row["text"] for row in rows], name.replace("/", "-")
    features = _once(kept.folder / f"{stem}-words.npz", lambda: _word_features(texts))
    if not kept.by_model:
        labels = len(head(asked).labels)
        return rows, features, np.full((len(rows), labels), 1 / labels)
    targets = {"target": rows[0]["target"]} if asked == "stance" else {}
    general = _once(
        kept.folder / f"{stem}-{asked}.npz",
        lambda: load_scorer(PRETRAINED).score(texts, targets, heads=[asked])[0].probabilities,
    )
    return rows, features, general


def _once(file: Path, compute: Callable[[], Floats]) -> Floats:
    """Computes what is not kept yet."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, values=compute())
    return np.asarray(np.load(file)["values"], dtype=np.float64)


def _word_features(texts: list[str]) -> Floats:
    """Each text's words, weighed by how rare they are, in few dimensions."""
    words = TfidfVectorizer(min_df=3, sublinear_tf=True).fit_transform(texts)
    return np.asarray(TruncatedSVD(WORD_FEATURES, random_state=0).fit_transform(words))
