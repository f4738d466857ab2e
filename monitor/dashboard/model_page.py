"""A topic's model versions: how good each is, and how they came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Response

from classifiers.heads import head as head_named
from classifiers.version import ModelVersion
from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.dashboard.changes import Changes
from monitor.topic import Topic

_UTC = ZoneInfo("UTC")
_NOT_MEASURES = ("low", "high", "rows")


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of one measurement, in words."""

    of: str
    rows: str
    name: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class Confusion:
    """What people said (rows) against what the model said (columns), and how often it was right."""

    title: str
    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...], str], ...]


@dataclass(frozen=True, slots=True)
class VersionBlock:
    """One version."""

    id: str
    stage: str
    is_shown: bool
    made: str
    parent: str
    measures: tuple[Measure, ...]
    confusions: tuple[Confusion, ...]


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Everything that the models' template shows, newest version first."""

    topic: Topic
    versions: tuple[VersionBlock, ...]


def add_model_page(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    """Adds the page of a topic's versions."""

    @app.get("/topics/{name}/models")
    def show_models(name: str) -> Response:
        topic = board.topic(name)
        shown = board.queries.shown_version(topic.name)
        page = model_page(topic, changes.versions(topic.name), shown)
        return board.page("models.html", page=page)


def model_page(topic: Topic, versions: Sequence[ModelVersion], shown: str | None) -> ModelPage:
    """Puts versions into words."""
    return ModelPage(topic, tuple(_block(one, shown) for one in reversed(versions)))


def _block(version: ModelVersion, shown: str | None) -> VersionBlock:
    return VersionBlock(
        id=version.id,
        stage=version.stage,
        is_shown=version.id == shown,
        made=words.moment(version.created_at, _UTC),
        parent=version.parent,
        measures=tuple(
            measure
            for of, figures in sorted(version.metrics.items())
            for measure in _measures(of, dict(figures))
        ),
        confusions=tuple(
            _confusion(key, counts) for key, counts in sorted(version.confusion.items())
        ),
    )


def _measures(of: str, figures: dict[str, float]) -> list[Measure]:
    """The interval belongs to the measurement's first figure, the one that training went by."""
    names = [name for name in figures if name not in _NOT_MEASURES]
    main = next((n for n in names if n not in ("log_loss", "calibration_error")), "")
    interval = ""
    if "low" in figures and "high" in figures:
        interval = f"{figures['low']:.2f} to {figures['high']:.2f}"
    rows = words.number(int(figures["rows"])) if "rows" in figures else ""
    return [
        Measure(of, rows, name.replace("_", " "), f"{figures[name]:.3f}", interval * (name == main))
        for name in names
    ]


def _confusion(key: str, counts: Sequence[Sequence[int]]) -> Confusion:
    name, _, target = key.partition("/")
    labels = tuple(words.label_word(label) for label in head_named(name).labels)
    rows = []
    for n, (label, row) in enumerate(zip(labels, counts, strict=True)):
        right = words.percent(row[n] / sum(row)) if sum(row) else "none given"
        rows.append((label, tuple(row), right))
    title = f"Stance towards {target}" if name == "stance" else name.capitalize()
    return Confusion(title, labels, tuple(rows))
