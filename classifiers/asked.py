"""A post and everything it is asked: what one row of a training batch is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classifiers.dataset import LabelledText


@dataclass(frozen=True)
class Asked:
    """A target's text and the answers, per head the index of its label."""

    target: str
    labels: Mapping[str, int]


@dataclass(frozen=True)
class AskedPost:
    """A post with what it is asked about targets, and about itself.

    Attributes:
        text: The post.
        asked: A question per target.
        labels: Answers of heads that take no target.
    """

    text: str
    asked: tuple[Asked, ...] = ()
    labels: Mapping[str, int] | None = None


def about_targets(rows: Sequence[LabelledText], most: int) -> list[AskedPost]:
    """Return rows about targets as posts, rows with one text together, in first order.

    Args:
        rows: Each with a target.
        most: Targets per post; a text with more becomes several posts.
    """
    held: dict[str, list[Asked]] = {}
    for row in rows:
        held.setdefault(row.text, []).append(Asked(row.target, row.labels))
    return [
        AskedPost(text, tuple(asked[start : start + most]))
        for text, asked in held.items()
        for start in range(0, len(asked), most)
    ]


def about_posts(rows: Sequence[LabelledText]) -> list[AskedPost]:
    """Return rows that need no target as posts."""
    return [AskedPost(row.text, labels=row.labels) for row in rows]
