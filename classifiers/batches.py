"""Batches of token ids with their labels, grouped by length under a token budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from classifiers.asked import AskedPost
from classifiers.heads import head
from classifiers.tokenisation import Ids, Tokeniser, pad

UNLABELLED = -1


@dataclass(frozen=True)
class Encoded:
    """One post and its targets as token ids, with the answers of the heads that have one.

    Attributes:
        post: The post's token ids.
        targets: Each target's token ids.
        labels: Per head, label indices: one per target, or a single one where the head takes
            no target; ``UNLABELLED`` where there is no answer.
        taught: Per head, a teacher's logits: (labels,) or (targets, labels).
    """

    post: list[int]
    targets: list[list[int]]
    labels: Mapping[str, list[int]]
    taught: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Rows that are trained on together.

    Attributes:
        posts: Token ids, (rows, post length).
        targets: Token ids, (rows, targets, target length).
        labels: Per head with an answer among the rows, label indices: (rows,) or (rows,
            targets); ``UNLABELLED`` for none.
        taught: Per head that a teacher answered, its logits: (rows, labels) or (rows, targets,
            labels), not a number where there is no such target.
    """

    posts: Tensor
    targets: Tensor
    labels: Mapping[str, Tensor]
    taught: Mapping[str, Tensor] = field(default_factory=dict)


def encode(posts: Sequence[AskedPost], tokeniser: Tokeniser, *, post_tokens: int) -> list[Encoded]:
    """Return posts as token ids, cut to ``post_tokens``, the closing mark kept."""
    ids = tokeniser.posts([post.text for post in posts], limit=post_tokens)
    names = sorted({asked.target for post in posts for asked in post.asked})
    target_ids = dict(zip(names, tokeniser.targets(names), strict=True))
    return [
        Encoded(post_ids, [target_ids[asked.target] for asked in post.asked], _labels(post))
        for post_ids, post in zip(ids, posts, strict=True)
    ]


def _labels(post: AskedPost) -> dict[str, list[int]]:
    """Return a post's answers per head."""
    found = {name: [label] for name, label in (post.labels or {}).items()}
    for name in sorted({name for asked in post.asked for name in asked.labels}):
        found[name] = [asked.labels.get(name, UNLABELLED) for asked in post.asked]
    return found


def group(
    rows: Sequence[Encoded], *, batch_tokens: int, padding: int, random: np.random.Generator
) -> list[Batch]:
    """Return the rows in batches of similar lengths, each within the token budget.

    Batches are in order of the targets' number and length, then of the posts': shuffle them.
    """
    # Rows of the same four-token step are in random order, so batches differ between epochs.
    ties = random.random(len(rows))
    order = sorted(range(len(rows)), key=lambda i: (*_size(rows[i]), ties[i]))
    batches: list[Batch] = []
    held: list[Encoded] = []
    for index in order:
        longer = [*held, rows[index]]
        if held and _padded_length(longer) * len(longer) > batch_tokens:
            batches.append(to_batch(held, padding))
            longer = [rows[index]]
        held = longer
    return [*batches, to_batch(held, padding)] if held else batches


def _size(row: Encoded) -> tuple[int, int, int]:
    """Return what rows must share to be padded little."""
    return len(row.targets), max(map(len, row.targets), default=0) // 3, len(row.post) // 4


def _padded_length(rows: Sequence[Encoded]) -> int:
    """Return how many tokens each of the rows has when they are padded together."""
    widest = max((len(target) for row in rows for target in row.targets), default=0)
    return max(len(row.post) for row in rows) + widest * max(len(row.targets) for row in rows)


def to_batch(rows: Sequence[Encoded], padding: int) -> Batch:
    """Return the rows as one padded batch."""
    posts = pad([row.post for row in rows], max(len(row.post) for row in rows), padding)
    most = max(len(row.targets) for row in rows)
    heads = sorted({name for row in rows for name in row.labels})
    return Batch(
        torch.from_numpy(posts),
        torch.from_numpy(_padded_targets(rows, most, padding)),
        {name: _label_tensor(rows, name, most) for name in heads},
        {name: _taught_tensor(rows, name, most) for name in rows[0].taught},
    )


def _padded_targets(rows: Sequence[Encoded], most: int, padding: int) -> Ids:
    """Return the targets as one array, (rows, targets, target length)."""
    width = max((len(target) for row in rows for target in row.targets), default=0)
    flat = [target for row in rows for target in (row.targets + [[]] * most)[:most]]
    return pad(flat, width, padding).reshape(len(rows), most, width)


def _label_tensor(rows: Sequence[Encoded], name: str, most: int) -> Tensor:
    """Return one head's labels, (rows,) or (rows, targets)."""
    if not head(name).takes_target:
        return torch.tensor([row.labels.get(name, [UNLABELLED])[0] for row in rows])
    return torch.tensor(
        [(list(row.labels.get(name, [])) + [UNLABELLED] * most)[:most] for row in rows]
    )


def _taught_tensor(rows: Sequence[Encoded], name: str, most: int) -> Tensor:
    """Return a teacher's logits of one head, (rows, labels) or (rows, targets, labels)."""
    if not head(name).takes_target:
        return torch.from_numpy(np.stack([row.taught[name] for row in rows]))
    held = np.full((len(rows), most, len(head(name).labels)), np.nan, dtype=np.float32)
    for index, row in enumerate(rows):
        held[index, : len(row.targets)] = row.taught[name]
    return torch.from_numpy(held)
