"""kill -9 while training, promoting and scoring anew: a restart goes on, no series is a mixture."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from classifiers.errors import PromotionError
from monitor.bootstrap.application import Application
from monitor.bootstrap.labelling import label_step
from monitor.figure import Figure
from monitor.retraining import promote_version, roll_back
from monitor.schedule import jobs_of
from tests.conftest import ROOT
from tests.desk_fakes import kept_post
from tests.small_installation import fill, opened, write_topic
from tests.tiny_model import make_tiny_model

POSTS, LABELS = 120, 100
TEXTS = {"positive": "so glad about item {n}", "negative": "so angry about item {n}"}
MOODS = tuple(TEXTS)


@dataclass
class Installation:
    """A home that is killed in and looked at."""

    folder: Path
    shipped: Path

    @property
    def asked(self) -> dict[str, str]:
        return {"home": str(self.folder / "home"), "config": str(self.folder / "config")}

    def open(self) -> Application:
        settings = {
            "MONITOR_AUDIT__MINIMUM_LABELS": str(LABELS),
            "MONITOR_GATE__BEHAVIOUR": "1",
            "MONITOR_JOBS__RETRAIN__ENABLED": "true",
        }
        return opened(self.folder, self.shipped, settings)

    def state(self) -> tuple[str, list[Figure]]:
        """The shown version and its figures."""
        app = self.open()
        figures = app.figures.released(app.topic("strike"), include_unvalidated=True)
        shown = app.queries.shown_version("strike")
        app._engine.dispose()
        assert shown is not None
        return shown, figures

    def copy(self, folder: Path) -> Installation:
        shutil.copytree(self.folder, folder)
        return Installation(folder, self.shipped)


@dataclass
class Killer:
    """The program, waiting for the next installation."""

    program: subprocess.Popen[str]

    def run(self, where: Installation, at: int = 0) -> dict[str, Any]:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(json.dumps(where.asked | {"at": at}) + "\n")
        self.program.stdin.flush()
        return dict(json.loads(self.program.stdout.readline()))


@dataclass(frozen=True)
class Calm:
    """A run that nobody disturbed: the series before and after, and all of its moments."""

    before: tuple[str, list[Figure]]
    after: tuple[str, list[Figure]]
    moments: list[str]

    @property
    def promoted(self) -> int:
        """The number of the moment at which the champion's file is to be replaced."""
        return self.moments.index("before strike.json") + 1


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Scored posts with labels, and a champion that has never been retrained."""
    folder = tmp_path_factory.mktemp("retraining")
    made = Installation(folder / "fresh", make_tiny_model(folder / "shipped"))
    write_topic(made.folder)
    app = made.open()
    topic = app.topic("strike")
    fill(
        app,
        (
            kept_post(str(n), TEXTS[MOODS[n % 2]].format(n=n))._replace(author=f"author {n}")
            for n in range(POSTS)
        ),
    )
    labels = folder / "labels.jsonl"
    told = {"head": "sentiment", "annotator": "a", "sample": "random"}
    lines = [told | {"id": str(n), "label": MOODS[n % 2]} for n in range(LABELS)]
    labels.write_text("\n".join(map(json.dumps, lines)))
    label_step(app, topic).import_file(topic, labels)
    app._engine.dispose()
    return made


@pytest.fixture(scope="module")
def killer(fresh: Installation) -> Iterator[Killer]:
    program = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/killed_retraining.py"), str(fresh.shipped)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=fresh.folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1"},
    )
    yield Killer(program)
    program.stdin.close()  # type: ignore[union-attr]
    program.wait(timeout=60)
    program.stdout.close()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def calm(fresh: Installation, killer: Killer, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    where = fresh.copy(tmp_path_factory.mktemp("calm") / "copy")
    before = where.state()
    done = killer.run(where)
    assert done["ended"]
    after = where.state()
    assert after[0] != before[0]
    return Calm(before, after, done["moments"])


def moments_of(phase: str, calm: Calm) -> Sequence[int]:
    """When to kill: amid the work, and on both sides of the champion's file being replaced."""
    rest = len(calm.moments) - calm.promoted
    return {
        "training": [calm.promoted // 2],
        "promotion": [calm.promoted, calm.promoted + 1],
        "scoring": [calm.promoted + rest // 2],
    }[phase]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("phase", ["training", "promotion", "scoring"])
def test_a_restart_goes_on_and_the_series_is_never_a_mixture(
    phase: str, fresh: Installation, killer: Killer, calm: Calm, tmp_path: Path
) -> None:
    for at in moments_of(phase, calm):
        where = fresh.copy(tmp_path / str(at))
        assert killer.run(where, at)["killed"]
        assert where.state() in (calm.before, calm.after), calm.moments[at - 1]
        assert killer.run(where)["ended"]
        assert where.state() == calm.after, calm.moments[at - 1]


@pytest.mark.timeout(600)
def test_a_version_whose_training_was_broken_off_never_rules_and_the_night_makes_it_anew(
    fresh: Installation, killer: Killer, calm: Calm, tmp_path: Path
) -> None:
    where = fresh.copy(tmp_path / "copy")
    assert killer.run(where, calm.moments.index("before MODEL_CARD.md") + 1)["killed"]
    app = where.open()
    topic = app.topic("strike")
    (made,) = (version for version in app.registry.list("strike") if version.topic)
    assert not made.verdict
    with pytest.raises(PromotionError, match="never judged"):
        promote_version(app, topic, made.id, who="test")
    (job,) = (job for job in jobs_of(app) if job.name == "retrain:strike")
    assert job.work(lambda: False) == {"new_labels": LABELS, "promoted": 1}
    assert app.registry.champion("strike").id == made.id
    app._engine.dispose()


@pytest.mark.timeout(600)
def test_a_candidate_that_passed_and_was_killed_before_it_ruled_does_so_the_next_night(
    fresh: Installation, killer: Killer, calm: Calm, tmp_path: Path
) -> None:
    where = fresh.copy(tmp_path / "copy")
    assert killer.run(where, calm.promoted)["killed"]
    app = where.open()
    (made,) = (version for version in app.registry.list("strike") if version.topic)
    assert made.verdict and app.registry.champion("strike").id != made.id
    (job,) = (job for job in jobs_of(app) if job.name == "retrain:strike")
    assert job.work(lambda: False) == {"new_labels": LABELS, "promoted": 1}
    assert app.registry.champion("strike").id == made.id
    assert job.work(lambda: False) == {"new_labels": 0}
    roll_back(app, app.topic("strike"), who="test")
    assert job.work(lambda: False) == {"new_labels": 0}
    app._engine.dispose()
