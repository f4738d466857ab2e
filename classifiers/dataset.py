"""Labelled texts: reading them, drawing from them, and a fingerprint of what was read."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifiers.errors import BadExampleError, TrainingError
from classifiers.label_head import LabelHead


@dataclass(frozen=True)
class LabelledText:
    """A text with one head's answer; ``target`` is the target's text, "" where none."""

    id: str
    text: str
    target: str
    label: int


def read_labelled(path: Path, head: LabelHead) -> list[LabelledText]:
    """Return the rows of a JSON lines file (``id``, ``text``, ``target``, ``label``).

    Raises:
        TrainingError: The file is missing.
        BadExampleError: A row has a label that the head does not know, or lacks a field.
    """
    if not path.is_file():
        raise TrainingError(f"no data at {path}", hint="give the data's folder with --data")
    with path.open(encoding="utf-8") as lines:
        return [_row(json.loads(line), head, f"{path.name}:{n}") for n, line in enumerate(lines, 1)]


def _row(fields: dict[str, str], head: LabelHead, place: str) -> LabelledText:
    """Return one row, or raise with its place."""
    if "text" not in fields or fields.get("label") not in head.labels:
        raise BadExampleError(
            f"{place}: label {fields.get('label')!r} is not one of {', '.join(head.labels)}",
            hint="every row needs a text and one of the head's labels",
        )
    target = fields.get("target", "") if head.takes_target else ""
    label = head.labels.index(fields["label"])
    return LabelledText(str(fields.get("id", place)), fields["text"], target, label)


def draw(
    rows: Sequence[LabelledText], count: int, random: np.random.Generator
) -> list[LabelledText]:
    """Return ``count`` rows: all of them as often as they fit, then a draw of the rest.

    The draw prefers rare pairs of target and label (weight: their count to the power -0.5),
    so that a set with few targets does not drown the others.
    """
    whole, rest = divmod(count, len(rows))
    frequency = Counter((row.target, row.label) for row in rows)
    weights = np.array([frequency[row.target, row.label] ** -0.5 for row in rows])
    picked = random.choice(len(rows), size=rest, replace=False, p=weights / weights.sum())
    return list(rows) * whole + [rows[index] for index in picked]


def fingerprint(parts: Iterable[Sequence[LabelledText]]) -> str:
    """Return 12 hex digits that change with any row of any part."""
    digest = hashlib.sha256()
    for part in parts:
        for row in part:
            said = repr((row.id, row.text, row.target, row.label))
            digest.update(said.encode("utf-8", "replace"))
    return digest.hexdigest()[:12]
