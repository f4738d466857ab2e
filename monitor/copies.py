"""Which texts are copies of earlier ones: identical, or nearly so."""

from __future__ import annotations

import re

from rensa import RMinHash, RMinHashLSH

LIKE = 0.8
"""Part of two texts' word triples that has to be the same."""
PERMUTATIONS, BANDS = 128, 16
FEWEST_WORDS = 6
"""Shorter texts are copies only where their words are the same: they have few triples."""

_WORD = re.compile(r"\w+")


class CopyFinder:
    """Compares texts with those that it has been shown before, by MinHash.

    The first of a set of copies is none itself, so the answers depend on the order of the
    texts. A text that is nearly like a copy, but not like the first, is no copy.
    """

    def __init__(self) -> None:
        self._index = RMinHashLSH(threshold=LIKE, num_perm=PERMUTATIONS, num_bands=BANDS)
        self._firsts: dict[int, RMinHash] = {}
        self._words: dict[tuple[str, ...], int] = {}
        self._count = 0

    def is_copy(self, text: str) -> bool:
        """Tells whether the text is a copy, and remembers it if not; no text is none."""
        before = self._count
        return bool(_WORD.search(text)) and self.number_of(text) < before

    def number_of(self, text: str) -> int:
        """Returns the number of the first text that this is a copy of, else a new number."""
        words = tuple(_WORD.findall(text.casefold()))
        if words in self._words:
            return self._words[words]
        number = self._like(words) if len(words) >= FEWEST_WORDS else None
        if number is None:
            number = self._count
            self._count += 1
            if words:
                self._words[words] = number
        return number

    def _like(self, words: tuple[str, ...]) -> int | None:
        """The number of a text with nearly the same words; remembers them if there is none."""
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update([" ".join(words[n : n + 3]) for n in range(len(words) - 2)])
        for number in self._index.query(sketch):
            if self._firsts[number].jaccard(sketch) >= LIKE:
                return int(number)
        self._index.insert(self._count, sketch)
        self._firsts[self._count] = sketch
        return None
