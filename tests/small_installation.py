"""A small installation: one topic, a tiny model, posts that we wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from classifiers.registry import Registry
from collectors.post import Checkpoint
from monitor.bootstrap.application import Application, open_application
from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.scoring import classify
from monitor.kept import KeptPage, KeptPost
from tests.dashboard_fakes import NOW

STRIKE = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-20
languages = ["en"]
targets = [{{ name = "strike", text = "the strike" }}{more}]
queries = {{ terms = ["strike"] }}
"""


def write_topic(folder: Path, more_targets: str = "") -> None:
    """Puts the topic into an installation's folder; more targets as TOML, after a comma."""
    topics = folder / "config" / "topics"
    topics.mkdir(parents=True)
    (topics / "strike.toml").write_text(STRIKE.format(more=more_targets))


def opened(folder: Path, shipped: Path, settings: Mapping[str, str]) -> Application:
    """The application of an installation, with this model as the shipped one."""
    home = folder / "home"
    places = {"MONITOR_HOME": str(home), "MONITOR_CONFIG": str(folder / "config")}
    app = open_application(places | {"MONITOR_DASHBOARD__PORT": "0"} | dict(settings))
    app.__dict__["registry"] = Registry(home / "models", shipped)
    return app


def fill(app: Application, posts: Iterable[KeptPost]) -> None:
    """Stores the topic's posts, scores and counts them."""
    page = KeptPage(Checkpoint({"n": 1}), tuple(posts))
    app.store.save_page("strike", "file", page, at=NOW)
    classify(app, app.topic("strike"))
    aggregate(app, app.topic("strike"))
