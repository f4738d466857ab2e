"""Rows in batches of a few fixed shapes, so that what is said of one does not depend on the others.

A row's own length decides its batch's shape, and incomplete batches are filled up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from classifiers.tokenisation import POST_TOKENS, TARGET_TOKENS, Ids, pad

POST_WIDTHS = (16, 24, 32, 40, 48, 64, 80, 96, POST_TOKENS)
WIDTHS_ALONE = tuple(width for width in POST_WIDTHS if width % 16 == 0)
"""Of posts without a target: processors add up to 16 numbers at once, and a sum over the tokens of
another width would run in another order than with a target behind them."""

TARGET_WIDTHS = (8, 16, TARGET_TOKENS)
BATCH_ROWS = 8


class Target(NamedTuple):
    """The token ids of what is asked about, and whether its opposite is meant."""

    ids: tuple[int, ...]
    opposed: bool


@dataclass(frozen=True)
class Row:
    """One post, as token ids, and the targets it is asked about."""

    post: list[int]
    targets: list[Target]

    @property
    def widths(self) -> tuple[int, int]:
        """Return the widths that the post and the targets are padded to."""
        if not self.targets:
            return _width(self.post, WIDTHS_ALONE), 1
        widest = max(_width(target.ids, TARGET_WIDTHS) for target in self.targets)
        return _width(self.post, POST_WIDTHS), widest


def _width(ids: Sequence[int], widths: Sequence[int]) -> int:
    """Return the smallest of the widths that holds the ids."""
    return next(width for width in widths if len(ids) <= width)


def groups_of(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Yield the rows' numbers in groups that fit a batch and share their widths, widest first.

    The runtime keeps what the widest batch took; growing to it step by step takes a third more.
    """
    by_widths: dict[tuple[int, int], list[int]] = {}
    for number, row in enumerate(rows):
        by_widths.setdefault(row.widths, []).append(number)
    for _, numbers in sorted(by_widths.items(), reverse=True):
        for start in range(0, len(numbers), BATCH_ROWS):
            yield numbers[start : start + BATCH_ROWS]


def filled(rows: list[Row], padding: int) -> tuple[Ids, Ids]:
    """Return rows of the same widths as a full batch; blank rows repeat the first tokens.

    Args:
        rows: As many as fit, each with as many targets as the others.
        padding: The id that fills up.

    Returns:
        Posts, (rows, post width), and targets, (rows, targets, target width).
    """
    post_width, target_width = rows[0].widths
    posts = np.full((BATCH_ROWS, post_width), padding, dtype=np.int64)
    posts[: len(rows)] = pad([row.post for row in rows], post_width, padding)
    posts[len(rows) :, 0] = posts[0, 0]
    count = len(rows[0].targets)
    targets = np.full((BATCH_ROWS, count, target_width), padding, dtype=np.int64)
    flat = pad([each.ids for row in rows for each in row.targets], target_width, padding)
    targets[: len(rows)] = flat.reshape(len(rows), count, target_width)
    return posts, targets
