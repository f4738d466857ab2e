"""Our own label files: an answer a line, as JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from monitor.errors import LabelError
from monitor.labelfiles.record import FIELDS, Item, Question, Record, Reject, named_text
from monitor.spreadsheet import csv_cell, read_cell

_COLUMNS = ("id", "platform", "text", *FIELDS[2:])
_OF_TEXT = ("text", "text_digest")


class JsonLines:
    """An object a line."""

    def holds(self, start: str) -> bool:
        """Each line is an object, so the file begins with one."""
        return start.startswith("{")

    def read(
        self, text: str, questions: Sequence[Question], reject: Reject
    ) -> Iterator[tuple[str, Record]]:
        """As `LabelFile.read`."""
        del questions
        return json_lines(text, reject)

    def write(self, items: Sequence[Item], questions: Sequence[Question]) -> str:
        """As `LabelFile.write`."""
        lines = [json.dumps(row, ensure_ascii=False) for row in _rows(items, questions)]
        return "\n".join(lines) + "\n" if lines else ""


class Csv:
    """A header, then a line an answer."""

    def holds(self, start: str) -> bool:
        """Anything that does not begin as JSON may be CSV."""
        return not start.startswith(("{", "["))

    def read(
        self, text: str, questions: Sequence[Question], reject: Reject
    ) -> Iterator[tuple[str, Record]]:
        """As `LabelFile.read`."""
        del questions
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        if not {"id", "head", "label"} <= set(reader.fieldnames or ()):
            raise LabelError(
                "it is neither JSON lines nor a CSV with columns id, head and label",
                hint="see docs/labels.md for a label file's fields",
            )
        try:
            for record in reader:
                yield (
                    f"line {reader.line_num}",
                    {name: _cell(value) for name, value in record.items()},
                )
        except csv.Error as error:
            reject(f"line {reader.line_num}", f"broken CSV: {error}")

    def write(self, items: Sequence[Item], questions: Sequence[Question]) -> str:
        """As `LabelFile.write`."""
        out = io.StringIO()
        has_texts = any(one.text for one in items)
        columns = [name for name in _COLUMNS if name not in _OF_TEXT or has_texts]
        # With "\r\n" a lone "\r" in a text is quoted, too.
        writer = csv.DictWriter(out, columns, lineterminator="\r\n", extrasaction="ignore")
        writer.writeheader()
        for row in _rows(items, questions):
            writer.writerow({name: csv_cell(value) for name, value in row.items()})
        return out.getvalue()


def json_lines(text: str, reject: Reject) -> Iterator[tuple[str, Record]]:
    """Yields every object with its line; a line that holds none is rejected.

    Only a line feed ends a line: texts hold what `str.splitlines` takes for an end (U+2028).
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            reject(f"line {number}", "not JSON")
            continue
        if isinstance(record, dict):
            yield f"line {number}", record
        else:
            reject(f"line {number}", "not a JSON object")


def _rows(items: Sequence[Item], questions: Sequence[Question]) -> Iterator[dict[str, Any]]:
    """A row an answer; of a post without any, a row a question with the answer left empty."""
    for item in items:
        about: dict[str, Any] = {"id": item.native_id, "platform": item.platform}
        about |= {"text": item.text} if item.text else {}
        about |= named_text(item)
        for given in item.answers:
            said = {n: getattr(given, n) for n in ("head", "target", "label", "annotator")}
            told = {"at": given.at} if given.at else {}
            told |= {"decides": "yes"} if given.decides else {}
            yield about | said | {"sample": item.sample} | told
        if not item.answers:
            for head, target in questions:
                empty = {"head": head, "target": target, "label": "", "annotator": ""}
                yield about | empty | {"sample": item.sample}


def _cell(value: Any) -> Any:
    """As it was before an export made it harmless; what a line has too much of is a list."""
    return read_cell(value) if isinstance(value, str) else value
