"""What `monitor export` writes in each format."""

from __future__ import annotations

import json
from datetime import date

import pytest

from monitor.commands.export import WRITERS
from monitor.spreadsheet import csv_cell, read_cell

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
