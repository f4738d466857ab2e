"""Making the target matter: the same posts with other, opposed and rephrased targets.

Stance labels are indices into ``("favor", "against", "none")``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from classifiers.dataset import LabelledText

_FAVOR, _AGAINST, _NONE = 0, 1, 2
_OPPOSITE = {_FAVOR: _AGAINST, _AGAINST: _FAVOR, _NONE: _NONE}
_OPPOSED = ("opposition to {}", "people against {}", "stopping {}", "anti {}")
_REPHRASED = ("the {}", "supporting {}", "people in favor of {}", "#{}", "the idea of {}")
_WORD = re.compile(r"\w{4,}")


@dataclass(frozen=True)
class TargetAugmentation:
    """Which share of the stance rows gets which change."""

    unrelated: float
    opposed: float
    rephrased: float


def augment(
    rows: Sequence[LabelledText], shares: TargetAugmentation, random: np.random.Generator
) -> list[LabelledText]:
    """Return the rows, some with their target changed and the label changed with it."""
    targets = sorted({row.target for row in rows})
    changed = []
    for row, chance in zip(rows, random.random(len(rows)), strict=True):
        if chance < shares.unrelated:
            changed.append(_unrelated(row, targets, random))
        elif chance < shares.unrelated + shares.opposed:
            pattern = _OPPOSED[random.integers(len(_OPPOSED))]
            changed.append(
                replace(row, target=pattern.format(row.target), label=_OPPOSITE[row.label])
            )
        elif chance < shares.unrelated + shares.opposed + shares.rephrased:
            pattern = _REPHRASED[random.integers(len(_REPHRASED))]
            changed.append(replace(row, target=pattern.format(row.target)))
        else:
            changed.append(row)
    return changed


def _unrelated(
    row: LabelledText, targets: Sequence[str], random: np.random.Generator
) -> LabelledText:
    """Return the row with a target it says nothing about, or as it was if none is found."""
    said = set(_WORD.findall(f"{row.text} {row.target}".lower()))
    for index in random.integers(len(targets), size=5):
        if said.isdisjoint(_WORD.findall(targets[index].lower())):
            return replace(row, target=targets[index], label=_NONE)
    return row
