"""How the probabilities of a prediction are written into one column."""

from __future__ import annotations

from collections.abc import Sequence

SCALE = 10_000
"""Probabilities are stored as whole numbers of this part, so that sums do not depend on order."""


def pack(scores: Sequence[int]) -> str:
    """Writes scores as `812,9100,88`."""
    return ",".join(map(str, scores))


def unpack(packed: str) -> tuple[int, ...]:
    """Reads what `pack` wrote."""
    return tuple(map(int, packed.split(",")))
