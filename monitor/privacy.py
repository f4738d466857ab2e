"""The one door: what may be shown of a day's cells, and of each figure.

Small groups. A cell (a day's posts of one platform, cohort and language, or all of some of
these) with fewer distinct authors than the topic's minimum is not shown at all. Nor is a cell
from which, together with everything else shown about that day, the counts of so small a group
would follow by adding and subtracting. `shown_cells` decides this once for ALL splits of a day
together, coarse ones first, on the finest cells: what was asked for, in which order and how
often, changes nothing, so that two answers never give away what one would not.

Volume is decided first; a question's cells are chosen among those whose volume is shown.

What was shown of a day before bears on what may be shown of it later: `monitor/releases.py`.
What this guarantees, and what it does not, is written down in docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from monitor.authors import AuthorSketch
from monitor.derivable import Derivable
from monitor.figure import ALL, Figure, Volume, Withheld
from monitor.outward import rounded_down, rounded_up
from monitor.settings import ReleaseSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")
_COUNTS = ("posts", "reposts", "authors", "unscored", "copies", "audited")
_SHARES: Mapping[str, Callable[[float], float]] = {
    **dict.fromkeys(("share_raw", "share", "difference"), lambda share: round(share, 2)),
    "low": rounded_down,
    "high": rounded_up,
}
Cell = tuple[str, str, str]
"""Platform, cohort and language; `ALL` where not split by it."""
DIMENSIONS = ("platform", "cohort", "language")
SPLITS: tuple[tuple[str, ...], ...] = (
    (),
    ("cohort",),
    ("platform",),
    ("language",),
    ("platform", "cohort"),
    ("cohort", "language"),
    ("platform", "language"),
    ("platform", "cohort", "language"),
)
"""Every way to split a day, the most wanted first: where not all can be shown, these win."""


def coarsen(cell: Cell, by: Collection[str]) -> Cell:
    """The cell of a split that a base cell belongs to."""
    platform, cohort, language = (
        value if name in by else ALL for name, value in zip(DIMENSIONS, cell, strict=True)
    )
    return platform, cohort, language


def shown_cells(
    sketches: Mapping[Cell, bytes], minimum: int, *, among: frozenset[Cell] | None = None
) -> Mapping[Cell, Withheld | None]:
    """Decides about every cell of every split of one day.

    Within a split the cells with the most authors are admitted first, so that it is the
    smallest that have to stay hidden to protect smaller ones.

    Args:
        sketches: The authors of each base cell.
        minimum: Fewest distinct authors of a group that may be shown.
        among: Cells that may be shown at all; None for any.

    Returns:
        By cell, None where it is shown, else why not.
    """
    return _decide(tuple(sorted(sketches.items())), minimum, among)


@lru_cache(maxsize=2048)
def _decide(
    base: tuple[tuple[Cell, bytes], ...], minimum: int, among: frozenset[Cell] | None
) -> Mapping[Cell, Withheld | None]:
    """Remembered, as the same days are asked for again and again."""
    derivable = Derivable([AuthorSketch.hashes(sketch) for _, sketch in base], minimum)
    decided: dict[Cell, Withheld | None] = {}
    for by in SPLITS:
        members: dict[Cell, list[int]] = {}
        for index, (cell, _) in enumerate(base):
            members.setdefault(coarsen(cell, by), []).append(index)
        authors = {
            cell: AuthorSketch.count(AuthorSketch.union(base[n][1] for n in those))
            for cell, those in members.items()
        }
        for cell in sorted(members, key=lambda cell: (-authors[cell], cell)):
            if authors[cell] < minimum:
                decided[cell] = "small_group"
            elif (among is None or cell in among) and derivable.admit(members[cell]):
                decided[cell] = None
            else:
                decided[cell] = "complementary"
    return MappingProxyType(decided)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the release of a cell's figures depends on besides their own values.

    Attributes:
        hidden: What `shown_cells` decided.
        scored: Part of the cell's eligible opinions that is scored.
        rules: The configured limits.
    """

    hidden: Withheld | None
    scored: float
    rules: ReleaseSettings


def release(figure: Figure, standing: Standing, *, preview: bool = False) -> Figure:
    """Lets of a complete figure out what may be shown, rounded where that is configured."""
    shown = _shown_part(figure, standing, preview=preview)
    return rounded(shown, standing.rules.round_counts_to)


def whole_groups(count: int, minimum: int) -> int:
    """Rounds a count of posts down to whole multiples of the smallest group that may be shown.

    For counts of the program's own work, which no cell stands behind.
    """
    return count // max(minimum, 1) * max(minimum, 1)


def rounded(record: R, round_to: int) -> R:
    """A record's counts as multiples, its shares as whole percent; as it is where that is 0.

    An interval is rounded outwards, so that it still holds what it held.
    """
    if not round_to:
        return record
    told = {name: getattr(record, name, None) for name in (*_COUNTS, *_SHARES)}
    changes = {
        name: _SHARES[name](value) if name in _SHARES else _nearest(value, round_to)
        for name, value in told.items()
        if value is not None
    }
    return replace(record, **changes)


def _nearest(count: int, round_to: int) -> int:
    """The nearest multiple, half of one upwards."""
    return (2 * count + round_to) // (2 * round_to) * round_to


def _shown_part(figure: Figure, standing: Standing, *, preview: bool) -> Figure:
    """Takes out of a complete figure what may not be shown, and says why.

    The first reason that applies is given: `small_group` or `complementary`, `unscored`,
    `incomplete`, `unvalidated`, `too_uncertain`. A cell too small only because its posts are
    not scored yet is `unscored`; it is hidden as the others are. With `preview` an unvalidated
    figure keeps its raw share.
    """
    unscored = standing.scored < standing.rules.minimum_scored
    if standing.hidden is not None:
        reason: Withheld = "unscored" if unscored else standing.hidden
        return replace(_without_shares(figure, reason), posts=None, authors=None)
    if unscored:
        return _without_shares(figure, "unscored")
    if figure.coverage is not None and figure.coverage < standing.rules.minimum_coverage:
        return _without_shares(figure, "incomplete")
    if not figure.validated:
        hidden = _without_shares(figure, "unvalidated")
        return replace(hidden, share_raw=figure.share_raw) if preview else hidden
    if _is_too_wide(figure, standing.rules.maximum_interval_width):
        return replace(_without_shares(figure, "too_uncertain"), share_raw=figure.share_raw)
    return figure


def release_volume(volume: Volume, hidden: Withheld | None, *, round_to: int = 0) -> Volume:
    """Takes the counts out of a hidden cell's volume, and rounds those of others if so wanted."""
    if hidden is None:
        return rounded(volume, round_to)
    hollow = replace(volume, posts=None, reposts=None, authors=None, unscored=None, copies=None)
    return replace(hollow, withheld=hidden)


def _without_shares(figure: Figure, reason: Withheld) -> Figure:
    return replace(figure, share_raw=None, share=None, low=None, high=None, withheld=reason)


def _is_too_wide(figure: Figure, widest: float) -> bool:
    if figure.low is None or figure.high is None:
        return True
    return figure.high - figure.low > widest
