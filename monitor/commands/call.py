"""What every command is handed: the application, and how to answer."""

from __future__ import annotations

import functools
import getpass
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

import click
from tqdm import tqdm

from classifiers.errors import ClassifierError
from collectors.errors import CollectorError
from monitor.errors import MonitorError
from monitor.observability import configure_logging

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.topic import Topic

P = ParamSpec("P")


@dataclass
class Call:
    """One invocation of the command line.

    Attributes:
        topic_name: As given, None for the default topic.
        as_json: Answer for a machine.
        verbose: Show tracebacks and debug lines.
    """

    topic_name: str | None = None
    as_json: bool = False
    verbose: bool = False

    @cached_property
    def app(self) -> Application:
        """The application, from this process's environment."""
        # The store and the settings load when a command asks for them, not to print its help.
        module = importlib.import_module("monitor.bootstrap.application")
        made: Application = module.open_application(os.environ)
        return made

    @property
    def topic(self) -> Topic:
        """The topic that the command is about."""
        return self.app.topic(self.topic_name)

    def answer(self, data: Any, text: str) -> None:
        """Prints the result: `data` for a machine, `text` for a person."""
        _print(json.dumps(data, ensure_ascii=False, default=str) if self.as_json else text)

    def say(self, text: str) -> None:
        """Tells a person what is going on; never mixed into a machine's answer."""
        _print(text, err=self.as_json)

    def warn(self, text: str) -> None:
        """Tells a person something beside the answer, on standard error."""
        _print(text, err=True)

    def explain(self, error: Exception) -> None:
        """Message, cause and hint; a traceback where asked for, or for a foreign error."""
        is_told = isinstance(error, (MonitorError, CollectorError, ClassifierError))
        if self.verbose or not is_told:
            traceback.print_exception(error, file=sys.stderr)
        if not is_told:
            return
        click.echo(f"error: {error}", err=True)
        if error.__cause__ is not None:
            click.echo(f"cause: {type(error.__cause__).__name__}", err=True)
        if hint := getattr(error, "hint", ""):
            click.echo(f"hint: {hint}", err=True)

    def note_access(self, what: str) -> None:
        """Writes down that this user took something out of the topic."""
        self.app.store.note_access(_user(), what, self.topic.name)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A progress bar on a terminal, nothing elsewhere; told the count reached so far."""
        with tqdm(total=total, desc=what, disable=not sys.stderr.isatty(), unit="") as bar:
            yield lambda reached: bar.update(reached - bar.n) and None

    @contextmanager
    def stages(self) -> Iterator[Callable[[str, float], None]]:
        """A progress bar over named stages, each from 0 to 1."""
        with tqdm(total=1.0, disable=not sys.stderr.isatty(), bar_format="{l_bar}{bar}") as bar:

            def tell(stage: str, part: float) -> None:
                bar.set_description(stage)
                bar.update(part - bar.n)

            yield tell


def with_call(command: Callable[Concatenate[Call, P], None]) -> Callable[..., None]:
    """Gives a command `--topic`, `--json` and `-v`, before or after its name, and its `Call`."""

    @click.option("--topic", "topic_name", metavar="NAME", help="The topic (default: configured).")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @click.option("-v", "--verbose", is_flag=True, help="Tracebacks and debug lines.")
    @click.pass_obj
    @functools.wraps(command)
    def wrapped(call: Call, /, *args: P.args, **kwargs: P.kwargs) -> None:
        call.topic_name = cast(str | None, kwargs.pop("topic_name")) or call.topic_name
        call.as_json = bool(kwargs.pop("as_json")) or call.as_json
        call.verbose = bool(kwargs.pop("verbose")) or call.verbose
        configure_logging(verbose=call.verbose)
        command(call, *args, **kwargs)

    return wrapped


class Day(click.ParamType[date]):
    """A calendar day, `2020-06-01`."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Reads ISO 8601."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day like 2020-06-01", param, ctx)


class Moment(click.ParamType[date]):
    """A calendar day, `2020-06-01`, or a time, `2020-06-01T09:30`, with or without an offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Reads ISO 8601; a time is a `datetime`, which is a date too."""
        if isinstance(value, date):
            return value
        try:
            return datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day or time like 2020-06-01T09:30", param, ctx)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as aligned columns for a person; the first row's keys are the headings."""
    if not rows:
        return "(none)"
    columns = list(rows[0])
    cells = [columns] + [[_shown(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _print(text: str, *, err: bool = False) -> None:
    """Prints; half a surrogate pair, which files may hold and no encoding has, as its number."""
    click.echo(text.encode(errors="backslashreplace").decode(), err=err)


def _user() -> str:
    """Who runs this; by number where the system has no name for it, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)
