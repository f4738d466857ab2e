"""Long lists in pieces: a statement takes a limited number of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
_SIZE = 500


def in_chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Cuts values into lists short enough for one statement."""
    remaining = iter(values)
    while chunk := list(islice(remaining, _SIZE)):
        yield chunk
