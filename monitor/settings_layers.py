"""Where settings come from: layers of keys, the later ones laid over the earlier ones."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collectors import platforms
from monitor import problem, toml_places
from monitor.errors import ConfigurationError
from monitor.problem import Problem, nearest

PREFIX = "MONITOR_"
FILE_SUFFIX = "_FILE"

_TEST_VARIABLES = ("MONITOR_SHARED_DATA", "MONITOR_TEST_POSTGRES_URL")
_NOT_SETTINGS = (
    "MONITOR_CONFIG",
    "MONITOR_DATABASE_URL_FILE",
    "MONITOR_ENCODER",  # of `python -m classifiers.training`
    *_TEST_VARIABLES,
)


@dataclass(frozen=True)
class Layer:
    """One source of settings.

    Attributes:
        values: By dotted key.
        origins: Which file or variable each value came from, by dotted key.
        lines: The line of each value, by dotted key; empty for the environment.
    """

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """Where a person finds a value (`config/local.toml, line 3, dashboard.port`)."""
        line = f", line {self.lines[key]}, {key}" if key in self.lines else ""
        return self.origins[key] + line


def file_layer(path: Path) -> Layer:
    """The settings of a TOML file, none if there is no such file.

    Raises:
        ConfigurationError: The file cannot be read or is not TOML.
    """
    name = f"config/{path.name}"
    if not path.is_file():
        return Layer({}, {})
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc}", hint="mend the file") from exc
    values = _flat(raw)
    lines = {problem.dotted(key): line for key, line in toml_places.find_lines(text).items()}
    return Layer(values, dict.fromkeys(values, name), lines)


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """The settings among the environment variables; an empty one counts as not set."""
    variables = {
        variable: _key(variable)
        for variable, value in environ.items()
        if variable.startswith(PREFIX) and value and not _is_no_setting(variable)
    }
    values = {key: environ[variable] for variable, key in variables.items()}
    return Layer(values, {key: variable for variable, key in variables.items()})


def unknown_keys(layer: Layer, known: Iterable[str]) -> list[Problem]:
    """The layer's keys that no setting has."""
    names = list(known)
    return [
        Problem(layer.place(key), f'no setting is called "{key}"', nearest(key, _near(key, names)))
        for key in layer.values
        if key not in names
    ]


def _near(key: str, names: list[str]) -> list[str]:
    """The keys of the same table, all keys where there is no such table."""
    table = key.rpartition(".")[0]
    return [name for name in names if table and name.rpartition(".")[0] == table] or names


def laid_over(lower: Layer, upper: Layer) -> Layer:
    """Both layers as one; where both have a key, the upper one's counts.

    A job's `every` and `cron` exclude each other, so an upper layer that sets one of them takes
    away what the lower layer said in the other.
    """
    values = {**lower.values, **upper.values}
    for key in upper.values:
        job, _, last = key.rpartition(".")
        other = {"every": f"{job}.cron", "cron": f"{job}.every"}.get(last)
        if other and other not in upper.values:
            values[other] = None
    kept = {key: line for key, line in lower.lines.items() if key not in upper.values}
    return Layer(values, {**lower.origins, **upper.origins}, {**kept, **upper.lines})


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"dashboard.port": 1}` as `{"dashboard": {"port": 1}}`."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        *sections, last = key.split(".")
        table = result
        for section in sections:
            table = table.setdefault(section, {})
        table[last] = value
    return result


def _flat(raw: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in raw.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{key}.")
        else:
            flat[before + key] = value
    return flat


def _key(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower().replace("__", ".")


def _is_no_setting(variable: str) -> bool:
    holders = (*platforms.names(), "alerts", "backup")
    secrets = tuple(f"{PREFIX}{holder.upper()}_" for holder in holders)
    return variable in _NOT_SETTINGS or variable.startswith(secrets)
