"""Batches of token ids with their labels, grouped by length under a token budget."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from classifiers.dataset import LabelledText
from classifiers.tokenisation import Tokeniser, pad


@dataclass(frozen=True)
class Encoded:
    """One labelled text as token ids."""

    post: list[int]
    target: list[int]
    label: int


@dataclass(frozen=True)
class Batch:
    """Rows of one head that are trained on together."""

    head: str
    posts: Tensor
    targets: Tensor
    labels: Tensor


def encode(
    rows: Sequence[LabelledText], tokeniser: Tokeniser, *, post_tokens: int
) -> list[Encoded]:
    """Return the rows as token ids, posts cut to ``post_tokens``."""
    posts = tokeniser.posts([row.text for row in rows])
    targets = tokeniser.targets([row.target for row in rows])
    return [
        Encoded(post[:post_tokens], target, row.label)
        for post, target, row in zip(posts, targets, rows, strict=True)
    ]


def group(
    rows: Sequence[Encoded], head: str, *, batch_tokens: int, random: np.random.Generator
) -> list[Batch]:
    """Return the rows in batches of similar lengths, each within the token budget.

    Which rows share a batch depends on the random generator alone (lengths are sorted with
    random ties), so a seed gives the same batches again.
    """
    ties = random.random(len(rows))
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i].post) // 4, ties[i]))
    batches: list[Batch] = []
    held: list[Encoded] = []
    for index in order:
        longer = [*held, rows[index]]
        width = max(len(row.post) for row in longer) + max(len(row.target) for row in longer)
        if held and width * len(longer) > batch_tokens:
            batches.append(to_batch(held, head))
            longer = [rows[index]]
        held = longer
    return [*batches, to_batch(held, head)] if held else batches


def to_batch(rows: Sequence[Encoded], head: str) -> Batch:
    """Return the rows as one padded batch."""
    post_width = max(len(row.post) for row in rows)
    target_width = max(len(row.target) for row in rows)
    return Batch(
        head,
        torch.from_numpy(pad([row.post for row in rows], post_width)),
        torch.from_numpy(pad([row.target for row in rows], target_width)),
        torch.tensor([row.label for row in rows]),
    )
