"""doccano's text classification, JSON lines: a post a line, with labels such as `stance__a:favor`.

doccano names no annotator in a line: an export of several annotators is one file for each,
named after them. What doccano does not know (`post_id`, `platform`, ...) it keeps and gives back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitor.labelfiles.native import json_lines
from monitor.labelfiles.record import (
    Given,
    Item,
    Question,
    Record,
    Reject,
    field_of,
    labels_of,
    named_text,
    questions_by_field,
    record_of,
)

_KEPT = ("post_id", "platform", "sample", "text_digest")


class Doccano:
    """A post a line."""

    def holds(self, start: str) -> bool:
        """Its lines have a `post_id` that we gave, and a list `label`."""
        first = start.split("\n", 1)[0]
        return first.startswith("{") and '"post_id"' in first

    def read(
        self, text: str, questions: Sequence[Question], reject: Reject
    ) -> Iterator[tuple[str, Record]]:
        """As `LabelFile.read`."""
        known = questions_by_field(questions)
        for place, line in json_lines(text, reject):
            labels = line.get("label")
            if not isinstance(labels, list) or "post_id" not in line:
                reject(place, "it has no post_id, or no list of labels")
                continue
            post = {name: line.get(name) for name in _KEPT}
            for label in labels:
                field, _, answer = str(label).partition(":")
                if field not in known:
                    reject(place, f"{str(label)[:40]!r} is no answer to a question of this topic")
                    continue
                said = {name: line.get(name) for name in ("annotator", "at", "decides")}
                yield place, record_of(post, known[field], {"label": answer} | said)

    def write(self, items: Sequence[Item], questions: Sequence[Question]) -> str:
        """As `LabelFile.write`; a line an annotator, as their answers may differ."""
        del questions
        lines = [json.dumps(line, ensure_ascii=False) for item in items for line in _lines(item)]
        return "\n".join(lines) + "\n" if lines else ""


def doccano_labels(questions: Sequence[Question]) -> str:
    """Returns the labels to import into a doccano project, as JSON."""
    names = [f"{field_of(one)}:{label}" for one in questions for label in labels_of(one)]
    return json.dumps([{"text": name} for name in names], indent=1) + "\n"


def _lines(item: Item) -> Iterator[Mapping[str, Any]]:
    about = {"text": item.text, "post_id": item.native_id, "platform": item.platform}
    about |= {"sample": item.sample} | named_text(item)
    by_annotation: dict[tuple[str, str, bool], list[Given]] = {}
    for given in item.answers:
        by_annotation.setdefault((given.annotator, given.at, given.decides), []).append(given)
    for (annotator, at, decides), answers in by_annotation.items():
        labels = [f"{field_of((one.head, one.target))}:{one.label}" for one in answers]
        told = {"at": at} if at else {}
        yield (
            about
            | {"label": labels, "annotator": annotator}
            | told
            | ({"decides": True} if decides else {})
        )
    if not item.answers:
        yield about | {"label": []}
