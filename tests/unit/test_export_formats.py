"""What `monitor export` writes in each format."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.commands.export import WRITERS, columns_of
from monitor.commands.noisy import NoisyCount
from monitor.figure import Figure
from monitor.shares.changes import Change
from monitor.shares.hours import CoveredHour
from monitor.shares.whole import WholeShare
from monitor.spreadsheet import csv_cell, read_cell
from monitor.store.values import StoredLabel

COLUMNS = ["id", "day", "change", "posts"]
RECORDS = [
    {"id": "=HYPERLINK(1)", "day": date(2020, 6, 1), "change": -0.25, "posts": None},
    {"id": "@anna", "day": date(2020, 6, 2), "change": 0.5, "posts": 3},
]


def test_no_text_in_a_csv_export_is_a_formula_and_numbers_stay_numbers() -> None:
    assert WRITERS["csv"](COLUMNS, RECORDS).decode().splitlines() == [
        "id,day,change,posts",
        "'=HYPERLINK(1),2020-06-01,-0.25,",
        "'@anna,2020-06-02,0.5,3",
    ]


def test_an_export_for_programs_is_as_it_is_stored() -> None:
    told = json.loads(WRITERS["json"](COLUMNS, RECORDS))
    assert [one["id"] for one in told] == ["=HYPERLINK(1)", "@anna"]


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_spreadsheet_runs_nothing(formula: str) -> None:
    assert csv_cell(formula) == f"'{formula}"
    assert csv_cell(-1) == -1


@pytest.mark.parametrize("text", ["=1+1", "-1", "'quoted'", "'", "", "plain"])
def test_what_was_made_harmless_is_read_as_it_was(text: str) -> None:
    assert read_cell(str(csv_cell(text))) == text


def _parquet(record: type, *records: dict[str, object]) -> pa.Table:
    columns = columns_of(record)
    filled = [dict.fromkeys(columns) | one for one in records]
    return pq.read_table(io.BytesIO(WRITERS["parquet"](columns, filled)))


@pytest.mark.parametrize(
    "record", [Figure, Change, WholeShare, StoredLabel, CoveredHour, NoisyCount]
)
def test_columns_have_one_type_whatever_is_in_them(record: type) -> None:
    some = {str: "a", int: 3, float: 0.5, bool: True, date: date(2020, 6, 1)}
    some[datetime] = datetime(2020, 6, 1, tzinfo=UTC)
    full = {name: some[kind] for name, kind in columns_of(record).items()}
    tables = [_parquet(record), _parquet(record, {}), _parquet(record, full)]
    assert pa.concat_tables(tables).num_rows == 2
    assert not any(pa.types.is_null(field.type) for field in tables[0].schema)
    assert tables[2].to_pylist() == [full]


def test_columns_of_a_withheld_day_have_the_types_of_a_shown_one() -> None:
    schema = _parquet(Figure, {"topic": "strike", "withheld": "unscored"}).schema
    names = ("day", "posts", "share", "withheld", "sample")
    types = [schema.field(name).type for name in names]
    assert types == [pa.date32(), pa.int64(), pa.float64(), pa.string(), pa.bool_()]


def test_times_are_of_one_zone_in_every_file() -> None:
    here = datetime(2020, 6, 1, 2, tzinfo=ZoneInfo("America/Los_Angeles"))
    times = _parquet(CoveredHour, {"hour": here})["hour"]
    assert times.type == pa.timestamp("us", tz="UTC")
    assert times.to_pylist() == [here]
