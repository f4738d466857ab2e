"""Human labels: from a label file into the store, and out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast, get_args

from classifiers.errors import ClassifierError
from classifiers.heads import head as head_named
from monitor.errors import LabelError
from monitor.labelfiles.record import FIELDS
from monitor.labelfiles.shapes import shape_of
from monitor.pipeline.classify import questions_of
from monitor.post_ids import PostIds
from monitor.store.store import Store
from monitor.store.values import HumanLabel, LabelSample
from monitor.topic import Topic

BATCH = 1000
UNNAMED = "unnamed"
"""The annotator of labels that name nobody."""
_YES = ("yes", "true", "1")


@dataclass(slots=True)
class LabelsImported:
    """What became of a label file's records: each in exactly one of the counts.

    Attributes:
        counts: `LabelOutcome`'s counts, and `rejected`.
        problems: The first rejections, each with its line.
        copies: How many posts with the text of a labelled one took its labels.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    copies: int = 0

    def reject(self, place: str, why: str) -> None:
        """Counts a record that is no label."""
        self.counts["rejected"] += 1
        if len(self.problems) < 20:
            self.problems.append(f"{place}: {why}")


@dataclass(frozen=True, slots=True)
class LabelStep:
    """Takes label files in, of any shape in `monitor.labelfiles`.

    Attributes:
        ids: The topic's: files may name posts by the platform's id or by its seal.
    """

    store: Store
    ids: PostIds
    clock: Callable[[], datetime]

    def import_file(
        self, topic: Topic, path: Path, *, shape: str = "auto", annotator: str = ""
    ) -> LabelsImported:
        """Stores every good label, also for copies; a bad one is counted with its place.

        Args:
            topic: The topic that the posts belong to.
            path: The file.
            shape: A name of `SHAPES`, or `auto`.
            annotator: Who gave the answers that name nobody.

        Raises:
            LabelError: The file cannot be read at all.
        """
        text, imported = _text_of(path), LabelsImported()
        # What the file says is of the targets' present texts.
        self.store.sync_targets(topic.name, topic.target_texts)
        batch: list[HumanLabel] = []
        try:
            records = shape_of(text, shape).read(text, questions_of(topic), imported.reject)
            for place, record in records:
                self._take(topic, (place, record, annotator), batch, imported)
        except LabelError as error:
            raise LabelError(f"{path}: {error}", hint=error.hint) from error
        self._save(topic, batch, imported)
        imported.copies = self.echo(topic)
        return imported

    def echo(self, topic: Topic) -> int:
        """Labels copies of labelled texts with those texts' labels; returns how many."""
        return self.store.echo_labels(topic.name, questions_of(topic), topic.languages, topic.span)

    def _take(
        self,
        topic: Topic,
        found: tuple[str, Mapping[str, Any], str],
        batch: list[HumanLabel],
        imported: LabelsImported,
    ) -> None:
        place, record, annotator = found
        try:
            label = parse_label(topic, record, self.clock())
        except LabelError as error:
            imported.reject(place, str(error))
            return
        who = label.annotator or annotator or UNNAMED
        batch.append(replace(label, native_id=self.ids.seal(label.native_id), annotator=who))
        if len(batch) == BATCH:
            self._save(topic, batch, imported)

    def _save(self, topic: Topic, batch: list[HumanLabel], imported: LabelsImported) -> None:
        if not batch:
            return
        outcome = self.store.save_labels(topic.name, batch, at=self.clock())
        imported.counts.update(
            stored=outcome.stored,
            repeated=outcome.repeated,
            changed=outcome.changed,
            unknown_post=outcome.unknown_post,
            edited_post=outcome.edited_post,
        )
        batch.clear()


def parse_label(topic: Topic, record: Mapping[str, Any], now: datetime) -> HumanLabel:
    """Reads one record of a label file; the annotator is empty where it names none.

    Raises:
        LabelError: A field is missing or does not fit the topic, or the answer is of the future.
    """
    values = {name: _text(record, name) for name in FIELDS}
    for name in ("id", "head", "label"):
        if not values[name]:
            raise LabelError(f"field {name!r} is missing or empty")
    sample = values["sample"] or "other"
    if sample not in get_args(LabelSample):
        raise LabelError(f"sample {sample!r} is none of {', '.join(get_args(LabelSample))}")
    if values["decides"].lower() not in ("", "no", "false", "0", *_YES):
        raise LabelError(f"decides {values['decides'][:40]!r} is neither yes nor no")
    _check_answer(topic, values)
    return HumanLabel(
        native_id=values["id"],
        platform=values["platform"] or None,
        head=values["head"],
        target=values["target"],
        label=values["label"],
        annotator=values["annotator"],
        sample=cast(LabelSample, sample),
        at=_moment(values["at"], now),
        decides=values["decides"].lower() in _YES,
        text_digest=values["text_digest"] or None,
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


def _dated(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if not 1970 <= at.year < 9999:  # Some tools write an empty date as one of the year 1.
        raise ValueError(f"the year {at.year}")
    return at


def _moment(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        at = _dated(text)
    except ValueError as error:
        raise LabelError(f"at {text[:40]!r} is no time such as 2020-06-01T09:30:00Z") from error
    if at.utcoffset() is None:
        raise LabelError(f"at {text[:40]!r} names no time zone")
    if at > now:
        raise LabelError(f"at {text[:40]} is later than now ({now.isoformat()})")
    return at.astimezone(UTC)


def _text_of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(
            f"{path} cannot be read: {error.__class__.__name__}",
            hint="a label file is text in UTF-8; see docs/labels.md",
        ) from error
    if not text.strip():
        raise LabelError(f"{path} is empty", hint="see docs/labels.md for a label file's fields")
    return text


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if name == "decides" and isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LabelError(f"field {name!r} is not a text")
    text = str(value)
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise LabelError(f"field {name!r} holds characters that no text may hold")
    return text.strip()
