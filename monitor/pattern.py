"""Tells which regular expressions can take for ever, before an author's words are put to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from re import _parser  # type: ignore[attr-defined]  # how `re` itself reads a pattern
from typing import Any

_WITHOUT_END = ("MAX_REPEAT", "MIN_REPEAT")
_PLACES = ("AT", "ASSERT", "ASSERT_NOT")


def runs_away(pattern: str) -> bool:
    """Whether a repeat's round may be nothing but a repeat, as in `(a+)+` and `([a-z]+ ?)*`.

    A text can be cut into such rounds in more ways than can be tried: each letter doubles them.
    Other patterns may be slow, too; this is the mistake that people make.
    """
    items = _items(_parser.parse(pattern))
    return any(_is_repeat(item) and _is_ambiguous(item[1][2]) for item in items)


def _items(parts: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Every item of a pattern, at any depth."""
    for item in parts:
        yield item
        for inner in _within(item):
            yield from _items(inner)


def _within(item: tuple[Any, Any]) -> list[Any]:
    """The patterns that an item is made of: those of a choice, of a group, of a repeat."""
    found = item[1] if isinstance(item[1], (tuple, list)) else [item[1]]
    if str(item[0]) == "BRANCH":
        found = item[1][1]
    return [one for one in found if isinstance(one, _parser.SubPattern)]


def _is_repeat(item: tuple[Any, Any]) -> bool:
    return str(item[0]) in _WITHOUT_END and item[1][1] == _parser.MAXREPEAT


def _is_ambiguous(body: Any) -> bool:
    """Whether one repeat, or a group that is one, may be all that there is in the body."""
    for number, item in enumerate(body):
        others = [*body[:number], *body[number + 1 :]]
        if all(map(_can_be_empty, others)) and (
            _is_repeat(item)
            or (str(item[0]) in ("SUBPATTERN", "BRANCH") and any(map(_is_ambiguous, _within(item))))
        ):
            return True
    return False


def _can_be_empty(item: tuple[Any, Any]) -> bool:
    """Places take no letter but leave one way only: a word, for one, ends once."""
    if str(item[0]) in _PLACES:
        return False
    return bool(_parser.SubPattern(_parser.State(), [item]).getwidth()[0] == 0)
