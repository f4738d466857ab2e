"""Sentences in which only a name differs, taught to be answered alike.

The model that training goes on from (or the recipe's teacher) answers a sentence with each group,
or each first name, in its place; the mean of its answers is what all of them are taught. So nobody
has to say what the sentence means, and the answer stays where it is on average (logit pairing:
Garg et al., "Counterfactual Fairness in Text Classification through Robustness", 2019). The
sentences are in ``naming.toml``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from classifiers.asked import Asked, AskedPost
from classifiers.batches import Encoded
from classifiers.naming import read_names, with_articles

_LEAST = 1e-6
"""The least probability that is taught; its logarithm has to be a number."""


def alike_posts(
    number: int, targets: Sequence[str], random: np.random.Generator
) -> list[list[AskedPost]]:
    """Return, for each of so many sentences of either kind, the posts that differ by the name.

    Each is asked about one target: where the sentence speaks of one, about that.
    """
    names = read_names()
    kinds = (names.about_groups, names.groups), (names.about_persons, names.names)
    return [
        _versions(sentences[place], chosen, targets[int(random.integers(len(targets)))])
        for sentences, chosen in kinds
        for place in random.integers(len(sentences), size=number).tolist()
    ]


def _versions(sentence: str, names: Sequence[str], target: str) -> list[AskedPost]:
    """Return a sentence with each of the names."""
    texts = (with_articles(sentence.format(group=name, name=name, target=target)) for name in names)
    return [AskedPost(text, (Asked(target, {}),)) for text in texts]


def with_mean_answers(rows: Sequence[Encoded], versions: Sequence[int]) -> Iterator[Encoded]:
    """Yield the rows with the mean of the probabilities that their sentences' rows were taught.

    Args:
        rows: Answered by a teacher; those of one sentence follow each other.
        versions: How many rows each sentence has.
    """
    start = 0
    for size in versions:
        those = rows[start : start + size]
        mean = {head: _mean([row.taught[head] for row in those]) for head in those[0].taught}
        yield from (replace(row, taught=mean) for row in those)
        start += size


def _mean(logits: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return logits whose probabilities are the mean of these logits'."""
    raised = np.exp(np.stack(logits) - np.max(logits, axis=-1, keepdims=True))
    shares = raised / raised.sum(axis=-1, keepdims=True)
    mean = np.maximum(shares.mean(axis=0), _LEAST)
    return np.asarray(np.log(mean), dtype=np.float32)
