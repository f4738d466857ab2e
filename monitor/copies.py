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
        self._firsts: list[RMinHash] = []
        self._words: set[tuple[str, ...]] = set()

    def is_copy(self, text: str) -> bool:
        """Tells whether the text is a copy, and remembers it if not; no text is none."""
        words = tuple(_WORD.findall(text.casefold()))
        if not words:
            return False
        if words in self._words:
            return True
        if len(words) >= FEWEST_WORDS and not self._is_new(words):
            return True
        self._words.add(words)
        return False

    def _is_new(self, words: tuple[str, ...]) -> bool:
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update([" ".join(words[n : n + 3]) for n in range(len(words) - 2)])
        if any(self._firsts[n].jaccard(sketch) >= LIKE for n in self._index.query(sketch)):
            return False
        self._index.insert(len(self._firsts), sketch)
        self._firsts.append(sketch)
        return True
