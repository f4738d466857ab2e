"""`monitor score`: a filter from texts to probabilities that touches no database."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from classifiers.heads import reported_heads
from monitor.bootstrap.loading import load
from monitor.commands.call import Call, with_call
from monitor.commands.output import opened, put
from monitor.errors import MonitorError, UsageError

if TYPE_CHECKING:
    from classifiers.runtime import Scores  # brings the runtime

BATCH = 512
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One text to score; `target` is empty where there is none."""

    id: Any
    text: str
    target: str


@click.command("score")
@click.option("--target", default="", help="What stance is asked towards, in words.")
@click.option("--input", "source", type=click.Path(path_type=Path, dir_okay=False), help="A file.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.")
@with_call
def score_command(call: Call, target: str, source: Path | None, output: Path | None) -> None:
    """JSON lines with id and text in, probabilities out, in the same order.

    A line's own `target` goes before --target; without either there is no stance. Lines that
    cannot be scored are told on standard error, and end the command with 1.
    """
    if source and output and output.is_file() and source.exists() and source.samefile(output):
        raise UsageError(
            f"{output} is the file that is read, which writing would empty",
            hint="name another file with --output",
        )
    version = call.app.champion_of(call.topic_name).id
    scorer = call.app.scorers.lazy(version)
    rejected = 0
    with ExitStack() as files:
        lines: IO[bytes] = files.enter_context(_opened(source)) if source else sys.stdin.buffer
        sink = files.enter_context(opened(output))
        for batch in _batches(lines):
            good = []
            for number, raw in batch:
                try:
                    good.append(_parse(raw, target))
                except ValueError as error:
                    rejected += 1
                    click.echo(f"line {number}: {error}", err=True)
            records = (json.dumps(record) + "\n" for record in _scored(scorer, good))
            put("".join(records).encode(), sink, output)
    if rejected:
        raise MonitorError(
            f"{rejected} line(s) were not scored", hint="each line is an object with id and text"
        )


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _batches(lines: Iterable[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    numbered = ((n, line) for n, line in enumerate(lines, 1) if line.strip())
    while batch := list(islice(numbered, BATCH)):
        yield batch


def _parse(raw: bytes, target: str) -> Line:
    """Reads one line.

    Raises:
        ValueError: Says what is wrong with it, without its text.
    """
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    if not isinstance(record.get("text"), str):
        raise ValueError("field 'text' is missing or not a text")
    if "id" not in record:
        raise ValueError("field 'id' is missing")
    own = record.get("target")
    if own is not None and not isinstance(own, str):
        raise ValueError("field 'target' is not a text")
    if isinstance(record["id"], float) and not isfinite(record["id"]):
        raise ValueError("field 'id' is not a finite number")
    return Line(record["id"], record["text"], _said(own or "", target))


def _said(*targets: str) -> str:
    """The first target that holds something to read, "" where none does."""
    normalise = load("classifiers.normalise", "normalise")
    return next((target.strip() for target in targets if normalise(target)), "")


def _scored(scorer: Any, lines: list[Line]) -> Iterator[dict[str, Any]]:
    """One record a line, in order; lines are scored together by the questions answered."""
    records: dict[int, dict[str, Any]] = {}
    asked = [_answered(scorer, line.target) for line in lines]
    for heads in set(asked):
        positions = [position for position, found in enumerate(asked) if found == heads]
        texts = [lines[position].text for position in positions]
        targets = [lines[position].target for position in positions]
        if all(targets):
            answers = scorer.score_pairs(texts, targets, heads=heads)
        else:  # then no head among them takes a target
            answers = scorer.score(texts, {}, heads=heads)
        for row, position in enumerate(positions):
            records[position] = {
                "id": lines[position].id,
                **{scores.head: _probabilities(scores, row) for scores in answers},
                "version": scorer.version,
            }
    return (records[position] for position in range(len(lines)))


def _answered(scorer: Any, target: str) -> tuple[str, ...]:
    """The heads that are asked of a text towards a target, "" for none, and answered."""
    return tuple(
        head.name
        for head in reported_heads()
        if not head.takes_target or (target and scorer.answers(head.name, target))
    )


def _probabilities(scores: Scores, row: int) -> dict[str, float]:
    values = scores.probabilities[row]
    return {
        label: round(float(value), DECIMALS)
        for label, value in zip(scores.labels, values, strict=True)
    }


COMMANDS = {"score": score_command}
