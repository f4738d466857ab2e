"""A topic's model versions: how good each is, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Response

from classifiers.drift import THRESHOLD
from classifiers.heads import head as head_named
from classifiers.version import ModelVersion
from monitor.alarms.evidence import DriftedDay
from monitor.dashboard import words
from monitor.dashboard.blocks import key_from, question_title
from monitor.dashboard.board import Dashboard
from monitor.dashboard.changes import Changes
from monitor.dashboard.charts import Spec
from monitor.dashboard.tables import Cell, Table
from monitor.dashboard.version_answers import AnswerBlock, Matrix, answer_blocks, matrix
from monitor.dashboard.version_charts import drift_chart
from monitor.outward import rounded_down, rounded_up
from monitor.pipeline.classify import questions_of
from monitor.store.values import AuditLabel, Question
from monitor.topic import Topic

_UTC = ZoneInfo("UTC")
_NOT_MEASURES = ("low", "high", "rows")
_SIDE_BY_SIDE = ("candidate_log_loss", "champion_log_loss")


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of one measurement, in words."""

    of: str
    rows: str
    name: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A version beside the champion of its time, on the same labels that neither trained on.

    Attributes:
        loss, before: Log loss of the version and of the champion.
        gain: By how much the version's is lower, with its standard error.
        score, score_before: The question's own measure.
    """

    of: str
    rows: str
    before: str
    loss: str
    gain: str
    score_before: str
    score: str


@dataclass(frozen=True, slots=True)
class VersionBlock:
    """One version.

    Attributes:
        answers: What it said of checked posts.
        matrices: As recorded when it was made; only where `answers` has none.
    """

    id: str
    stage: str
    is_shown: bool
    made: str
    parent: str
    measures: tuple[Measure, ...]
    comparisons: tuple[Comparison, ...]
    answers: tuple[AnswerBlock, ...]
    matrices: tuple[Matrix, ...]


@dataclass(frozen=True, slots=True)
class DriftBlock:
    """How well the audit labels explain each day's scores of one question."""

    key: str
    title: str
    told: str
    spec: Spec
    table: Table


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Everything that the models' template shows, newest version first.

    Attributes:
        advice: Why to train again, a sentence each.
    """

    topic: Topic
    versions: tuple[VersionBlock, ...]
    drift: tuple[DriftBlock, ...]
    advice: tuple[str, ...]


Audits = Mapping[Question, Sequence[AuditLabel]]


def add_model_page(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    """Adds the page of a topic's versions."""

    @app.get("/topics/{name}/models")
    def show_models(name: str) -> Response:
        topic = board.topic(name)
        shown = board.queries.shown_version(topic.name)
        versions, ruling = changes.versions(topic.name), changes.ruling(topic.name)
        audits = {
            one.id: {
                question: board.queries.audit_labels(
                    topic.name, *question, one.id, languages=topic.languages
                )
                for question in questions_of(topic)
            }
            for one in versions
            if one.id == shown or one.stage != "retired"
        }
        page = model_page(
            topic,
            versions,
            shown,
            audits,
            drift=board.figures.drift(topic),
            advice=changes.advice(topic),
        )
        return board.page("models.html", page=page, ruling=ruling)


def model_page(
    topic: Topic,
    versions: Sequence[ModelVersion],
    shown: str | None,
    audits: Mapping[str, Audits],
    *,
    drift: Sequence[DriftedDay] = (),
    advice: Sequence[str] = (),
) -> ModelPage:
    """Puts versions into words and charts.

    Args:
        topic: The topic.
        versions: Oldest first.
        shown: The id of the version whose figures are shown.
        audits: By version, each question's checked posts with that version's answers.
        drift: Of the shown version.
        advice: Why to train again.
    """
    blocks = tuple(
        _block(one, shown, answer_blocks(one.id, audits.get(one.id, {}), topic))
        for one in reversed(versions)
    )
    return ModelPage(topic, blocks, _drift_blocks(topic, drift), tuple(advice))


def _block(
    version: ModelVersion, shown: str | None, answers: tuple[AnswerBlock, ...]
) -> VersionBlock:
    compared = {of for of, figures in version.metrics.items() if set(_SIDE_BY_SIDE) <= set(figures)}
    return VersionBlock(
        id=version.id,
        stage=version.stage,
        is_shown=version.id == shown,
        made=words.moment(version.created_at, _UTC),
        parent=version.parent,
        measures=tuple(
            measure
            for of, figures in sorted(version.metrics.items())
            if of not in compared
            for measure in _measures(of, dict(figures))
        ),
        comparisons=tuple(_comparison(of, version.metrics[of]) for of in sorted(compared)),
        answers=answers,
        matrices=()
        if answers
        else tuple(_matrix(key, counts) for key, counts in sorted(version.confusion.items())),
    )


def _measures(of: str, figures: dict[str, float]) -> list[Measure]:
    """The interval belongs to the measurement's first figure, the one that training went by."""
    names = [name for name in figures if name not in _NOT_MEASURES]
    main = next((n for n in names if n not in ("log_loss", "calibration_error")), "")
    interval = ""
    if "low" in figures and "high" in figures:
        interval = f"{rounded_down(figures['low']):.2f} to {rounded_up(figures['high']):.2f}"
    rows = words.number(int(figures["rows"])) if "rows" in figures else ""
    return [
        Measure(of, rows, name.replace("_", " "), f"{figures[name]:.3f}", interval * (name == main))
        for name in names
    ]


def _comparison(of: str, figures: Mapping[str, float]) -> Comparison:
    part, _, question = of.partition("/")
    whose = {"audit": "all audit labels", "test": "the frozen test"}.get(part, part)
    gain = ""
    if "gain" in figures:
        gain = f"{figures['gain']:+.3f}"
    if "gain_error" in figures:  # one row tells none
        gain += f" ± {figures['gain_error']:.3f}"
    return Comparison(
        of=f"{question}, {whose}" if question else whose,
        rows=words.number(int(figures["rows"])) if "rows" in figures else "",
        before=f"{figures['champion_log_loss']:.3f}",
        loss=f"{figures['candidate_log_loss']:.3f}",
        gain=gain,
        score_before=_score(figures, "champion"),
        score=_score(figures, "candidate"),
    )


def _score(figures: Mapping[str, float], whose: str) -> str:
    return f"{figures[whose]:.3f}" if whose in figures else ""


def _matrix(key: str, counts: Sequence[Sequence[int]]) -> Matrix:
    name, _, target = key.partition("/")
    labels = [words.label_word(label) for label in head_named(name).labels]
    title = words.head_word(name).capitalize() + (f" towards {target}" if target else "")
    return matrix(title, labels, counts)


def _drift_blocks(topic: Topic, drift: Sequence[DriftedDay]) -> tuple[DriftBlock, ...]:
    by_question = {
        question: [one for one in drift if (one.head, one.target) == question]
        for question in questions_of(topic)
    }
    return tuple(
        _drift_block(question_title(question, topic), key_from("drift", *question), days)
        for question, days in by_question.items()
        if days
    )


def _drift_block(title: str, key: str, days: Sequence[DriftedDay]) -> DriftBlock:
    drifted = [one.day for one in days if one.deviation >= THRESHOLD]
    told = f"The audit labels explain the scores of all {words.counted(len(days), 'shown day')}."
    if drifted:
        told = (
            f"The audit labels do not explain the scores of {words.counted(len(drifted), 'day')} "
            f"of {words.number(len(days))}: {words.days_listed(drifted)}. Their intervals are "
            "wider for it; label posts of these days."
        )
    with_year = len({one.day.year for one in days}) > 1
    rows = tuple(
        (
            Cell(
                words.day_short(one.day, with_year=with_year),
                "drifted" if one.deviation >= THRESHOLD else "",
            ),
            Cell(f"{one.deviation:.1f}"),
        )
        for one in days
    )
    table = Table(("Day", "Deviation"), rows)
    return DriftBlock(key, title, told, drift_chart(days, with_year=with_year), table)
