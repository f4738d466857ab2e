"""Options of the platforms' collectors among the settings: which there are, and of which type."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from collectors import platforms
from monitor.problem import Problem
from monitor.settings_layers import Layer

_TYPES: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (bool, int, float, str, list[str])
}


def with_undeclared(default: Layer) -> Layer:
    """Adds the platforms that `config/default.toml` does not know yet, as their files say.

    Those that it knows are not imported: a platform that is off must cost nothing.
    """
    values, origins = dict(default.values), dict(default.origins)
    for name in platforms.names():
        if f"sources.{name}.enabled" not in values:
            found = {"enabled": False, **platforms.load(name).defaults()}
            values |= {f"sources.{name}.{key}": value for key, value in found.items()}
            origins |= {f"sources.{name}.{key}": f"collectors/{name}.py" for key in found}
    return Layer(values, origins, default.lines)


def typed(effective: Layer, default: Layer) -> tuple[Layer, list[Problem]]:
    """Gives every option of a source the type of its default; a list may come as `a, b`.

    Returns:
        The same layer with these values, and a problem for each that cannot be read so.
    """
    values, problems = dict(effective.values), []
    for key in _options(default):
        kind = list[str] if isinstance(default.values[key], list) else type(default.values[key])
        try:
            values[key] = _TYPES[kind].validate_python(_listed(values[key], kind))
        except ValidationError as exc:
            wanted = exc.errors()[0]["msg"].replace("Input should be", "should be")
            place = effective.place(key)
            problems.append(Problem(place, f"{values[key]!r:.60} {wanted}", _hint(default, key)))
    return Layer(values, effective.origins, effective.lines), problems


def _options(default: Layer) -> list[str]:
    return [
        key
        for key in default.values
        if key.startswith("sources.") and key.count(".") == 2 and not key.endswith(".enabled")
    ]


def _listed(value: Any, kind: Any) -> Any:
    if kind == list[str] and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _hint(default: Layer, key: str) -> str:
    return f"such as {default.values[key]!r}, the default"
