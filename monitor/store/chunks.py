"""Long lists for statements, which take a limited number of parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, String, any_, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

T = TypeVar("T")
_SIZE = 500


def in_chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Cuts values into lists short enough for one statement."""
    remaining = iter(values)
    while chunk := list(islice(remaining, _SIZE)):
        yield chunk


def besides(text: ColumnElement[str], value: str) -> ColumnElement[bool]:
    """Equality, where rows are sought by something better.

    SQLite has no statistics, and takes a topic's whole index for narrower than some hundred ids.
    """
    return func.coalesce(text, "") == value


def is_among(
    connection: Connection, text: ColumnElement[str], values: Sequence[str]
) -> ColumnElement[bool]:
    """Whether a text is one of many, which are one parameter: a thousand cost a driver more."""
    if connection.dialect.name == "postgresql":
        return text == any_(literal(list(values), ARRAY(String)))
    listed = func.json_each(json.dumps(list(values))).table_valued(
        column("value", String), name="listed"
    )
    return text.in_(select(listed.c.value))
