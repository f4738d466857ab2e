"""Human labels: from a label file into the store, and out again."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

from classifiers.errors import ClassifierError
from classifiers.heads import head as head_named
from monitor.errors import LabelError
from monitor.post_ids import PostIds
from monitor.spreadsheet import read_cell
from monitor.store.store import Store
from monitor.store.values import HumanLabel, LabelSample
from monitor.topic import Topic

FIELDS = ("id", "platform", "head", "target", "label", "annotator", "sample")
BATCH = 1000


@dataclass(slots=True)
class LabelsImported:
    """What became of a label file's records: each in exactly one of the counts.

    Attributes:
        counts: `LabelOutcome`'s counts, and `rejected`.
        problems: The first rejections, each with its line.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def reject(self, place: str, why: str) -> None:
        """Counts a record that is no label."""
        self.counts["rejected"] += 1
        if len(self.problems) < 20:
            self.problems.append(f"{place}: {why}")


@dataclass(frozen=True, slots=True)
class LabelStep:
    """Takes label files in (JSON lines or CSV).

    Attributes:
        ids: The topic's: files may name posts by the platform's id or by its seal.
    """

    store: Store
    ids: PostIds
    clock: Callable[[], datetime]

    def import_file(self, topic: Topic, path: Path) -> LabelsImported:
        """Stores every good label; a bad one is counted with its line.

        Raises:
            LabelError: The file cannot be read at all.
        """
        imported = LabelsImported()
        batch: list[HumanLabel] = []
        for place, record in _records(path, imported):
            try:
                label = parse_label(topic, record)
                batch.append(replace(label, native_id=self.ids.seal(label.native_id)))
            except LabelError as error:
                imported.reject(place, str(error))
            if len(batch) == BATCH:
                self._save(topic, batch, imported)
        self._save(topic, batch, imported)
        return imported

    def _save(self, topic: Topic, batch: list[HumanLabel], imported: LabelsImported) -> None:
        if not batch:
            return
        outcome = self.store.save_labels(topic.name, batch, at=self.clock())
        imported.counts.update(
            stored=outcome.stored,
            repeated=outcome.repeated,
            changed=outcome.changed,
            unknown_post=outcome.unknown_post,
        )
        batch.clear()


def parse_label(topic: Topic, record: Mapping[str, Any]) -> HumanLabel:
    """Reads one record of a label file.

    Raises:
        LabelError: A field is missing or does not fit the topic.
    """
    values = {name: _text(record, name) for name in FIELDS}
    for name in ("id", "head", "label"):
        if not values[name]:
            raise LabelError(f"field {name!r} is missing or empty")
    sample = values["sample"] or "other"
    if sample not in get_args(LabelSample):
        raise LabelError(f"sample {sample!r} is none of {', '.join(get_args(LabelSample))}")
    _check_answer(topic, values)
    return HumanLabel(
        native_id=values["id"],
        platform=values["platform"] or None,
        head=values["head"],
        target=values["target"],
        label=values["label"],
        annotator=values["annotator"] or "unnamed",
        sample=cast(LabelSample, sample),
    )


def _check_answer(topic: Topic, values: dict[str, str]) -> None:
    try:
        head = head_named(values["head"])
    except ClassifierError as error:
        raise LabelError(str(error)) from error
    if values["label"] not in head.labels:
        raise LabelError(f"label {values['label']!r} is none of {', '.join(head.labels)}")
    if not head.takes_target:
        values["target"] = ""  # a file with one target column for all heads is fine
        return
    known = [target.name for target in topic.targets]
    if values["target"] not in known:
        raise LabelError(f"target {values['target']!r} is none of the topic's: {', '.join(known)}")


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LabelError(f"field {name!r} is not a text")
    text = str(value)
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise LabelError(f"field {name!r} holds characters that no text may hold")
    return text.strip()


def _records(path: Path, imported: LabelsImported) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every record with its line; a line that is none is counted."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(
            f"{path} cannot be read: {error.__class__.__name__}",
            hint="a label file is JSON lines or CSV in UTF-8",
        ) from error
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise LabelError(f"{path} is empty", hint="see docs/labels.md for a label file's fields")
    if first.lstrip().startswith("{"):
        return _json_records(lines, imported)
    return _csv_records(path, text, imported)


def _json_records(
    lines: Iterable[str], imported: LabelsImported
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            imported.reject(f"line {number}", "not JSON")
            continue
        if isinstance(record, dict):
            yield f"line {number}", record
        else:
            imported.reject(f"line {number}", "not a JSON object")


def _csv_records(
    path: Path, text: str, imported: LabelsImported
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    if not {"id", "head", "label"} <= set(reader.fieldnames or ()):
        raise LabelError(
            f"{path} is neither JSON lines nor a CSV with columns id, head and label",
            hint="see docs/labels.md for a label file's fields",
        )
    try:
        for record in reader:
            yield f"line {reader.line_num}", {name: _cell(value) for name, value in record.items()}
    except csv.Error as error:
        imported.reject(f"line {reader.line_num}", f"broken CSV: {error}")


def _cell(value: Any) -> Any:
    """As it was before an export made it harmless; what a line has too much of is a list."""
    return read_cell(value) if isinstance(value, str) else value
