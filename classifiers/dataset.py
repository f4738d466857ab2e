"""Labelled texts: reading them, drawing from them, and a fingerprint of what was read."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.errors import BadExampleError, TrainingError
from classifiers.heads.relevance import HEAD as RELEVANCE
from classifiers.heads.stance import HEAD as STANCE
from classifiers.label_head import LabelHead
from classifiers.labels_by_id import rows_by_id
from classifiers.written_posts import is_written, written_rows

NO_STANCE = STANCE.labels.index("none")
RELEVANT, OFF_TOPIC = (RELEVANCE.labels.index(label) for label in ("relevant", "off_topic"))


@dataclass(frozen=True)
class LabelledText:
    """A text with the answers of one or more heads.

    Attributes:
        id: The row's id.
        text: The post.
        target: The target's text, "" where no head needs one.
        labels: From a head's name to the index of its label.
    """

    id: str
    text: str
    target: str
    labels: Mapping[str, int]


def read_labelled(
    path: Path, head: LabelHead, texts: Mapping[str, str] | None = None
) -> list[LabelledText]:
    """Return the rows of a JSON lines file (``id``, ``text``, ``target``, ``label``).

    So are those of posts written for training (``classifiers/written_posts.py``), which answer
    stance, and sentiment where they say so; and labels by id (``classifiers/labels_by_id.py``).

    A stance row also answers relevance: a post that takes a side is relevant, and so, or not,
    is one whose field ``relevant`` says so.

    Args:
        path: The file.
        head: What its labels answer.
        texts: If the file has ids and labels alone: from an id to its text.

    Raises:
        TrainingError: The file is missing.
        BadExampleError: A row has a label that the head does not know, or lacks a field, or there
            is no row.
    """
    found = _rows(path, of_targets=head.takes_target, texts=texts)
    rows = [_row(fields, head, place) for place, fields in found]
    if not rows:
        raise BadExampleError(
            f"{path} has no row that answers {head.name}", hint="leave the set out, or label it"
        )
    return rows


def read_texts(path: Path) -> list[LabelledText]:
    """Return the texts of a JSON lines file (``id``, ``text``) without any label.

    Raises:
        TrainingError: The file is missing.
        BadExampleError: A row has no text.
    """
    return [
        LabelledText(str(fields.get("id", place)), fields["text"], "", {})
        for place, fields in _rows(path, of_targets=False)
    ]


def texts_by_id(data: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the training texts of sets in the data's folder, by their ids.

    Raises:
        TrainingError: A set is missing.
        BadExampleError: A row has no text.
    """
    return {row.id: row.text for name in names for row in read_texts(data / name / "train.jsonl")}


def _rows(
    path: Path, *, of_targets: bool, texts: Mapping[str, str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row's place and fields, a text among them."""
    if not path.is_file():
        raise TrainingError(f"no data at {path}", hint="give the data's folder with --data")
    if texts is not None:
        yield from rows_by_id(path, texts, of_targets=of_targets)
        return
    if is_written(path):
        yield from written_rows(path, of_targets=of_targets)
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"{path.name}:{number}", _fields(line, f"{path.name}:{number}")


def _fields(line: bytes, place: str) -> dict[str, Any]:
    """Return one row's fields, or raise with its place."""
    try:
        fields = json.loads(line)  # bytes: a byte order mark is passed over
    except (ValueError, RecursionError) as exc:
        raise BadExampleError(f"{place}: not JSON", hint="one object a line is wanted") from exc
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise BadExampleError(f"{place}: no text", hint="every row needs a text")
    return fields


def _row(fields: Mapping[str, Any], head: LabelHead, place: str) -> LabelledText:
    """Return one labelled row, or raise with its place."""
    if fields.get("label") not in head.labels:
        raise BadExampleError(
            f"{place}: label {fields.get('label')!r} is not one of {', '.join(head.labels)}",
            hint="every row needs a text and one of the head's labels",
        )
    target = str(fields.get("target") or "") if head.takes_target else ""
    labels = {head.name: head.labels.index(fields["label"]), **_relevance(fields, head)}
    return LabelledText(str(fields.get("id", place)), fields["text"], target, labels)


def _relevance(fields: Mapping[str, Any], head: LabelHead) -> dict[str, int]:
    """Return what a stance row says of relevance, if anything."""
    if head.name != STANCE.name:
        return {}
    if "relevant" in fields:
        return {RELEVANCE.name: RELEVANT if fields["relevant"] else OFF_TOPIC}
    return {RELEVANCE.name: RELEVANT} if fields["label"] != "none" else {}


def without_contradictions(rows: Sequence[LabelledText]) -> list[LabelledText]:
    """Return stance rows without each ``none`` whose text and target also have another label.

    VAST's ``none`` rows were made by pairing a comment with a target that it does not speak
    about. The copy used names the comment's own target instead: the same text and target as a
    row that takes a side. Nothing can be learnt from such a row.
    """
    sides: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in rows:
        sides[row.text, row.target].add(row.labels[STANCE.name])
    return [
        row
        for row in rows
        if row.labels[STANCE.name] != NO_STANCE or sides[row.text, row.target] == {NO_STANCE}
    ]


def with_relevance(rows: Sequence[LabelledText], words: str) -> list[LabelledText]:
    """Return stance rows whose ``none`` answer relevance by whether the text has such words.

    Args:
        rows: Stance rows.
        words: A regular expression, matched anywhere without regard to case.
    """
    spoken = re.compile(words, re.IGNORECASE)

    def answered(row: LabelledText) -> LabelledText:
        if RELEVANCE.name in row.labels:
            return row
        answer = RELEVANT if spoken.search(row.text) else OFF_TOPIC
        return LabelledText(row.id, row.text, row.target, {**row.labels, RELEVANCE.name: answer})

    return [answered(row) for row in rows]


def draw(
    rows: Sequence[LabelledText], head: str, count: int, random: np.random.Generator
) -> list[LabelledText]:
    """Return ``count`` rows: all of them as often as they fit, then a draw of the rest.

    The draw prefers rare pairs of target and label (weight: their count to the power -0.5),
    so that a set with few targets does not drown the others.
    """
    whole, rest = divmod(count, len(rows))
    frequency = Counter((row.target, row.labels[head]) for row in rows)
    weights = np.array([frequency[row.target, row.labels[head]] ** -0.5 for row in rows])
    picked = random.choice(len(rows), size=rest, replace=False, p=weights / weights.sum())
    return list(rows) * whole + [rows[index] for index in picked]


def fingerprint(parts: Iterable[Sequence[LabelledText]]) -> str:
    """Return 12 hex digits that change with any row of any part."""
    digest = hashlib.sha256()
    for part in parts:
        for row in part:
            said = repr((row.id, row.text, row.target, sorted(row.labels.items())))
            digest.update(said.encode("utf-8", "replace"))
    return digest.hexdigest()[:12]
