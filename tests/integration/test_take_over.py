"""Which version takes over, and which series is shown, where several come and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from classifiers.errors import ModelFilesError
from classifiers.registry import ModelVersion
from classifiers.verdict import Check, Verdict
from monitor import retraining, wishes
from monitor.bootstrap.application import Application
from monitor.pipeline.retrain import Retrained
from monitor.store.values import Prediction
from tests.desk_fakes import kept_post
from tests.small_installation import fill, opened, write_topic
from tests.tiny_model import make_tiny_model

PASSED = Verdict((Check("better", passed=True, told="better", figures={}),))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Application]:
    write_topic(tmp_path)
    app = opened(tmp_path, make_tiny_model(tmp_path / "shipped"), {})
    fill(app, (kept_post(str(n), f"item {n}")._replace(author=f"a{n}") for n in range(12)))
    yield app
    app._engine.dispose()


def add(app: Application, name: str) -> ModelVersion:
    """A judged candidate, which has answered about one post it learnt, as every one has."""
    shipped = app.registry.shipped()
    made = replace(
        shipped, id=name, topic="strike", base=shipped.id, verdict=tuple(PASSED.recorded)
    )
    (post,) = app.queries.pending("strike", name, [("sentiment", "")], languages=["en"], limit=1)
    answer = Prediction(post.id, post.text_digest, "sentiment", "", "neutral", (0, 10_000, 0))
    app.store.save_predictions("strike", name, [answer])
    return app.registry.add(app.registry.workspace(), made)


def test_a_rollback_shows_no_series_that_was_never_complete(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.registry, "check", lambda _: None)  # these have no weights
    topic, shipped = app.topic("strike"), app.registry.shipped().id
    assert app.queries.shown_version("strike") == shipped
    for name in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        add(app, name)
        app.registry.promote("strike", name)
    assert retraining.roll_back(app, topic, who="test") == "aaaaaaaaaaaa"
    assert app.queries.shown_version("strike") == shipped
    app.store.show_version("strike", "aaaaaaaaaaaa")
    assert retraining.roll_back(app, topic, who="test") == shipped
    assert app.queries.shown_version("strike") == shipped


def test_a_rollback_to_a_version_whose_files_changed_is_refused(app: Application) -> None:
    for name in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        add(app, name)  # without the weights that its id is a hash of
        app.registry.promote("strike", name)
    with pytest.raises(ModelFilesError, match="aaaaaaaaaaaa is not what it was made as"):
        retraining.roll_back(app, app.topic("strike"), who="test")
    assert app.registry.champion("strike").id == "bbbbbbbbbbbb"


class Killed(BaseException):
    """What ends a process."""


def two_champions(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.registry, "check", lambda _: None)  # these have no weights
    for name in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        add(app, name)
        app.registry.promote("strike", name)


def do_waiting(app: Application) -> None:
    """Does what waits as a new daemon does, which knows its predecessor to be gone."""
    wishes.task_runner(app, first=True).run_waiting(lambda: False)


@pytest.mark.parametrize("told", [{"version": "bbbbbbbbbbbb"}, {}], ids=["now", "earlier-program"])
def test_a_rollback_that_was_killed_in_scoring_goes_on_and_not_back_twice(
    app: Application, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    two_champions(app, monkeypatch)
    scored: list[str] = []

    def rescore(*_: Any) -> None:
        scored.append(app.registry.ruling("strike"))
        if len(scored) == 1:
            raise Killed

    monkeypatch.setattr(wishes, "_rescore", rescore)
    app.tasks.request("rollback", "strike", told, who="test", at=app.clock())
    with pytest.raises(Killed):
        do_waiting(app)
    do_waiting(app)
    assert scored == ["aaaaaaaaaaaa"] * 2
    assert app.registry.ruling("strike") == "aaaaaaaaaaaa"
    (task,) = app.tasks.recent(2)
    assert (task.status, task.attempts) == ("ok", 2)


@pytest.mark.parametrize("told", [{"version": "bbbbbbbbbbbb"}, {}], ids=["now", "earlier-program"])
def test_a_rollback_that_a_restart_broke_off_goes_on_and_not_back_twice(
    app: Application, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    two_champions(app, monkeypatch)
    ending: list[bool] = []

    def rescore(_app: Any, _task: Any, progress: Any) -> None:
        if not ending:
            ending.append(True)
            progress("scoring", 0.0)

    monkeypatch.setattr(wishes, "_rescore", rescore)
    app.tasks.request("rollback", "strike", told, who="test", at=app.clock())
    wishes.task_runner(app, first=True).run_waiting(lambda: bool(ending))
    assert app.registry.ruling("strike") == "aaaaaaaaaaaa"
    do_waiting(app)
    assert app.registry.ruling("strike") == "aaaaaaaaaaaa"
    assert app.tasks.recent(1)[0].status == "ok"


def test_a_second_click_on_a_page_from_before_a_rollback_changes_nothing(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_champions(app, monkeypatch)
    monkeypatch.setattr(wishes, "_rescore", lambda *_: None)
    for _ in range(2):
        told = {"version": "bbbbbbbbbbbb"}
        app.tasks.request("rollback", "strike", told, who="test", at=app.clock())
        do_waiting(app)
    assert app.registry.ruling("strike") == "aaaaaaaaaaaa"
    assert [task.outcome for task in app.tasks.recent(2)] == [
        "Version aaaaaaaaaaaa is the champion already.",
        "Version aaaaaaaaaaaa is the champion again.",
    ]


@pytest.mark.parametrize(
    ("promote", "overtaken", "champion"),
    [
        ("auto", True, "bbbbbbbbbbbb"),
        ("auto", False, "aaaaaaaaaaaa"),
        ("force", True, "aaaaaaaaaaaa"),
    ],
)
def test_a_candidate_that_was_overtaken_in_training_does_not_take_over_by_itself(
    app: Application,
    monkeypatch: pytest.MonkeyPatch,
    promote: retraining.Promote,
    overtaken: bool,
    champion: str,
) -> None:
    candidate = add(app, "aaaaaaaaaaaa")
    add(app, "bbbbbbbbbbbb")

    def train(*_: Any, **__: Any) -> Retrained:
        if overtaken:
            app.registry.promote("strike", "bbbbbbbbbbbb")
        return Retrained(candidate, PASSED, 12)

    monkeypatch.setattr(retraining, "retrain_step", lambda _: SimpleNamespace(retrain=train))
    monkeypatch.setattr(retraining, "choose_posts", lambda *_, **__: None)
    monkeypatch.setattr(app.registry, "check", lambda _: None)  # nothing was learnt
    deed = retraining.retrain_topic(app, app.topic("strike"), who="test", promote=promote)
    assert app.registry.champion("strike").id == champion
    assert deed.promoted is (champion == candidate.id)
    assert ("took over while" in deed.reason) is (promote == "auto" and overtaken)


@pytest.mark.parametrize(
    ("promote", "champion"), [("auto", ""), ("force", "aaaaaaaaaaaa")], ids=["auto", "force"]
)
def test_what_was_rolled_back_does_not_take_over_again_by_itself(
    app: Application, monkeypatch: pytest.MonkeyPatch, promote: retraining.Promote, champion: str
) -> None:
    """The same labels give the same version, and the gate passes it as it did before."""
    again = replace(add(app, "aaaaaaaaaaaa"), stage="retired")
    train = SimpleNamespace(retrain=lambda *_, **__: Retrained(again, PASSED, 12))
    monkeypatch.setattr(retraining, "retrain_step", lambda _: train)
    monkeypatch.setattr(retraining, "choose_posts", lambda *_, **__: None)
    monkeypatch.setattr(app.registry, "check", lambda _: None)  # nothing was learnt
    app.registry.promote("strike", "aaaaaaaaaaaa")
    retraining.roll_back(app, app.topic("strike"), who="test")
    deed = retraining.retrain_topic(app, app.topic("strike"), who="test", promote=promote)
    assert app.registry.champion("strike").id == (champion or app.registry.shipped().id)
    assert deed.promoted is bool(champion)
    assert ("was rolled back" in deed.reason) is (promote == "auto")
