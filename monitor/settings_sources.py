"""Options of the platforms' collectors among the settings: which there are, and of which type.

`python -m monitor.settings_sources` writes what the platforms' files declare into
config/default.toml; a test fails where the two differ.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from collectors import platforms
from collectors.source import Option, Source
from monitor.problem import Problem
from monitor.settings_layers import Layer

_TYPES: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (bool, int, float, str, list[str])
}
_BLOCK = re.compile(
    r"(?<=# Platforms: what their collectors declare\.\n).*?(?=^\[daemon\])", re.S | re.M
)
_ENABLED = Option("enabled", False, "true or false", "Whether it is asked for posts.")
_WIDTH = 98
_GLUE = "\x00"


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


def declared() -> str:
    """The part of config/default.toml that the platforms' files declare."""
    return "\n".join(_section(platforms.load(name)) for name in platforms.names())


def with_declared(text: str) -> str:
    """The text of config/default.toml with that part brought up to date."""
    return _BLOCK.sub(lambda _: "\n" + declared() + "\n", text)


def _section(source: Source) -> str:
    lines = [f"# {source.title}"]
    for secret in source.secrets:
        need = "needed" if secret.required else "optional"
        lines += _comment(f"{secret.variable(source.name)} ({need}): {secret.explanation}")
    lines += [f"[sources.{source.name}]"]
    for option in (_ENABLED, *source.options):
        value = json.dumps(option.default, ensure_ascii=False)
        lines += [*_explained(option), f"{option.name} = {value}"]
    return "\n".join(lines) + "\n"


def _explained(option: Option) -> list[str]:
    """A sentence with the unit, which stays on the last line together with a word."""
    sentence, unit = option.explanation.rstrip("."), f"({option.unit})."
    return _comment(f"{sentence} {unit}".replace(f" {unit}", _GLUE + unit.replace(" ", _GLUE)))


def _comment(text: str) -> list[str]:
    return [f"# {line}".replace(_GLUE, " ") for line in textwrap.wrap(text, _WIDTH)]


def _options(default: Layer) -> Iterator[str]:
    for key in default.values:
        if key.startswith("sources.") and key.count(".") == 2 and not key.endswith(".enabled"):
            yield key


def _listed(value: Any, kind: Any) -> Any:
    if kind == list[str] and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _hint(default: Layer, key: str) -> str:
    return f"such as {default.values[key]!r}, the default"


def main(path: Path) -> None:
    """Brings a file's part about platforms up to date."""
    path.write_text(with_declared(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "config/default.toml"))
