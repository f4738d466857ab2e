"""A dashboard with invented figures over a real, small store that can be labelled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Engine

from classifiers.version import ModelVersion
from collectors.post import Checkpoint
from monitor.dashboard.changes import Changes
from monitor.kept import KeptPage, KeptPost
from monitor.pipeline.label_review import LabelReviewStep
from monitor.store.accounts import Accounts
from monitor.store.alert_rules import AlertRules
from monitor.store.desk import LabelDesk
from monitor.store.engine import migrate, open_engine
from monitor.store.incidents import Incidents
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.tasks import Tasks
from monitor.testing import FakeClock
from tests.dashboard_fakes import NOW, TOPIC, fake_app

HOSTILE = (
    "<script>alert(1)</script> & \u202ereversed\u202c "
    + "z"
    + "\u0351" * 60
    + " "
    + "w" * 10_000
    + " 👩‍👩‍👧‍👦 =HYPERLINK(1)"
)
"""Markup, a bidi override, piled marks, a word of 10,000 letters, an emoji family, a formula."""

VERSIONS = [
    ModelVersion(
        id="0123456789abcdef",
        topic="",
        base="",
        parent="",
        data_fingerprint="aa",
        seed=1,
        heads=("sentiment", "stance"),
        temperature={"sentiment": 1.0, "stance": 1.1},
        metrics={"stance_vast": {"macro_f1": 0.34, "low": 0.32, "high": 0.36, "rows": 1935.0}},
        stage="champion",
    ),
    ModelVersion(
        id="fedcba987654",
        topic="walkout",
        base="0123456789abcdef",
        parent="0123456789abcdef",
        data_fingerprint="bb",
        seed=1,
        heads=("sentiment", "stance"),
        temperature={"sentiment": 1.0, "stance": 1.1},
        metrics={
            "audit/stance": {
                "rows": 200.0,
                "candidate_log_loss": 0.6,
                "champion_log_loss": 0.8,
            }
        },
        confusion={"stance/the virtual walkout": [[30, 5, 5], [4, 40, 6], [10, 12, 88]]},
        stage="candidate",
    ),
]


@dataclass
class Desk:
    """A dashboard whose labelling page works.

    Attributes:
        notes: What was written into the access log.
    """

    engine: Engine
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def desk(self) -> LabelDesk:
        return LabelDesk(self.engine)

    def changes(self) -> Changes:
        return Changes(
            Accounts(self.engine),
            self.desk,
            lambda who, what, _: self.notes.append((who, what)),
            Tasks(self.engine),
            Incidents(self.engine),
            lambda _: VERSIONS,
            lambda _: VERSIONS[0].id,
            AlertRules(self.engine),
            lambda topic: LabelReviewStep(Queries(self.engine)).review(topic, [VERSIONS[0].id]),
            lambda _: ("errors about <i>stance</i> rose from 20% to 40%",),
        )

    def app(self, **options: Any) -> FastAPI:
        return fake_app(changes=self.changes(), clock=self._tick, **options)

    def _tick(self) -> Any:
        self.clock.forward(milliseconds=1)
        return self.clock()


def open_desk(folder: Path, texts: list[str]) -> Desk:
    """A store in a folder, with these texts as the topic's posts."""
    engine = open_engine(f"sqlite:///{folder / 'monitor.db'}")
    migrate(engine)
    posts = tuple(kept_post(str(n), text) for n, text in enumerate(texts))
    Store(engine).save_page(TOPIC.name, "file", KeptPage(Checkpoint({"n": 1}), posts), at=NOW)
    return Desk(engine)


def kept_post(native_id: str, text: str) -> KeptPost:
    at = NOW - timedelta(days=10)
    return KeptPost(
        platform="x",
        native_id=native_id,
        created_at=at,
        day=at.date(),
        text=text,
        text_digest=blake2b(text.encode(), digest_size=16).hexdigest(),
        language="en",
        cohort="public",
        kind="original",
        reference=None,
        author=None,
        revision=0,
        withheld_in="",
    )
