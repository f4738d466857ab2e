"""One released figure: what pages, exports and reports may show of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Withheld = Literal[
    "small_group", "complementary", "too_uncertain", "unvalidated", "incomplete", "unscored"
]
DIGITS = 4
"""Shares are rounded to so many decimals, so that equal evidence gives equal bytes."""
ALL = "all"
"""Stands for a dimension that a figure is not split by."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One label's share of one cell; a value that may not be shown is None.

    Attributes:
        platform, cohort, language: `all` where the figure is not split by it.
        target: The target's name, empty where the head takes none.
        posts: Scored posts of the cell (the denominator, the same for every label of it).
            Reposts are not opinions and are not among them.
        authors: Distinct authors of those posts (estimate of a sketch, exact when few).
        share_raw: Share of posts whose most probable label is this one, before correction.
        share, low, high: Corrected share and its 95 % interval.
        coverage: Part of the day's hours that collection covered, 0 to 1; None where no
            source recorded it.
        validated: Whether the version that tells of the day has an audit sample for head and
            target.
        withheld: Why something is not shown; None where everything is.
        sample: Whether the cell is made of bundled sample data.
        provisional: Whether the day is not over yet: it will change.
    """

    topic: str
    day: date
    platform: str
    cohort: str
    language: str
    head: str
    target: str
    label: str
    version: str
    posts: int | None
    authors: int | None
    share_raw: float | None
    share: float | None
    low: float | None
    high: float | None
    coverage: float | None
    validated: bool
    withheld: Withheld | None
    sample: bool = False
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Volume:
    """How much was said on one day, whatever it says; None where the group is too small.

    Attributes:
        posts: Opinions: original posts, replies and quotes.
        reposts: Repetitions of somebody else's post.
        authors: Distinct authors of the opinions.
        unscored: Opinions not (yet) scored by the version that tells of the day, other languages
            included; None where the cell of a question is hidden.
        provisional: Whether the day is not over yet.
        copies: Opinions that say the same, or nearly, as an earlier one of the day; None where
            the cell is hidden or nobody compared them.
    """

    topic: str
    day: date
    platform: str
    cohort: str
    language: str
    posts: int | None
    reposts: int | None
    authors: int | None
    unscored: int | None
    coverage: float | None
    withheld: Withheld | None
    sample: bool = False
    provisional: bool = False
    copies: int | None = None
