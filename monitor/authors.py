"""How many different people: a sketch of pseudonyms that can be merged and outlives them."""

from __future__ import annotations

from collections.abc import Iterable

from datasketches import (
    compact_theta_sketch,
    theta_a_not_b,
    theta_union,
    update_theta_sketch,
)

LG_SKETCH_SIZE = 11
"""2**11 hashes: exact up to 2,048 authors, beyond that a standard error of 2.2 %; 16 KB at most."""


class AuthorSketch:
    """Distinct authors as bytes: a theta sketch trimmed to its smallest hashes.

    The bytes depend on the set of pseudonyms alone: not on their order, their repetitions, or
    how they were spread over sketches that were merged later. (An untrimmed theta sketch keeps
    a number of hashes that depends on the order in which they came.)
    """

    @staticmethod
    def of(pseudonyms: Iterable[str]) -> bytes:
        """Sketches a set of pseudonyms."""
        sketch = update_theta_sketch(lg_k=LG_SKETCH_SIZE)
        for pseudonym in pseudonyms:
            sketch.update(pseudonym)
        sketch.trim()
        return bytes(sketch.compact(ordered=True).serialize())

    @staticmethod
    def union(sketches: Iterable[bytes]) -> bytes:
        """Merges sketches: the result counts every author once."""
        union = theta_union(lg_k=LG_SKETCH_SIZE)
        for sketch in sketches:
            union.update(compact_theta_sketch.deserialize(sketch))
        return bytes(union.get_result(ordered=True).serialize())

    @staticmethod
    def count(sketch: bytes) -> int:
        """The number of distinct authors, rounded."""
        estimate: float = compact_theta_sketch.deserialize(sketch).get_estimate()
        return round(estimate)

    @staticmethod
    def hashes(sketch: bytes) -> frozenset[int]:
        """One number per author; of more than 2,048 authors only those kept.

        Two sketches' sets overlap where their authors do.
        """
        return frozenset(compact_theta_sketch.deserialize(sketch))

    @staticmethod
    def without(one: bytes, other: bytes) -> bytes:
        """Sketches those who are in one sketch and not in the other."""
        left = theta_a_not_b().compute(
            compact_theta_sketch.deserialize(one), compact_theta_sketch.deserialize(other)
        )
        return bytes(left.serialize())

    @staticmethod
    def difference(one: bytes, other: bytes) -> frozenset[int]:
        """The hashes of those who are in one sketch and not in the other.

        Of sketches of more than 2,048 authors only as many as both tell apart: some of them, and
        not how many there are (`without` is for counting).
        """
        return AuthorSketch.hashes(AuthorSketch.without(one, other))

    @staticmethod
    def exchange(sketch: bytes, gone: bytes, instead: bytes) -> bytes:
        """A sketch with others in the place of some authors, where any of them is in it."""
        left = AuthorSketch.without(sketch, gone)
        if len(AuthorSketch.hashes(left)) == len(AuthorSketch.hashes(sketch)):
            return sketch
        return AuthorSketch.union([left, instead])
