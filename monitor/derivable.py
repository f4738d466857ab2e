"""What an adversary can work out from released counts by adding and subtracting them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_PRIME = 2_147_483_647
"""Sums are combined in arithmetic modulo this: exact, and a product fits into 64 bits."""
_MOST_CANDIDATES = 2048
"""Beyond so many open combinations the search gives up and refuses."""


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
    """

    def __init__(self, authors: Sequence[frozenset[int]], minimum: int) -> None:
        self._minimum = minimum
        order = sorted(range(len(authors)), key=lambda cell: len(authors[cell]) < minimum)
        self._column = {cell: column for column, cell in enumerate(order)}
        small = [authors[cell] for cell in order if len(authors[cell]) < minimum]
        self._large = len(authors) - len(small)
        people = {person: n for n, person in enumerate(sorted(set[int]().union(*small)))}
        self._wrote = np.zeros((len(small), len(people)), dtype=np.float32)
        for cell, those in enumerate(small):
            self._wrote[cell, [people[person] for person in those]] = 1
        self._rows: Integers = np.zeros((0, len(authors)), dtype=np.int64)
        self._pivots: list[int] = []

    def admit(self, cells: Iterable[int]) -> bool:
        """Shows the sum of these base cells, unless too small a set would follow from it.

        Returns:
            Whether it may be shown; if not, nothing has changed.
        """
        row = np.zeros(self._rows.shape[1], dtype=np.int64)
        row[[self._column[cell] for cell in cells]] = 1
        row = (row - self._rows[row[self._pivots] == 1].sum(axis=0)) % _PRIME
        if not row.any():
            return True
        pivot = int(np.flatnonzero(row)[0])
        row = row * pow(int(row[pivot]), -1, _PRIME) % _PRIME
        others = (self._rows - np.outer(self._rows[:, pivot], row) % _PRIME) % _PRIME
        rows, pivots = np.vstack([others, row]), [*self._pivots, pivot]
        if pivot >= self._large and self._small_set_follows(rows, pivots):
            return False
        self._rows, self._pivots = rows, pivots
        return True

    def _small_set_follows(self, rows: Integers, pivots: Sequence[int]) -> bool:
        """Whether some of the rows add up to a set of too few authors."""
        inside = [n for n, pivot in enumerate(pivots) if pivot >= self._large]
        rows = rows[inside][:, self._large :]
        found = np.zeros((1, rows.shape[1]), dtype=np.int64)  # the empty set
        for n, row in enumerate(rows):
            found = np.vstack([found, (found + row) % _PRIME])
            found = self._possible(found, rows[n + 1 :])
            if len(found) > _MOST_CANDIDATES:
                return True
        return bool(found.any())

    def _possible(self, found: Integers, to_come: Integers) -> Integers:
        """Leaves out what can no longer become a set, or already has enough authors."""
        settled = ~to_come.any(axis=0)
        found = found[(found[:, settled] <= 1).all(axis=1)]
        authors = (found[:, settled] == 1).astype(np.float32) @ self._wrote[settled]
        few: Integers = found[np.count_nonzero(authors, axis=1) < self._minimum]
        return few
