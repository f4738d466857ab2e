"""Ends of intervals are rounded outwards: no interval reads narrower than it is."""

from __future__ import annotations

import math

_NOISE = 6
"""Digits of a step that count; what is finer is floating point, 0.29 * 100 = 28.999999999999996."""


def rounded_down(low: float, digits: int = 2) -> float:
    """A lower end, to whole percent unless told otherwise."""
    return math.floor(round(low * 10.0**digits, _NOISE)) / 10.0**digits


def rounded_up(high: float, digits: int = 2) -> float:
    """An upper end, to whole percent unless told otherwise."""
    return math.ceil(round(high * 10.0**digits, _NOISE)) / 10.0**digits
