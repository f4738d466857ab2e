"""Argilla's records, as `dataset.records.to_json` writes them (version 2): a question a label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitor.labelfiles.label_studio import listed
from monitor.labelfiles.record import (
    Item,
    Question,
    Record,
    Reject,
    field_of,
    named_text,
    questions_by_field,
    record_of,
)


class Argilla:
    """A list of records with their responses."""

    def holds(self, start: str) -> bool:
        """Its records have `fields`."""
        return start.startswith("[") and '"fields"' in start

    def read(
        self, text: str, questions: Sequence[Question], reject: Reject
    ) -> Iterator[tuple[str, Record]]:
        """As `LabelFile.read`; drafts, discarded responses and suggestions are no answers."""
        known = questions_by_field(questions)
        for number, record in enumerate(listed(text, "Argilla"), 1):
            place = f"record {number}"
            responses = record.get("responses") if isinstance(record, dict) else None
            if not isinstance(responses, dict):
                reject(place, "it has no responses")
                continue
            post = dict(record.get("metadata") or {})
            post.setdefault("id", record.get("id"))
            for name, given in responses.items():
                if name not in known:
                    reject(place, f"{str(name)[:40]!r} is no question of this topic")
                    continue
                yield from _answers(place, post, known[name], given)

    def write(self, items: Sequence[Item], questions: Sequence[Question]) -> str:
        """As `LabelFile.write`."""
        del questions
        records = [_record(item) for item in items]
        return json.dumps(records, ensure_ascii=False, indent=1) + "\n"


def _answers(
    place: str, post: Mapping[str, Any], question: Question, given: Any
) -> Iterator[tuple[str, Record]]:
    for response in given if isinstance(given, list) else []:
        if not isinstance(response, dict) or response.get("status") in ("draft", "discarded"):
            continue
        said = {
            "label": response.get("value"),
            "annotator": response.get("user_id"),
            "at": response.get("at"),
            "decides": response.get("decides"),
        }
        yield place, record_of(post, question, said)


def _record(item: Item) -> dict[str, Any]:
    responses: dict[str, list[dict[str, Any]]] = {}
    for given in item.answers:
        one: dict[str, Any] = {"value": given.label, "user_id": given.annotator}
        one |= {"status": "submitted"} | ({"at": given.at} if given.at else {})
        one |= {"decides": True} if given.decides else {}
        responses.setdefault(field_of((given.head, given.target)), []).append(one)
    metadata = {"id": item.native_id, "platform": item.platform, "sample": item.sample}
    return {
        "id": f"{item.platform}/{item.native_id}",
        "fields": {"text": item.text},
        "metadata": metadata | named_text(item),
        "suggestions": {},
        "responses": responses,
        "vectors": {},
        "status": "completed" if item.answers else "pending",
    }
