"""How the probabilities of a prediction are written into one column."""

from __future__ import annotations

from collections.abc import Sequence


def pack(scores: Sequence[int]) -> str:
    """Writes scores as `812,9100,88`."""
    return ",".join(map(str, scores))


def unpack(packed: str) -> tuple[int, ...]:
    """Reads what `pack` wrote."""
    return tuple(map(int, packed.split(",")))
