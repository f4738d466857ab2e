"""`monitor export`: released figures, labels and coverage as files."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from collectors.post import Window
from monitor.commands.call import Call, Day, with_call
from monitor.commands.output import write
from monitor.errors import UsageError
from monitor.figure import Figure
from monitor.shares.changes import Change
from monitor.shares.hours import CoveredHour, covered_hours
from monitor.shares.whole import WholeShare
from monitor.spreadsheet import csv_cell
from monitor.store.values import StoredLabel

DIMENSIONS = ("platform", "cohort", "language")
_DAYS = ("since", "until")
_OPTIONS = {
    "aggregates": (*_DAYS, "by", "unit", "include_unvalidated"),
    "changes": (*_DAYS, "by", "unit"),
    "whole": (),
    "labels": _DAYS,
    "coverage": _DAYS,
}
"""What each export lets one choose, besides the format and the file."""
Records = list[dict[str, Any]]
Columns = Collection[str]
"""Names in order; a mapping tells what each holds besides, whatever the records are."""


class Dimensions(click.ParamType[tuple[str, ...]]):
    """Dimensions to split by, `platform,cohort`."""

    name = "dimensions"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Reads a list between commas."""
        if isinstance(value, tuple):
            return value
        chosen = tuple(part.strip() for part in value.split(",") if part.strip())
        if unknown := [part for part in chosen if part not in DIMENSIONS]:
            self.fail(f"{', '.join(unknown)}: not among {', '.join(DIMENSIONS)}", param, ctx)
        return tuple(part for part in DIMENSIONS if part in chosen)


@click.command("export")
@click.argument("what", type=click.Choice(tuple(_OPTIONS)))
@click.option("--format", "format_", type=click.Choice(("csv", "json", "parquet")))
@click.option("--since", type=Day(), help="First day.")
@click.option("--until", type=Day(), help="First day left out.")
@click.option("--by", type=Dimensions(), default=(), help="platform,cohort,language")
@click.option(
    "--unit",
    type=click.Choice(("posts", "authors", "texts")),
    help="What shares are of (posts); texts: copies once.",
)
@click.option("--include-unvalidated", is_flag=True, help="Raw shares of unaudited heads too.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.")
@with_call
def export_command(
    call: Call,
    /,
    what: str,
    format_: str | None,
    output: Path | None,
    include_unvalidated: bool,
    **asked: Any,
) -> None:
    """Released figures, changes in them, human labels or coverage (CSV unless told otherwise)."""
    _refuse_unused(what, asked | {"include_unvalidated": include_unvalidated})
    asked["unit"] = asked["unit"] or "posts"
    kind = format_ or ("json" if call.as_json else "csv")
    days = (asked["since"] or call.topic.start, asked["until"] or call.topic.end)
    if days[0] >= days[1]:
        raise UsageError(f"--since {days[0]} is not before --until {days[1]}")
    if what == "aggregates":
        figures = call.app.figures.released(
            call.topic, include_unvalidated=include_unvalidated, **asked
        )
        columns, records = columns_of(Figure), [asdict(figure) for figure in figures]
    elif what == "changes":
        changes = call.app.figures.changes(call.topic, **asked)
        columns, records = columns_of(Change), [asdict(change) for change in changes]
    elif what == "whole":
        whole = call.app.figures.whole(call.topic)
        columns, records = columns_of(WholeShare), [asdict(share) for share in whole]
    elif what == "labels":
        columns, records = columns_of(StoredLabel), _labels(call, days)
    else:
        columns, records = columns_of(CoveredHour), _coverage(call, days)
    call.note_access(f"export {what}")
    write(WRITERS[kind](columns, records), output)


def _refuse_unused(what: str, given: Mapping[str, Any]) -> None:
    """Refuses options that an export would not look at: its file would be taken for another."""
    unused = [name for name, value in given.items() if value and name not in _OPTIONS[what]]
    if unused:
        names, known = (_listed(each) for each in (unused, _OPTIONS[what]))
        raise UsageError(
            f"{names}: not for `monitor export {what}`",
            hint=f"{what} takes {known or 'no option'} besides --format and --output",
        )


def _listed(options: Sequence[str]) -> str:
    return ", ".join(f"--{option.replace('_', '-')}" for option in options)


def columns_of(record: type) -> dict[str, type]:
    """The fields of a dataclass and what they hold, where they hold anything."""
    hints = get_type_hints(record)
    return {field.name: _held(hints[field.name]) for field in fields(record)}


def _held(hint: Any) -> type:
    held = next((one for one in get_args(hint) if one is not NoneType), hint)
    if get_origin(hint) is Literal:
        return type(held)
    return held if held is hint else _held(held)


def _labels(call: Call, days: tuple[date, date]) -> Records:
    return [asdict(label) for label in call.app.queries.labels(call.topic.name, *days)]


def _coverage(call: Call, days: tuple[date, date]) -> Records:
    """Every hour until now of every source that is on or has ever told anything."""
    app, topic = call.app, call.topic
    window = topic.window_of(*days)
    window = Window(window.start, max(window.start, min(window.end, app.clock())))
    spans = app.queries.coverage(topic.name, window.start, window.end)
    # Before the topic and the first answer there is nothing to tell, however early the first day.
    start = max(window.start, min([topic.window.start, *(span.start for span in spans)]))
    window = Window(min(start, window.end), window.end)
    hours = covered_hours(topic.name, app.live.names(), spans, window)
    return [asdict(hour) for hour in hours]


def _json(_columns: Columns, records: Records) -> bytes:
    """A list of objects, one a line."""
    lines = (json.dumps(_plain(record), ensure_ascii=False) for record in records)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode() if records else b"[]\n"


def _csv(columns: Columns, records: Records) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: csv_cell(value) for name, value in _plain(record).items()})
    return text.getvalue().encode()


def _parquet(columns: Columns, records: Records) -> bytes:
    pyarrow = importlib.import_module("pyarrow")
    values = {name: [record[name] for record in records] for name in columns}
    schema = _schema(columns) if isinstance(columns, Mapping) else None
    table = pyarrow.Table.from_pydict(values, schema=schema)
    sink = io.BytesIO()
    importlib.import_module("pyarrow.parquet").write_table(table, sink)
    return sink.getvalue()


def _schema(columns: Mapping[str, type]) -> Any:
    """Types that no value has a say in: every file of a kind can be read with the others."""
    pyarrow = importlib.import_module("pyarrow")
    types = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
        date: pyarrow.date32(),
        datetime: pyarrow.timestamp("us", tz="UTC"),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in columns.items()])


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Days and times as ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, date | datetime) else value
        for name, value in record.items()
    }


WRITERS: dict[str, Callable[[Columns, Records], bytes]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}

COMMANDS = {"export": export_command}
