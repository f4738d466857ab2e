"""A database whose post ids were stored as they are: sealed at the next start, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from postgres import new_database, postgres_server
from sqlalchemy import select, text

from collectors.post import Checkpoint, Deletion, Page, Post, Window
from monitor.bootstrap.application import Application
from monitor.bootstrap.collecting import collect_step
from monitor.errors import ConfigurationError
from monitor.post_ids import PREFIX, PostIds, key_path
from monitor.settings import load_settings
from monitor.store.engine import reading, writing
from monitor.store.rows import CHECKPOINTS, POSTS, UNSCORED
from monitor.store.store import Store
from monitor.store.values import Question
from monitor.testing import FakeClock, FakeCollector

__all__ = ["postgres_server"]

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-05
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""
NOON = datetime(2020, 6, 2, 12, tzinfo=UTC)
STATE = {"page": 0, "feed": "https://a.test/@author3/feed"}


class _PlainIds(PostIds):
    """What earlier programs did: nothing."""

    def __init__(self) -> None:
        super().__init__(bytes(32))

    def seal(self, native_id: str) -> str:
        return native_id

    def seal_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return dict(state)


@dataclass
class Listening(FakeCollector):
    """Remembers what it was asked to go on from."""

    asked: list[Checkpoint | None] = field(default_factory=list)

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        self.asked.append(since)
        return super().fetch(since, window)


def uri(number: int) -> str:
    return f"at://did:plc:author{number}/app.bsky.feed.post/3k"


def posts() -> tuple[Post, ...]:
    originals = [Post("bluesky", uri(n), NOON, f"the strike {n}", "en", uri(n)) for n in range(5)]
    reposts = [
        Post("bluesky", f"{uri(n)}r", NOON, "", author="x", kind="repost", reference=uri(n))
        for n in (3, 4)
    ]
    return (*originals, *reposts, Post("x", "77", NOON, "the strike", "en", "9"))


Make = Callable[[], Application]


@pytest.fixture(params=["sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """The program over one database, as often as it is started."""
    (tmp_path / "config" / "topics").mkdir(parents=True)
    (tmp_path / "config" / "topics" / "strike.toml").write_text(TOPIC, encoding="utf-8")
    environ = {
        "MONITOR_HOME": str(tmp_path / "home"),
        "MONITOR_CONFIG": str(tmp_path / "config"),
        "MONITOR_DEFAULT_TOPIC": "strike",
    }

    started: list[Application] = []

    def start() -> Application:
        started.append(Application(load_settings(environ), FakeClock(NOON)))
        return started[-1]

    if request.param == "sqlite":
        yield start
        return
    with new_database(request.getfixturevalue("postgres_server")) as url:
        environ["MONITOR_DATABASE_URL"] = url
        yield start
        for app in started:
            app._engine.dispose()


def collect(app: Application, *found: Post, deletions: tuple[Deletion, ...] = ()) -> dict[str, int]:
    page = Page(Checkpoint(STATE), posts=found, deletions=deletions)
    return dict(collect_step(app, app.topic()).collect(FakeCollector([page], "bluesky")).counts)


def leave_as_earlier_programs_did(app: Application) -> None:
    """Posts with plain ids, one removed, one learned from, two waiting to be scored."""
    step = collect_step(app, app.topic())
    plain = replace(step, admission=replace(step.admission, ids=_PlainIds()))
    questions: list[Question] = [("sentiment", "")]
    app.store.begin_scoring("strike", "v1", questions, languages=["en"])
    gone = Page(Checkpoint(STATE), deletions=(Deletion("bluesky", uri(0)),))
    plain.collect(FakeCollector([Page(Checkpoint(STATE), posts=posts()), gone], "bluesky"))
    app.store.record_training("strike", "v1", [("bluesky", uri(1)), ("x", "77")])
    with writing(app._engine) as connection:
        connection.execute(text("DELETE FROM sealings"))


def columns(app: Application) -> list[str]:
    """Every id and state that is stored."""
    with reading(app._engine) as connection:
        ids = [
            value
            for row in connection.execute(select(POSTS.c.native_id, POSTS.c.reference))
            for value in row
            if value is not None
        ]
        waiting = list(connection.execute(select(UNSCORED.c.native_id)).scalars())
        states = list(map(str, connection.execute(select(CHECKPOINTS.c.state)).scalars()))
    return [*ids, *waiting, *states]


def test_ids_stored_before_are_sealed_at_the_next_start(make: Make) -> None:
    leave_as_earlier_programs_did(make())
    app = make()

    assert app.queries.totals("strike").posts == 7

    assert [one for one in columns(app) if "did:plc" in one or "author" in one] == []
    assert sorted(one for one in columns(app) if not one.startswith((PREFIX, "{"))) == ["77", "77"]


def test_sealed_posts_are_known_again_and_removed_ones_stay_away(make: Make) -> None:
    leave_as_earlier_programs_did(make())
    app = make()

    again = collect(app, *posts())

    assert (again["stored"], again["repeated"], again["refused"]) == (0, 7, 1)


def test_a_repost_of_what_was_removed_before_is_refused(make: Make) -> None:
    leave_as_earlier_programs_did(make())
    late = Post("bluesky", f"{uri(9)}r", NOON, "", author="x", kind="repost", reference=uri(0))

    assert collect(make(), late)["refused"] == 1


def test_deletions_hit_sealed_posts_their_reposts_and_what_models_learned(make: Make) -> None:
    leave_as_earlier_programs_did(make())
    app = make()

    gone = tuple(Deletion("bluesky", uri(n)) for n in (1, 3))
    assert collect(app, deletions=gone)["removed"] == 3

    assert app.queries.models_on_removed("strike") == {"v1": 1}


def test_checkpoints_come_back_as_collectors_gave_them(make: Make) -> None:
    leave_as_earlier_programs_did(make())
    app = make()
    collector = Listening([], "bluesky")

    collect_step(app, app.topic()).collect(collector)

    assert collector.asked == [Checkpoint(STATE)]


def test_an_interrupted_sealing_goes_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_as_earlier_programs_did(make())
    monkeypatch.setattr("monitor.pipeline.seal._AT_ONCE", 3)
    seal_posts, calls = Store.seal_posts, []

    def dying(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return seal_posts(*arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Store, "seal_posts", dying)
        with pytest.raises(KeyboardInterrupt):
            _ = make().store
    app = make()

    assert collect(app, *posts())["stored"] == 0
    assert [one for one in columns(app) if "did:plc" in one] == []


def test_another_key_is_refused_before_anything_is_stored_twice(make: Make) -> None:
    app = make()
    collect(app, *posts())
    key = key_path(app.settings.home / "keys", "strike")
    key.unlink()

    with pytest.raises(ConfigurationError, match=r"strike\.ids\.key is not the key") as caught:
        collect(make(), *posts())
    assert "backup" in caught.value.hint
    assert app.queries.totals("strike").posts == 8
