"""What a version said of the posts that people have checked: how sure, how right, how far off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from classifiers.evaluation import confusion_matrix, expected_calibration_error
from classifiers.heads import head as head_named
from classifiers.reliability import ReliabilityBin, reliability, share_errors
from monitor.dashboard import words
from monitor.dashboard.blocks import key_from, question_title
from monitor.dashboard.charts import Spec
from monitor.dashboard.tables import Cell, Table
from monitor.dashboard.version_charts import reliability_chart
from monitor.store.scores import SCALE
from monitor.store.values import AuditLabel, Question
from monitor.topic import Topic

FEWEST = 50
"""Checked posts from which on a version is judged by them."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """Which part of the posts of one true label the model gave one label.

    Attributes:
        part: Of the row, in words; empty where the row is.
        shade: 0 to 5, by that part.
        is_right: Whether both labels are the same.
    """

    part: str
    shade: int
    is_right: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """What people said (rows) against what the model said (columns) of the same posts.

    It holds no counts. A later version's checked posts lack those removed in between: beside an
    earlier version's, counts would tell what people had said of them.
    """

    title: str
    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixCell, ...]], ...]


@dataclass(frozen=True, slots=True)
class AnswerBlock:
    """One question's answers of one version.

    Attributes:
        key: Unique on the page, fit for an `id`.
        basis: How many posts it rests on, and how far off the confidence is on average.
        spec: The reliability diagram.
        bins: The same as a table.
        shares: How far off the version's own counting is, before any correction. Not what
            people counted, for the same reason as in `Matrix`.
    """

    key: str
    title: str
    basis: str
    spec: Spec
    bins: Table
    shares: Table
    matrix: Matrix


def answer_blocks(
    version: str, audits: Mapping[Question, Sequence[AuditLabel]], topic: Topic
) -> tuple[AnswerBlock, ...]:
    """Returns a block for every question that enough posts were checked for."""
    return tuple(
        _block(version, question, labels, topic)
        for question, labels in audits.items()
        if len(labels) >= FEWEST
    )


def _block(
    version: str, question: Question, audit: Sequence[AuditLabel], topic: Topic
) -> AnswerBlock:
    labels = head_named(question[0]).labels
    truth = np.array([labels.index(one.truth) for one in audit], dtype=np.int64)
    scores = np.array([one.scores for one in audit], dtype=np.float64) / SCALE
    found = reliability(truth, scores)
    off = expected_calibration_error(truth, scores)
    title = question_title(question, topic)
    counts = confusion_matrix(truth, scores.argmax(axis=1), len(labels)).tolist()
    named = tuple(words.label_word(label) for label in labels)
    errors = share_errors(truth, scores)
    return AnswerBlock(
        key=key_from("v", version, *question),
        title=title,
        basis=f"{words.counted(len(audit), 'checked post')} that it had not trained on; its "
        f"confidence is off by {words.points(off).removeprefix('+')} points on average "
        "(expected calibration error).",
        spec=reliability_chart(found),
        bins=_bins_table(found),
        shares=Table(
            columns=("Answer", "Off by, in points"),
            rows=tuple(
                (
                    Cell(label),
                    Cell(words.points(one.error), words.points_between(one.low, one.high)),
                )
                for label, one in zip(named, errors, strict=True)
            ),
        ),
        matrix=matrix(title, named, counts),
    )


def matrix(title: str, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Matrix:
    """Puts counts (a row per true label) into words and shades."""
    rows = []
    for number, (label, row) in enumerate(zip(labels, counts, strict=True)):
        whole = sum(row)
        cells = tuple(
            MatrixCell(
                part=words.percent(count / whole) if whole else "",
                shade=round(5 * count / whole) if whole else 0,
                is_right=column == number,
            )
            for column, count in enumerate(row)
        )
        rows.append((label, cells))
    return Matrix(title, tuple(labels), tuple(rows))


def _bins_table(bins: Sequence[ReliabilityBin]) -> Table:
    return Table(
        columns=("Confidence", "Right", "Checked posts"),
        rows=tuple(
            (
                Cell(words.percent(one.confidence)),
                Cell(words.percent(one.right), words.interval(one.low, one.high)),
                Cell(words.number(one.rows)),
            )
            for one in bins
        ),
    )
