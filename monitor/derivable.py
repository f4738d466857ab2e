"""What an adversary can work out from released counts by adding and subtracting them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_PRIME = 2_147_483_647
"""Sums are combined in arithmetic modulo this: exact, and a product fits into 64 bits."""
_MOST_CANDIDATES = 2048
"""Beyond so many open combinations the search gives up and refuses."""
_MOST_WORK = 4_000
"""Beyond so many combinations looked at altogether it does so too."""


class Derivable:
    """Everything that follows from the counts shown so far about one day.

    The day is a set of base cells (the finest there are); a shown count is the sum of some of
    them. Whoever sees several can form any linear combination. What must never come out is the
    count of a set of base cells with fewer than `minimum` distinct authors among them: not of
    one small cell, and not of several together.

    The shown sums are kept as rows in reduced echelon form whose first columns are the base
    cells with enough authors. A set of too few authors holds only small cells, so it can only
    be a combination of the rows that are zero in those first columns, with factors 0 or 1
    (each row has a column to itself). These few are searched through.

    Args:
        authors: Each base cell's authors, as numbers; of a cell with `minimum` or more, any
            `minimum` of them do. A cell of unknown authors has none, which makes it small.
        minimum: Distinct authors that a derivable set must have.
        signed: Cells that may be taken away as well as added, so that what too few authors wrote
            must not come out with either sign.
    """

    def __init__(
        self,
        authors: Sequence[frozenset[int]],
        minimum: int,
        *,
        signed: Collection[int] = (),
    ) -> None:
        self._minimum = minimum
        order = sorted(range(len(authors)), key=lambda cell: len(authors[cell]) < minimum)
        self._column = {cell: column for column, cell in enumerate(order)}
        small = [authors[cell] for cell in order if len(authors[cell]) < minimum]
        self._large = len(authors) - len(small)
        columns = (self._column[cell] for cell in signed)
        self._signed = {column for column in columns if column >= self._large}
        self._is_signed = np.zeros(len(small), dtype=bool)
        self._is_signed[[column - self._large for column in self._signed]] = True
        people = {person: n for n, person in enumerate(sorted(set[int]().union(*small)))}
        wrote = np.zeros((len(small), len(people)), dtype=np.float32)
        for cell, those in enumerate(small):
            wrote[cell, [people[person] for person in those]] = 1
        alone = wrote.sum(axis=0) == 1
        self._alone: Integers = wrote[:, alone].sum(axis=1).astype(np.int64)
        self._wrote, self._people = _alike(wrote[:, ~alone])
        self._rows: Integers = np.zeros((0, len(authors)), dtype=np.int64)
        self._pivots: list[int] = []

    def admit(self, cells: Iterable[int]) -> bool:
        """Shows the sum of these base cells, unless too small a set would follow from it.

        Returns:
            Whether it may be shown; if not, nothing has changed.
        """
        reduced = self._with(cells)
        if reduced is None:
            return True
        rows, pivots, changed = reduced
        if pivots[-1] >= self._large and self._small_set_follows(rows, pivots, changed):
            return False
        self._rows, self._pivots = rows, pivots
        return True

    def know(self, cells: Iterable[int]) -> None:
        """Takes in a sum that was shown before, whatever follows from it."""
        reduced = self._with(cells)
        if reduced is not None:
            self._rows, self._pivots, _ = reduced

    def _with(self, cells: Iterable[int]) -> tuple[Integers, list[int], set[int]] | None:
        """The rows and pivots with one more sum, and which rows are new or changed by it.

        None where it tells nothing new.
        """
        row = np.zeros(self._rows.shape[1], dtype=np.int64)
        row[[self._column[cell] for cell in cells]] = 1
        row = (row - self._rows[row[self._pivots] == 1].sum(axis=0)) % _PRIME
        if not row.any():
            return None
        pivot = int(np.flatnonzero(row)[0])
        row = row * pow(int(row[pivot]), -1, _PRIME) % _PRIME
        rows = np.vstack([self._rows, row])
        touched = np.flatnonzero(self._rows[:, pivot])
        factors = rows[touched, pivot][:, None]
        rows[touched] = (rows[touched] - factors * row % _PRIME) % _PRIME
        return rows, [*self._pivots, pivot], {len(self._rows), *map(int, touched)}

    def _small_set_follows(
        self, rows: Integers, pivots: Sequence[int], changed: Collection[int]
    ) -> bool:
        """Whether some of the rows, changed ones among them, add up to a set of too few authors.

        Only rows that hang together with changed ones are looked at: of a set that falls into
        unconnected parts each part is a set by itself, and those without a change are known.
        """
        inside = [n for n, pivot in enumerate(pivots) if pivot >= self._large]
        start = np.array([n in changed for n in inside])
        connected = _connected(rows[inside][:, self._large :] != 0, start)
        rows = rows[[inside[n] for n in connected]][:, self._large :]
        signed = [pivots[inside[n]] in self._signed for n in connected]
        found = np.zeros((1, rows.shape[1]), dtype=np.int64)  # the empty set
        work = 0
        for n, row in enumerate(rows):
            more = [found, (found + row) % _PRIME]
            found = np.vstack([*more, (found - row) % _PRIME] if signed[n] else more)
            found = self._possible(found, rows[n + 1 :])
            work += len(found)
            if len(found) > _MOST_CANDIDATES or work > _MOST_WORK:
                return True
        return bool(found.any())

    def _possible(self, found: Integers, to_come: Integers) -> Integers:
        """Leaves out what can no longer become a set, or already has enough authors."""
        settled: NDArray[np.bool_] = np.logical_not(to_come.any(axis=0))
        values = found[:, settled]
        taken_away = (values == _PRIME - 1) & self._is_signed[settled]
        fits = ((values <= 1) | taken_away).all(axis=1)
        found = found[fits]
        is_in = (values[fits] == 1) | (values[fits] == _PRIME - 1)
        few: Integers = found[self._authors(is_in, settled) < self._minimum]
        return few

    def _authors(self, sets: NDArray[np.bool_], settled: NDArray[np.bool_]) -> Integers:
        """How many have written in each of some sets of settled cells.

        Most write in one cell. They are added up without a product of matrices, over which the
        cores of a busy machine would wait for each other longer than it takes.
        """
        authors: Integers = np.where(sets, self._alone[settled], 0).sum(axis=1)
        if self._people.size:
            shared = sets.astype(np.float32) @ self._wrote[settled] > 0
            authors = authors + shared @ self._people
        return authors


def _alike(wrote: NDArray[np.float32]) -> tuple[NDArray[np.float32], Integers]:
    """People who wrote in the same cells as one column, and how many they are."""
    if wrote.size == 0:
        return wrote, np.ones(wrote.shape[1], dtype=np.int64)
    columns, people = np.unique(wrote, axis=1, return_counts=True)
    return columns, people.astype(np.int64)


def _connected(touches: NDArray[np.bool_], start: NDArray[np.bool_]) -> list[int]:
    """The rows that hang together with those at the start by shared columns, last ones first."""
    reached = start
    while True:
        columns = touches[reached].any(axis=0)
        now = touches[:, columns].any(axis=1) | reached
        if (now == reached).all():
            return [int(n) for n in np.flatnonzero(reached)[::-1]]
        reached = now
