"""Mistakes in configuration, each with its place, in words for the person who made it."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        place: Where it is (`line 12, targets[0].text`).
        message: What is wrong, with the actual value.
        hint: What to do about it.
    """

    place: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} ({self.hint})"


def mistake(message: str, hint: str, *, at: Path = ()) -> PydanticCustomError:
    """What a pydantic validator raises so that `problems_of` finds message, hint and place.

    Args:
        message: What is wrong.
        hint: What to do about it.
        at: The place inside the validated value, for a list's or table's validator.
    """
    return PydanticCustomError("mistake", "{message}", {"message": message, "hint": hint, "at": at})


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word most like this one, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return "known here: " + ", ".join(names[:20])


def dotted(path: Path) -> str:
    """`("targets", 0, "text")` as `targets[0].text`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    place: Callable[[Path], str],
    *,
    manual: str,
) -> list[Problem]:
    """Every mistake that pydantic found, in our words.

    Args:
        error: What the validation of `model` raised.
        model: The validated class, for the names of its keys.
        place: From a path in the data to where a person finds it.
        manual: The file that explains the keys.
    """
    return [_problem(details, model, place, manual) for details in error.errors(include_url=False)]


def _problem(
    details: ErrorDetails, model: type[BaseModel], place: Callable[[Path], str], manual: str
) -> Problem:
    path: Path = details["loc"]
    if details["type"] == "mistake":
        context = details["ctx"]
        return Problem(place(path + tuple(context["at"])), context["message"], context["hint"])
    if details["type"] == "missing":
        return Problem(place(path[:-1]), f'"{path[-1]}" is missing', f"add {path[-1]} = …")
    if details["type"] == "extra_forbidden":
        hint = nearest(str(path[-1]), keys_at(model, path[:-1]))
        return Problem(place(path), f'unknown key "{path[-1]}"', hint)
    wanted = details["msg"].replace("Input should be", "should be")
    return Problem(place(path), f"{shown(details['input'])} {wanted}", f"see {manual}")


def shown(value: object) -> str:
    """A value as a message names it: its kind where it is more than a line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    return repr(value)[:60] if isinstance(value, str | int | float) else str(value)[:60]


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the table at this path may have."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
