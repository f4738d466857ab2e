"""One message as an incident begins and one as it ends, by mail and by webhook."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine

from collectors.post import Checkpoint, Window
from monitor.alarms.evidence import Rule
from monitor.alert_rule import AlertTable
from monitor.errors import ConfigurationError
from monitor.kept import KeptPage
from monitor.notify import Teller, teller_of
from monitor.pipeline.alert import AlertStep, rules_in_force
from monitor.store.alert_rules import StoredRule
from monitor.store.engine import migrate, open_engine
from monitor.store.incidents import Incidents
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import CoverageSpan, Posted
from monitor.testing import FakeClock
from monitor.topic import Topic
from tests.dashboard_fakes import NOW, RETENTION, TOPIC, FakeFigures, FakeQueries, figure
from tests.desk_fakes import kept_post

RULE = AlertTable.model_validate(
    {
        "name": "support",
        "kind": "share",
        "target": "walkout",
        "label": "favor",
        "above": 0.6,
        "cool_down_hours": 48,
    }
).model_dump()
WATCHED = replace(TOPIC, alerts=(RULE,))


@dataclass
class Told:
    """Takes messages, or refuses them."""

    works: bool = True
    messages: list[str] = field(default_factory=list)

    def tell(self, title: str, text: str, *, message: str) -> bool:
        if self.works:
            self.messages.append(f"{title}: {text}")
        return self.works

    @property
    def said(self) -> list[str]:
        """The messages without their moments."""
        return [one.rpartition(" (")[0] for one in self.messages]


@dataclass
class World:
    """A topic whose latest share is set by hand."""

    engine: Engine
    told: Told = field(default_factory=Told)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    share: float = 0.5
    is_released: bool = True
    rules: Callable[[Topic], Sequence[Rule]] = lambda topic: topic.alerts

    @property
    def incidents(self) -> Incidents:
        return Incidents(self.engine)

    def forget_rules(self) -> None:
        """Leaves the incidents as a program that kept no rule with them."""
        Store(self.engine).drop_checkpoint(TOPIC.name, "alert:support")

    def look(self, share: float | None = None, **later: float) -> None:
        self.clock.forward(**later)
        self.share = self.share if share is None else share
        figures: Any = _Figures(self)
        queries: Any = FakeQueries()
        step = AlertStep(figures, queries, self.incidents, self.told, self.clock, self.rules)
        step.alert(WATCHED)


class _Figures(FakeFigures):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def released(self, *_: Any, **__: Any) -> Any:
        if not self._world.is_released:
            return []
        share = self._world.share
        yesterday = TOPIC.day_of(self._world.clock()) - timedelta(days=1)
        return [figure(yesterday, share=share, low=share - 0.02, high=share + 0.02)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    migrate(engine)
    yield World(engine)
    engine.dispose()


def test_an_incident_is_told_once_as_it_begins_and_once_as_it_ends(world: World) -> None:
    for share in (0.5, 0.7, 0.7, 0.61, 0.7, 0.5, 0.5):
        world.look(share, hours=1)
    assert [one.split(" (")[0] for one in world.told.messages] == [
        "Alert: support",
        "Over: support",
    ]


def test_a_share_that_swings_about_the_line_is_one_incident(world: World) -> None:
    for share in [0.63, 0.615] * 10:
        world.look(share, hours=1)
    assert len(world.told.messages) == 1


def test_after_an_end_nothing_begins_before_the_cool_down(world: World) -> None:
    for share in (0.7, 0.5, 0.7):
        world.look(share, hours=1)
    assert len(world.told.messages) == 2
    world.look(0.7, hours=48)
    assert len(world.told.messages) == 3


def test_an_end_that_a_clock_recorded_ahead_keeps_nothing_from_beginning(world: World) -> None:
    for share in (0.7, 0.5):
        world.look(share, hours=400)
    world.look(0.7, hours=-400)
    assert len(world.told.messages) == 3


def test_an_unknown_time_that_a_clock_recorded_ahead_ends_with_its_grace(world: World) -> None:
    world.look(0.7)
    world.is_released = False
    world.look(hours=400)
    world.look(hours=-400)
    world.look(hours=48)
    assert "closed without knowing more." in world.told.messages[-1]


def test_a_message_that_a_clock_put_off_ahead_is_tried_at_once(world: World) -> None:
    world.told.works = False
    world.look(0.7, hours=400)
    world.told.works = True
    world.look(0.7, hours=-400)
    assert len(world.told.messages) == 1


def test_a_message_that_does_not_arrive_is_tried_again_ever_later(world: World) -> None:
    world.told.works = False
    tries = []
    for _ in range(200):
        world.look(0.7, minutes=1)
        tries.append(world.incidents.recent(1)[0].attempts)
    assert tries[0] == 1
    assert 7 <= tries[-1] <= 10
    world.told.works = True
    world.look(0.7, hours=1)
    world.look(0.7, hours=1)
    assert len(world.told.messages) == 1


def test_a_message_that_arrives_late_says_when_it_began_or_ended(world: World) -> None:
    world.told.works = False
    world.look(0.7)
    world.look(0.5, days=1)
    world.told.works = True
    for _ in range(2):
        world.look(0.5, days=1)
    began, ended = (f"{world.clock() - timedelta(days=ago):%Y-%m-%d %H:%M}" for ago in (3, 2))
    first, last = world.told.messages
    assert first.endswith(f" (Began {began} UTC.)")
    assert last.endswith(f" (Ended {ended} UTC.)")


def test_an_incident_ends_with_its_rule(world: World) -> None:
    world.look(0.7, hours=1)
    world.rules = lambda _: []
    world.look(0.7, hours=1)
    assert world.told.said[-1].endswith("The rule was taken away or switched off.")
    assert world.incidents.lasting(TOPIC.name) == []


def test_a_changed_rule_ends_its_incident_and_is_told_if_it_holds(world: World) -> None:
    world.look(0.7, hours=1)
    world.rules = lambda _: [RULE | {"above": 0.65}]
    world.look(0.7, hours=1)
    world.look(0.7, hours=1)
    first, over, second = world.told.said
    assert first.endswith("its whole interval above 60%.")
    assert over == f"Over: support ({TOPIC.title}): The rule was changed."
    assert second.endswith("its whole interval above 65%.")


def test_what_a_changed_rule_no_longer_says_is_over_without_a_word_about_it(world: World) -> None:
    world.look(0.7, hours=1)
    world.rules = lambda _: [RULE | {"above": 0.8}]
    world.look(0.7, hours=1)
    assert world.told.said[-1].endswith(": The rule was changed.")
    assert world.incidents.lasting(TOPIC.name) == []


def test_other_hours_of_rest_are_no_other_rule(world: World) -> None:
    world.look(0.7, hours=1)
    world.rules = lambda _: [RULE | {"cool_down_hours": 1.0, "grace_hours": 1.0}]
    world.look(0.7, hours=1)
    assert len(world.told.messages) == 1


def test_a_rule_made_anew_under_its_name_is_told_at_once(world: World) -> None:
    for rules in ([RULE], [], [RULE]):
        world.rules = lambda _, rules=rules: rules  # type: ignore[misc]
        world.look(0.7, hours=1)
    assert [one.split(" (")[0] for one in world.told.messages] == [
        "Alert: support",
        "Over: support",
        "Alert: support",
    ]


def test_a_rule_changed_after_an_end_need_not_wait(world: World) -> None:
    for share in (0.7, 0.5):
        world.look(share, hours=1)
    world.rules = lambda _: [RULE | {"above": 0.45}]
    world.look(0.5, hours=1)
    assert world.told.said[-1].endswith("its whole interval above 45%.")


def test_an_incident_of_an_earlier_program_is_the_present_rule_s(world: World) -> None:
    world.look(0.7, hours=1)
    world.forget_rules()
    world.look(0.7, hours=1)
    assert len(world.told.messages) == 1
    world.rules = lambda _: [RULE | {"above": 0.65}]
    world.look(0.7, hours=1)
    assert world.told.said[1].endswith("The rule was changed.")


def test_an_incident_of_which_nothing_is_known_is_closed_after_its_grace(world: World) -> None:
    world.look(0.7)
    world.is_released = False
    for _ in range(48):
        world.look(hours=1)
    assert len(world.told.messages) == 1
    world.look(hours=1)
    assert "closed without knowing more" in world.told.messages[-1]


def test_the_grace_begins_anew_with_each_figure(world: World) -> None:
    world.look(0.7)
    for _ in range(3):
        world.is_released = False
        for _ in range(40):
            world.look(hours=1)
        world.is_released = True
        world.look(0.61, hours=1)  # touches the line
    assert len(world.told.messages) == 1


def test_a_rise_is_closed_where_nothing_is_collected_any_more(world: World) -> None:
    queries: Any = _Hours()
    spike = AlertTable(name="spike", kind="spike", days=3).model_dump()
    topic = replace(TOPIC, end=date(2020, 7, 1), alerts=(spike,))
    figures: Any = FakeFigures()
    step = AlertStep(figures, queries, world.incidents, world.told, world.clock)
    for _ in range(24 + 49):
        step.alert(topic)
        world.clock.forward(hours=1)
    assert len(world.told.messages) == 1
    world.clock.forward(hours=1)
    step.alert(topic)
    assert "closed without knowing more" in world.told.messages[-1]


class _Hours(FakeQueries):
    """Everything is collected up to now, and the last hours are full of posts."""

    def coverage(self, topic: str, since: datetime, until: datetime) -> list[CoverageSpan]:
        return [CoverageSpan("x", since, NOW, "complete", "")] if since < NOW else []

    def posted(self, topic: str, windows: Sequence[Window]) -> list[Posted]:
        late = NOW - timedelta(hours=5)
        return [Posted(500, 400) if one.start > late else Posted(20, 20) for one in windows]


def test_a_job_that_runs_seldom_is_told_of_until_it_is_gone(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    migrate(engine)
    store, told = Store(engine), Told()
    for _ in range(3):
        store.finish_run(store.start_run(RETENTION, TOPIC.name, NOW), NOW, "failed")
        store.start_run(RETENTION, TOPIC.name, NOW)  # broken off
    for _ in range(600):
        store.finish_run(store.start_run("classify:walkout", TOPIC.name, NOW), NOW, "ok")
    watched = replace(TOPIC, alerts=({**RULE, "kind": "jobs", "failures": 3, "name": "jobs"},))
    figures: Any = FakeFigures()
    step = AlertStep(figures, Queries(engine), Incidents(engine), told, FakeClock(NOW))
    step.alert(watched)
    replace(step, counts_run=lambda run: run.job != RETENTION).alert(watched)
    engine.dispose()
    assert [one.split(" (")[0] for one in told.messages] == ["Alert: jobs", "Over: jobs"]


class Jobs:
    """A rule about failing jobs, and what it has told."""

    def __init__(self, engine: Engine, told: Any) -> None:
        self.clock, self._store = FakeClock(NOW), Store(engine)
        figures: Any = FakeFigures()
        self._step = AlertStep(figures, Queries(engine), Incidents(engine), told, self.clock)
        self._topic = replace(TOPIC, alerts=({**RULE, "kind": "jobs", "failures": 1},))

    def look(self, *, hours: float = 1, **jobs: str) -> None:
        self.clock.forward(hours=hours)
        for job, status in jobs.items():
            run = self._store.start_run(f"{job}:walkout", TOPIC.name, self.clock())
            self._store.finish_run(run, self.clock(), status)  # type: ignore[arg-type]
        self._step.alert(self._topic)


def test_a_second_job_that_fails_is_told_of_while_the_first_goes_on(world: World) -> None:
    jobs = Jobs(world.engine, world.told)
    jobs.look(classify="failed")
    jobs.look(classify="failed", retention="failed")
    for _ in range(3):
        jobs.look(classify="failed", retention="failed")
    first, second = world.told.messages
    assert "retention" not in first
    assert "also retention:walkout. Failed 1 times in a row: classify:walkout, ret" in second
    jobs.look(classify="ok", retention="ok")
    assert len(world.told.messages) == 3


def test_a_job_that_fails_again_is_told_of_again_after_the_cool_down(world: World) -> None:
    jobs, told = Jobs(world.engine, world.told), []
    for status, hours in (("failed", 1), ("ok", 1), ("failed", 1), ("ok", 1), ("failed", 49)):
        jobs.look(hours=hours, classify="failed", retention=status)
        told.append(len(world.told.messages))
    assert told == [1, 1, 1, 1, 2]


def test_what_is_told_besides_reaches_those_who_took_the_first_message(
    world: World, hooks: Hooks
) -> None:
    jobs = Jobs(world.engine, Teller(hooks.addresses))
    jobs.look(classify="failed")
    jobs.look(classify="failed", retention="failed")
    assert hooks.taken == {"/well": 2, "/ill": 0}


def test_a_source_is_silent_until_it_speaks_or_the_topic_ends(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    migrate(engine)
    store, told, clock = Store(engine), Told(), FakeClock(NOW)
    open_topic = replace(TOPIC, end=date(2020, 7, 1), alerts=({**RULE, "kind": "silence"},))
    post = kept_post("1", "a post")._replace(created_at=NOW - timedelta(hours=2))
    to_come = kept_post("2", "a post")._replace(created_at=NOW + timedelta(days=9))
    store.save_page(TOPIC.name, "x", KeptPage(Checkpoint({}), (post, to_come)), at=NOW)
    figures: Any = FakeFigures()
    step = AlertStep(figures, Queries(engine), Incidents(engine), told, clock, asked=["x"])

    def look(*, collects: bool, **later: float) -> int:
        clock.forward(**later)
        if collects:
            run = store.start_run(f"collect:x:{TOPIC.name}", TOPIC.name, clock())
            store.finish_run(run, clock(), "ok")
        step.alert(open_topic)
        return len(told.messages)

    told_so_far = [
        look(collects=True),
        look(collects=False, hours=40),  # the program was off
        look(collects=True, minutes=5),
        look(collects=True, days=20),
    ]
    engine.dispose()
    assert told_so_far == [0, 0, 1, 2]
    assert "The topic has ended" in told.messages[-1]


def test_rules_from_pages_are_judged_besides_those_of_the_file() -> None:
    made = [
        StoredRule(TOPIC.name, name, {**RULE, "name": name, "above": 0.9}, enabled, "ada", NOW)
        for name, enabled in (("loud", True), ("off", False), ("support", True))
    ]
    found = rules_in_force(WATCHED, made)
    assert [(one["name"], one["above"]) for one in found] == [("support", 0.6), ("loud", 0.9)]


def free_port() -> int:
    """The mail server connects to its own port to see that it runs, so it must know it before."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_mail_and_webhook_get_the_message(world: World) -> None:
    mails: list[bytes] = []
    posts: list[Any] = []

    class Mails:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            mails.append(envelope.content)
            return "250 taken"

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posts.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    port = free_port()
    mail = Controller(Mails(), hostname="127.0.0.1", port=port)
    mail.start()
    hook = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    teller = Teller(
        [
            f"mailto://127.0.0.1:{port}/?from=monitor@example.org&to=desk@example.org&mode=insecure",
            f"json://127.0.0.1:{hook.server_port}/alerts",
        ]
    )
    try:
        world.told = teller  # type: ignore[assignment]
        world.look(0.7)
    finally:
        mail.stop()
        hook.shutdown()
        hook.server_close()
    assert world.incidents.recent(1)[0].told_start
    assert posts[0]["title"] == f"Alert: support ({TOPIC.title})"
    assert "68% to 72%" in posts[0]["message"]
    assert len(mails) == 1 and b"Alert" in mails[0]


@dataclass
class Hooks:
    """Two addresses that take messages, or do not."""

    server: HTTPServer
    taken: dict[str, int] = field(default_factory=lambda: {"/well": 0, "/ill": 0})
    answers: dict[str, int] = field(default_factory=lambda: {"/well": 200, "/ill": 500})

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(f"json://127.0.0.1:{self.server.server_port}{path}" for path in self.taken)


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            found.taken[self.path] += found.answers[self.path] == 200
            self.send_response(found.answers[self.path])
            self.send_header("Location", "/login")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    found = Hooks(HTTPServer(("127.0.0.1", 0), Hook))
    threading.Thread(target=found.server.serve_forever, daemon=True).start()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_an_address_that_does_not_answer_has_the_others_told_once(
    world: World, hooks: Hooks
) -> None:
    for _ in range(3):
        world.told = teller_of(hooks.addresses)  # type: ignore[assignment]
        world.look(0.7, hours=1)
    assert hooks.taken == {"/well": 1, "/ill": 0}
    hooks.answers["/ill"] = 200
    world.look(0.7, hours=1)
    world.look(0.5, hours=1)
    assert hooks.taken == {"/well": 2, "/ill": 2}


@pytest.mark.parametrize("answer", [301, 302, 303, 307])
def test_an_address_that_leads_elsewhere_has_taken_nothing(hooks: Hooks, answer: int) -> None:
    hooks.answers["/ill"] = answer
    assert not Teller(hooks.addresses[1:]).tell("Alert: silence", "Nothing was stored.")


def test_another_incident_is_told_in_the_same_words_while_an_address_does_not_answer(
    hooks: Hooks,
) -> None:
    teller = Teller(hooks.addresses)
    for _ in range(2):
        for incident in ("1 begins", "2 begins"):
            assert not teller.tell("Alert: silence", "Nothing was stored.", message=incident)
    assert hooks.taken == {"/well": 2, "/ill": 0}


NO_ADDRESS = "no-such-service://user:secret@host"


def test_an_address_that_is_none_is_named_without_showing_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Teller(["json://127.0.0.1/", NO_ADDRESS]).check()
    assert "address 2" in str(caught.value)
    assert "secret@" not in str(caught.value)


def test_an_address_that_is_none_keeps_no_message_from_the_others(
    world: World, hooks: Hooks
) -> None:
    world.told = Teller([NO_ADDRESS, hooks.addresses[0]])  # type: ignore[assignment]
    for _ in range(2):
        world.look(0.7, hours=1)
    assert hooks.taken == {"/well": 1, "/ill": 0}


def test_a_message_waits_where_no_address_is_one(world: World) -> None:
    world.told = Teller([NO_ADDRESS])  # type: ignore[assignment]
    world.look(0.7)
    assert not world.incidents.recent(1)[0].told_start


def test_without_an_address_an_alert_is_logged(world: World) -> None:
    world.told = Teller([])  # type: ignore[assignment]
    world.look(0.7)
    assert world.incidents.recent(1)[0].told_start
