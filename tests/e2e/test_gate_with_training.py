"""The gate with real training on the sample corpus: poisoned labels, and a cohort left behind."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, Place

from monitor.bootstrap.application import Application, open_application
from monitor.bootstrap.labelling import label_step
from monitor.pipeline.retrain import Retrained
from monitor.retraining import retrain_step

NAME = "facebook-walkout-2020"
SAMPLE = ROOT / f"config/samples/{NAME}"
LABELS = ("negative", "neutral", "positive")
SWAPPED = {"negative": "positive", "positive": "negative", "neutral": "neutral"}
Label = dict[str, Any]


def moods() -> list[Label]:
    """The sample's labels of mood, in the order in which they were drawn."""
    lines = (SAMPLE / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["head"] == "sentiment"]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Application]:
    """The labelled posts of the sample, imported; the small base; no labels yet."""
    place = Place(tmp_path)
    place.add_topic(NAME, (ROOT / f"config/topics/{NAME}.toml").read_text(encoding="utf-8"))
    wanted = {one["id"] for one in moods()}
    with gzip.open(SAMPLE / "posts.jsonl.gz", "rt", encoding="utf-8") as lines:
        posts = [line for line in lines if json.loads(line)["id"] in wanted]
    (tmp_path / "posts.jsonl").write_text("".join(posts), encoding="utf-8")
    place.run("import", tmp_path / "posts.jsonl")
    made = open_application(place.environ())
    yield made
    made._engine.dispose()


def retrained(app: Application, labels: Sequence[Label], folder: Path) -> Retrained:
    path = folder / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, labels)), encoding="utf-8")
    topic = app.topic(NAME)
    label_step(app, topic).import_file(topic, path)
    return retrain_step(app).retrain(topic)


def failed(made: Retrained) -> set[str]:
    return {check.name for check in made.verdict.checks if not check.passed}


def poisoned(label: Label, dice: random.Random) -> Label:
    """A label that is another one in 30 % of cases."""
    if dice.random() >= 0.3:
        return label
    return label | {"label": dice.choice([one for one in LABELS if one != label["label"]])}


@pytest.mark.timeout(900)
def test_a_poisoned_batch_does_not_get_past_the_gate_and_the_clean_one_does(
    app: Application, tmp_path: Path
) -> None:
    first, second = moods()[:180], moods()[180:360]
    champion = retrained(app, first, tmp_path)
    assert champion.beats, champion.reason
    app.registry.promote(NAME, champion.version.id)

    dice = random.Random(5)
    bad = retrained(app, [poisoned(one, dice) for one in second], tmp_path)
    assert not bad.beats
    assert "new labels sentiment" in failed(bad), bad.verdict.recorded

    good = retrained(app, second, tmp_path)
    assert good.beats, good.reason


@pytest.mark.timeout(900)
def test_a_candidate_that_is_better_on_average_and_much_worse_for_a_cohort_is_stopped(
    app: Application, tmp_path: Path
) -> None:
    made = retrained(app, told_by_cohort(app, moods()), tmp_path)
    better = next(check for check in made.verdict.checks if check.name == "better")
    assert better.passed, better.told
    assert "slice sentiment cohort employees" in failed(made), made.verdict.recorded
    assert not made.beats


def told_by_cohort(app: Application, labels: Sequence[Label]) -> list[Label]:
    """Labels by which the public means the opposite of what it says, and employees do not."""
    statement = "SELECT native_id FROM posts WHERE cohort = 'employees'"
    with app._engine.connect() as connection:
        employees = {row[0] for row in connection.exec_driver_sql(statement)}
    return [
        one if one["id"] in employees else one | {"label": SWAPPED[one["label"]]} for one in labels
    ]
