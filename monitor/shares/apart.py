"""Where shares by authors or by texts may stand beside those by posts.

A cell's shares by posts and by authors differ by what those wrote who wrote more than once (and
by posts of nobody known); shares by posts and by texts differ by the copies. Who has both learns
about these posts alone, so they have to be by enough people, in every cell and in every difference
of cells, as the cells themselves.

Of a cell that was counted before this was known, or that changed after retention, nobody knows
them: no cell with it is told, until its day is counted again or for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from monitor.authors import AuthorSketch
from monitor.figure import Withheld
from monitor.privacy import SPLITS, Cell, coarsen, shown_cells
from monitor.store.values import DailyAggregate


def kept_apart(
    base: Mapping[Cell, DailyAggregate], unit: str, shown: frozenset[Cell], minimum: int
) -> Mapping[Cell, Withheld]:
    """Tells which shown cells may not be told by this unit, and why.

    Only numbers of authors are known. So the people of one base cell are taken to be among those
    of another of the same platform wherever that is possible (people of two platforms have two
    pseudonyms): no group is then taken for larger than it is.

    Args:
        base: The base cells of a day for one question.
        unit: `authors` or `texts`.
        shown: Cells, of every split, whose shares by posts may be shown.
        minimum: Fewest distinct authors of a group that may be shown.
    """
    apart = {cell: one.units.get(unit, {}).get("apart") for cell, one in base.items()}
    unknown = {coarsen(cell, by) for cell, one in apart.items() if one is None for by in SPLITS}
    sketches = {
        cell: _crowd(cell[0], min(int(one["authors"]), minimum))
        for cell, one in apart.items()
        if one
    }
    decided = shown_cells(sketches, minimum, among=shown - unknown) if sketches else {}
    withheld = {cell: reason for cell, reason in decided.items() if reason and cell in shown}
    return withheld | dict.fromkeys(shown & unknown, "small_group")


@lru_cache(maxsize=1024)
def _crowd(platform: str, people: int) -> bytes:
    """So many people of a platform: those of a smaller crowd, and some more."""
    return AuthorSketch.of(f"{platform} {number}" for number in range(people))
