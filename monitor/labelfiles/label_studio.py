"""Label Studio's tasks (https://labelstud.io/guide/task_format): a `Choices` per question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from monitor.errors import LabelError
from monitor.labelfiles.record import (
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


class LabelStudio:
    """A list of tasks with their annotations."""

    def holds(self, start: str) -> bool:
        """Its tasks have `data`, or `annotations`."""
        return start.startswith("[") and ('"annotations"' in start or '"data"' in start)

    def read(
        self, text: str, questions: Sequence[Question], reject: Reject
    ) -> Iterator[tuple[str, Record]]:
        """As `LabelFile.read`; cancelled annotations and predictions are no answers."""
        known = questions_by_field(questions)
        for number, task in enumerate(listed(text, "Label Studio"), 1):
            place = f"task {number}"
            data = task.get("data") if isinstance(task, dict) else None
            if not isinstance(data, dict):
                reject(place, "it has no data")
                continue
            for annotation in _dicts(task.get("annotations")):
                if not annotation.get("was_cancelled"):
                    yield from _answers(place, data, annotation, (known, reject))

    def write(self, items: Sequence[Item], questions: Sequence[Question]) -> str:
        """As `LabelFile.write`."""
        del questions
        tasks = [_task(number, item) for number, item in enumerate(items, 1)]
        return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"


def label_studio_config(questions: Sequence[Question]) -> str:
    """Returns the labelling interface to paste into a Label Studio project."""
    parts = ['<View>\n  <Text name="text" value="$text"/>']
    for question in questions:
        name, title = quoteattr(field_of(question)), quoteattr(" ".join(question).strip())
        choices = "".join(
            f"\n    <Choice value={quoteattr(label)}/>" for label in labels_of(question)
        )
        parts.append(
            f"  <Header value={title}/>\n"
            f'  <Choices name={name} toName="text" choice="single" required="true">'
            f"{choices}\n  </Choices>"
        )
    return "\n".join([*parts, "</View>\n"])


def listed(text: str, maker: str) -> list[Any]:
    """Returns a file that is one list.

    Raises:
        LabelError: It is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabelError(
            f"it is no JSON export of {maker}", hint="export as JSON, not as CSV or a table"
        ) from error
    if not isinstance(found, list):
        raise LabelError(f"it is no list, as a JSON export of {maker} is")
    return found


def _answers(
    place: str,
    data: Mapping[str, Any],
    annotation: Mapping[str, Any],
    how: tuple[Mapping[str, Question], Reject],
) -> Iterator[tuple[str, Record]]:
    known, reject = how
    who = annotation.get("completed_by")
    number = who.get("id") if isinstance(who, dict) else who  # never the mail address beside it
    annotator = annotation.get("annotator") or f"ls-{number}"
    for result in _dicts(annotation.get("result")):
        question = known.get(str(result.get("from_name")))
        value = result.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if question is None or not isinstance(choices, list) or len(choices) != 1:
            reject(place, "a result is not one choice of a question of this topic")
            continue
        at = annotation.get("updated_at") or annotation.get("created_at")
        said = {"label": choices[0], "annotator": annotator, "at": at}
        if annotation.get("ground_truth"):
            said["decides"] = True
        yield place, record_of(data, question, said)


def _task(number: int, item: Item) -> dict[str, Any]:
    by_annotation: dict[tuple[str, str, bool], list[dict[str, Any]]] = {}
    for given in item.answers:
        results = by_annotation.setdefault((given.annotator, given.at, given.decides), [])
        results.append(
            {
                "from_name": field_of((given.head, given.target)),
                "to_name": "text",
                "type": "choices",
                "value": {"choices": [given.label]},
            }
        )
    data = {"text": item.text, "id": item.native_id, "platform": item.platform}
    return {
        "id": number,
        "data": data | {"sample": item.sample} | named_text(item),
        "annotations": [
            {
                "annotator": annotator,
                "created_at": at or None,
                "ground_truth": decides,
                "was_cancelled": False,
                "result": results,
            }
            for (annotator, at, decides), results in by_annotation.items()
        ],
    }


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
