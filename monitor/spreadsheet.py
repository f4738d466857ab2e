"""Cells of CSV files that people open in a spreadsheet, which runs what looks like a formula."""

from __future__ import annotations

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_cell(value: object) -> object:
    """Returns a value for a CSV file; text that a spreadsheet would run gets an apostrophe."""
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return f"'{value}"
    return value


def read_cell(text: str) -> str:
    """Returns the text that `csv_cell` made a cell of."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_STARTS_FORMULA) else text
