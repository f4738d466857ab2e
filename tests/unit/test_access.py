"""Who gets in, who may do what, and what is kept of secrets."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from monitor.access import refuse_open_door
from monitor.dashboard import login
from monitor.dashboard.changes import Changes
from monitor.dashboard.roles import needed_role
from monitor.dashboard.server import DashboardServer
from monitor.dashboard.throttle import Throttle
from monitor.errors import ConfigurationError, UsageError
from monitor.passwords import digest_of, hash_password, is_password
from monitor.pipeline.label_review import LabelReview
from monitor.store.accounts import ROLES, Accounts, Role
from monitor.store.alert_rules import AlertRules
from monitor.store.desk import LabelDesk
from monitor.store.engine import migrate, open_engine
from monitor.store.incidents import Incidents
from monitor.store.tasks import Tasks
from monitor.testing import FakeClock
from tests.dashboard_fakes import NOW, SETTINGS, fake_app

PASSWORD = "four plain words here"
HASH = hash_password(PASSWORD)
HERE = {"origin": "http://127.0.0.1"}
OPEN = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/static/{name}"),
    ("GET", "/health"),
    ("GET", "/healthz"),
    ("HEAD", "/healthz"),
    ("GET", "/readyz"),
    ("HEAD", "/readyz"),
}
LEAST: dict[tuple[str, str], Role] = {
    ("POST", "/logout"): "viewer",
    ("POST", "/topics/{name}/retrain"): "annotator",
    ("GET", "/access"): "admin",
    ("POST", "/access/revoke"): "admin",
}
"""What takes more than the default: reading takes a viewer, the rest an admin."""


@dataclass
class Door:
    """A dashboard with users, and what was noted about them."""

    accounts: Accounts
    clock: FakeClock
    settings: SimpleNamespace = field(default_factory=lambda: SETTINGS)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def app(self) -> FastAPI:
        return fake_app(
            settings=self.settings,
            clock=self.clock,
            changes=self.changes(),
        )

    def changes(self) -> Changes:
        return Changes(
            self.accounts,
            LabelDesk(self.accounts._engine),
            lambda who, what, _: self.notes.append((who, what)),
            Tasks(self.accounts._engine),
            Incidents(self.accounts._engine),
            lambda _: [],
            lambda _: "0123456789abcdef",
            AlertRules(self.accounts._engine),
            lambda _: LabelReview((), (), ()),
        )

    def visitor(self, address: str = "127.0.0.1") -> TestClient:
        return TestClient(
            self.app(),
            base_url="http://127.0.0.1",
            follow_redirects=False,
            client=(address, 50000),
        )

    def logged_in(self, role: Role) -> TestClient:
        visitor = self.visitor()
        answer = log_in(visitor, role)
        assert answer.status_code == 303
        return visitor

    def with_access(self, host: str = "127.0.0.1", **access: Any) -> Door:
        changed = SimpleNamespace(**vars(SETTINGS.access) | access)
        settings = SimpleNamespace(
            **vars(SETTINGS) | {"access": changed, "dashboard": SimpleNamespace(host=host, port=0)}
        )
        return Door(self.accounts, self.clock, settings)


def log_in(visitor: TestClient, name: str, password: str = PASSWORD, **more: str) -> Any:
    return visitor.post("/login", data={"name": name, "password": password, **more}, headers=HERE)


def csrf_of(visitor: TestClient) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', visitor.get("/privacy").text)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    folder: Path = tmp_path_factory.mktemp("accounts")
    engine = open_engine(f"sqlite:///{folder / 'monitor.db'}")
    migrate(engine)
    found = Accounts(engine)
    for role in ROLES:
        found.save_user(role, role, HASH, at=NOW)
    yield found
    engine.dispose()


@pytest.fixture
def door(accounts: Accounts) -> Door:
    return Door(accounts, FakeClock(NOW))


def routes(app: FastAPI) -> list[tuple[str, str]]:
    found = []
    for route in app.routes:
        inner = getattr(route, "app", None)
        nested = getattr(inner, "routes", None) if not hasattr(route, "methods") else None
        for one in nested or [route]:
            path = (getattr(route, "path", "") if nested else "") + one.path  # type: ignore[attr-defined]
            found += [(m, path) for m in one.methods if m not in ("HEAD", "OPTIONS")]  # type: ignore[attr-defined]
    return sorted(set(found))


def expected(method: str, path: str) -> Role:
    if path.startswith("/topics/{name}/label"):
        return "annotator"
    if path.startswith("/alerts/rules"):
        return "admin"
    return LEAST.get((method, path), "viewer" if method == "GET" else "admin")


def test_every_route_takes_its_role_and_no_less(door: Door) -> None:
    app = door.app()
    names = {role: f"token of {role}" for role in ROLES}
    for role, secret in names.items():
        door.accounts.add_token(role, role, digest_of(secret), at=NOW)
    reader = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    wrong = []
    for method, path in routes(app):
        address = path.replace("{name}", "walkout").replace("{number}", "1")
        if (method, path) in OPEN:
            continue
        least = ROLES.index(expected(method, path))
        anonymous = reader.request(method, address, headers=HERE)
        if anonymous.status_code not in (303, 401):
            wrong.append(f"{method} {path}: {anonymous.status_code} for nobody")
        for n, role in enumerate(ROLES):
            headers = {"authorization": f"Bearer {names[role]}"}
            status = reader.request(method, address, headers=headers).status_code
            if (status == 403) != (n < least):
                wrong.append(f"{method} {path}: {status} for {role}")
    assert wrong == []
    assert len(routes(app)) > 20


def test_without_users_the_machine_s_own_reader_needs_no_login() -> None:
    reader = TestClient(fake_app(), base_url="http://127.0.0.1:8000")
    assert reader.get("/topics/walkout").status_code == 200


def test_a_name_made_to_point_at_this_machine_is_refused() -> None:
    reader = TestClient(fake_app(), base_url="http://evil.example:8000")
    assert reader.get("/topics/walkout").status_code == 421


@pytest.mark.parametrize("host", ["[::1", "[x]"])
def test_an_address_that_makes_no_sense_is_refused(door: Door, host: str) -> None:
    reader = TestClient(fake_app(), base_url="http://127.0.0.1")
    assert reader.get("/topics/walkout", headers={"host": host}).status_code == 421
    sent = door.visitor().post("/login", headers={"origin": f"http://{host}"})
    assert sent.status_code == 403


def test_with_users_everybody_logs_in_and_goes_on_where_they_wanted(door: Door) -> None:
    visitor = door.visitor()
    sent = visitor.get("/topics/walkout?by=cohort")
    assert sent.headers["location"] == "/login?next=%2Ftopics%2Fwalkout%3Fby%3Dcohort"
    answer = log_in(visitor, "viewer", next="/topics/walkout?by=cohort")
    assert answer.headers["location"] == "/topics/walkout?by=cohort"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
    assert visitor.get("/topics/walkout").status_code == 200
    assert door.notes == [("viewer", "login")]


def test_over_https_the_cookie_stays_there(door: Door) -> None:
    answer = log_in(door.with_access(https=True).visitor(), "viewer")
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil", "x"])
def test_a_login_leads_nowhere_else(door: Door, elsewhere: str) -> None:
    assert log_in(door.visitor(), "viewer", next=elsewhere).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(door: Door) -> None:
    texts = {
        log_in(door.visitor(), name, "wrong password 1").text.replace(name, "")
        for name in ("viewer", "nobody-such")
    }
    assert len(texts) == 1
    assert "do not fit together" in texts.pop()


def test_logins_that_fail_have_to_wait_and_then_may_again(door: Door) -> None:
    door = door.with_access(login_attempts=2)
    visitor = door.visitor()
    statuses = [log_in(visitor, "viewer", "wrong password 1").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    assert int(log_in(visitor, "viewer").headers["retry-after"]) > 60
    door.clock.forward(minutes=16)
    assert log_in(visitor, "viewer").status_code == 303


def test_passwords_tried_at_the_same_moment_are_counted_too(door: Door) -> None:
    app: Any = door.with_access(login_attempts=2).app()
    form = {"name": "viewer", "password": "wrong password 1"}

    async def at_once() -> list[int]:
        place = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=place, base_url="http://127.0.0.1") as visitor:
            tries = [visitor.post("/login", data=form, headers=HERE) for _ in range(8)]
            return [one.status_code for one in await asyncio.gather(*tries)]

    assert sorted(asyncio.run(at_once())) == [401] * 2 + [429] * 6


def test_few_passwords_are_looked_at_at_a_time_and_few_wait(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = door.with_access(login_attempts=10).app()
    busy, lock, are_refused = [0, 0], threading.Lock(), threading.Event()

    def look(*_: object) -> bool:
        with lock:
            busy[0] += 1
            busy[1] = max(busy)
        are_refused.wait(20)  # Else the first are answered before the last have come.
        with lock:
            busy[0] -= 1
        return False

    monkeypatch.setattr(login, "is_password", look)

    async def at_once() -> list[httpx.Response]:
        place = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=place, base_url="http://127.0.0.1") as visitor:
            forms = [{"name": f"name {n}", "password": "wrong password 1"} for n in range(60)]
            tries = [visitor.post("/login", data=form, headers=HERE) for form in forms]
            answers = []
            for one in asyncio.as_completed(tries):
                answers.append(await one)
                if len(answers) == len(forms) - 40:
                    are_refused.set()
            return answers

    answers = asyncio.run(at_once())
    assert sorted(one.status_code for one in answers) == [401] * 40 + [503] * 20
    assert {one.headers.get("retry-after") for one in answers} == {None, "10"}
    assert busy == [0, 2]


def test_logins_that_succeed_are_no_failures(door: Door) -> None:
    app = door.with_access(login_attempts=1).app()
    for _ in range(12):
        visitor = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
        assert log_in(visitor, "viewer").status_code == 303


def test_behind_a_proxy_on_this_machine_readers_do_not_lock_each_other_out(door: Door) -> None:
    door = door.with_access(login_attempts=1)
    visitor = door.visitor()
    visitor.headers["x-forwarded-for"] = "203.0.113.9"
    statuses = [log_in(visitor, "viewer", "wrong password 1").status_code for _ in range(2)]
    assert statuses == [401, 429]
    visitor.headers["x-forwarded-for"] = "203.0.113.9, 203.0.113.10"
    assert log_in(visitor, "viewer").status_code == 303
    stranger = door.visitor("10.0.0.1")
    stranger.headers["x-forwarded-for"] = "203.0.113.11"
    assert log_in(stranger, "viewer", "wrong password 1").status_code == 401


def test_few_failures_from_elsewhere_lock_nobody_out() -> None:
    throttle = Throttle(2, 15, FakeClock(NOW))
    for _ in range(3):
        throttle.tried("ada", "10.0.0.1")
    assert throttle.seconds_to_wait("ada", "10.0.0.1") > 0
    assert throttle.seconds_to_wait("ada", "10.0.0.2") == 0
    for n in range(20):
        throttle.tried(f"name {n}", "10.0.0.3")
    assert throttle.seconds_to_wait("new", "10.0.0.3") > 0


def test_a_session_ends_by_itself_by_logout_and_with_its_user(door: Door) -> None:
    visitor = door.logged_in("viewer")
    door.clock.forward(hours=12)
    assert visitor.get("/privacy").status_code == 303
    visitor = door.logged_in("viewer")
    visitor.post("/logout", data={"csrf": csrf_of(visitor)}, headers=HERE)
    visitor.cookies.clear()
    assert visitor.get("/privacy").status_code == 303
    door.accounts.save_user("leaver", "viewer", HASH, at=NOW)
    visitor = door.visitor()
    log_in(visitor, "leaver")
    assert visitor.get("/privacy").status_code == 200
    door.accounts.remove_user("leaver")
    assert visitor.get("/privacy").status_code == 303


@pytest.mark.parametrize(
    ("headers", "sent", "status"),
    [
        ({"origin": "http://evil.example"}, True, 403),
        ({"origin": "null"}, True, 403),
        ({"sec-fetch-site": "cross-site", **HERE}, True, 403),
        ({}, True, 403),
        (HERE, False, 403),
        (HERE, True, 303),
    ],
    ids=["other-site", "no-origin", "fetch-site", "silent", "no-token", "from-here"],
)
def test_a_change_takes_a_form_of_these_pages(
    door: Door, headers: dict[str, str], sent: bool, status: int
) -> None:
    visitor = door.logged_in("viewer")
    data = {"csrf": csrf_of(visitor)} if sent else {}
    assert visitor.post("/logout", data=data, headers=headers).status_code == status


def test_who_has_logged_in_meanwhile_may_log_in_again_from_here_alone(door: Door) -> None:
    visitor = door.logged_in("viewer")
    assert log_in(visitor, "annotator", next="/topics").headers["location"] == "/topics"
    elsewhere = {"origin": "http://evil.example"}
    form = {"name": "viewer", "password": PASSWORD}
    assert visitor.post("/login", data=form, headers=elsewhere).status_code == 403


@pytest.mark.parametrize(
    ("referer", "way"),
    [
        ("http://127.0.0.1/topics/walkout/label?as=ada", "%2Ftopics%2Fwalkout%2Flabel%3Fas%3Dada"),
        ("http://evil.example/topics", "%2F"),
        ("http://127.0.0.1//evil.example", "%2F"),
        ("http://127.0.0.1/\\evil.example", "%2F"),
        ("http://[::1", "%2F"),
        ("", "%2F"),
    ],
    ids=["page", "elsewhere", "slashes", "backslash", "nonsense", "none"],
)
def test_a_form_sent_after_the_session_leads_to_the_login_and_back(
    door: Door, referer: str, way: str
) -> None:
    visitor = door.visitor()
    sent = visitor.post("/topics/walkout/label", headers={**HERE, "referer": referer})
    assert sent.status_code == 401
    assert "What was sent has not been kept." in sent.text
    assert f'<a href="/login?next={way}">Log in</a>' in sent.text


@pytest.mark.parametrize("headers", [{}, {"origin": "http://evil.example"}], ids=["none", "other"])
def test_a_program_without_a_token_is_told_of_tokens(door: Door, headers: dict[str, str]) -> None:
    sent = door.visitor().post("/topics/walkout/label", headers=headers)
    assert sent.status_code == 401
    assert "monitor tokens add" in sent.text and "/login" not in sent.text


def test_one_visitor_s_form_is_worth_nothing_to_another(door: Door) -> None:
    one, other = door.logged_in("viewer"), door.logged_in("annotator")
    assert one.post("/logout", data={"csrf": csrf_of(other)}, headers=HERE).status_code == 403


def test_a_token_opens_the_api_until_it_is_revoked(door: Door) -> None:
    number = door.accounts.add_token("grafana", "viewer", digest_of("a secret"), at=NOW)
    visitor = door.visitor()
    bearer = {"authorization": "Bearer a secret"}
    assert visitor.get("/api/v1/topics", headers=bearer).status_code == 200
    assert visitor.get("/metrics", headers=bearer).status_code == 200
    assert next(t for t in door.accounts.tokens() if t.id == number).used_at == NOW
    door.accounts.revoke_token(number, at=NOW)
    refused = visitor.get("/api/v1/topics", headers=bearer)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.json()["error"]


def test_only_a_trusted_proxy_is_believed(door: Door) -> None:
    behind = door.with_access(
        proxy_header="X-Forwarded-User", proxy_addresses=("10.0.0.1",), proxy_role="viewer"
    )
    name = {"x-forwarded-user": "somebody"}
    assert behind.visitor("10.0.0.1").get("/privacy", headers=name).status_code == 200
    assert behind.visitor("10.0.0.2").get("/privacy", headers=name).status_code == 303
    assert behind.visitor("10.0.0.1").get("/privacy").status_code == 303
    admin = {"x-forwarded-user": "admin"}
    assert behind.visitor("10.0.0.1").get("/access", headers=admin).status_code == 200
    assert door.visitor("10.0.0.1").get("/privacy", headers=name).status_code == 303


@pytest.mark.parametrize(("proxy", "status"), [("127.0.0.1", 200), ("10.0.0.1", 303)])
def test_a_proxy_is_known_by_its_own_address_and_not_by_what_it_forwards(
    door: Door, proxy: str, status: int
) -> None:
    behind = door.with_access(proxy_header="X-User", proxy_addresses=(proxy,))
    server = DashboardServer(behind.app(), "127.0.0.1", 0)
    server.start()
    try:
        told = {"x-user": "viewer", "x-forwarded-for": "10.0.0.1"}
        assert httpx.get(f"{server.url}/privacy", headers=told).status_code == status
    finally:
        server.stop()


def test_names_from_the_proxy_that_are_no_users_need_a_role(door: Door) -> None:
    behind = door.with_access(proxy_header="X-User", proxy_addresses=("10.0.0.1",))
    answer = behind.visitor("10.0.0.1").get("/privacy", headers={"x-user": "somebody"})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "monitor.example"])
def test_what_others_can_reach_does_not_start_without_users(door: Door, host: str) -> None:
    settings: Any = door.with_access(host).settings
    with pytest.raises(ConfigurationError, match="no users"):
        refuse_open_door(settings, has_users=False)
    refuse_open_door(settings, has_users=True)


def test_behind_a_proxy_with_https_nobody_gets_in_without_users(door: Door) -> None:
    """The proxy is on this machine, and so is everybody who comes through it."""
    settings: Any = door.with_access(https=True).settings
    with pytest.raises(ConfigurationError, match="no users"):
        refuse_open_door(settings, has_users=False)
    reader = TestClient(fake_app(settings=settings), base_url="http://127.0.0.1")
    assert reader.get("/status", follow_redirects=False).status_code == 303


def test_probes_tell_strangers_no_reasons(door: Door) -> None:
    silent = NOW - timedelta(hours=1)
    app = fake_app(
        changes=door.changes(),
        heartbeat=lambda: silent,
    )
    reader = TestClient(app, base_url="http://127.0.0.1")
    assert reader.get("/readyz").json() == {"status": "failing", "reasons": ["log in to see why"]}


@pytest.mark.parametrize(
    ("method", "page", "headers"),
    [
        ("GET", "/topics/walkout", {"cookie": "monitor_session=x"}),
        ("GET", "/topics/walkout", {}),
        ("GET", "/api/v1/topics", {"authorization": "Bearer x"}),
        ("POST", "/login", HERE),
    ],
    ids=["session", "nobody", "token", "login"],
)
def test_strangers_are_told_nothing_of_a_database_that_does_not_answer(
    door: Door, tmp_path: Path, method: str, page: str, headers: dict[str, str]
) -> None:
    gone = create_engine(f"sqlite:///{tmp_path / 'gone/monitor.db'}")
    stranger = Door(Accounts(gone), door.clock).visitor()
    answer = stranger.request(method, page, headers=headers)
    assert answer.status_code == 503
    assert "cannot be answered at the moment" in answer.text
    assert [word for word in ("database", "sqlite", "gone") if word in answer.text] == []


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}], ids=["nobody", "token"])
def test_metrics_say_that_the_database_is_away_where_nobody_can_be_known(
    tmp_path: Path, door: Door, headers: dict[str, str]
) -> None:
    gone = create_engine(f"sqlite:///{tmp_path / 'gone/monitor.db'}")
    stranger = Door(Accounts(gone), door.clock).visitor()
    with structlog.testing.capture_logs() as lines:
        answers = [stranger.get("/metrics", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    told = [line for line in answers[0].text.splitlines() if not line.startswith("#")]
    assert told == ["monitor_database_up 0.0"]
    events = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert events == ["database_unreachable"]


def test_a_form_that_is_too_large_is_refused(door: Door) -> None:
    answer = door.visitor().post("/login", data={"name": "a" * 70_000}, headers=HERE)
    assert answer.status_code == 413


def send_in_pieces(door: Door, page: str, cookies: dict[str, str], pieces: Iterator[bytes]) -> int:
    """Sends a body without its length, as it is asked for, and returns the answer's status."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def send() -> int:
        place, here = httpx.ASGITransport(door.app()), "http://127.0.0.1"
        async with httpx.AsyncClient(transport=place, base_url=here, cookies=cookies) as visitor:
            return (await visitor.post(page, content=body(), headers=HERE)).status_code

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("page", "role"), [("/login", None), ("/logout", "viewer")], ids=["stranger", "visitor"]
)
def test_a_body_that_tells_no_length_is_read_no_further_than_a_form_is_long(
    door: Door, page: str, role: Role | None
) -> None:
    cookies = dict(door.logged_in(role).cookies) if role else {}
    pieces = iter([b"a" * 16 * 1024] * 100)
    assert send_in_pieces(door, page, cookies, pieces) == 413
    assert len(list(pieces)) > 90


def test_a_form_in_pieces_is_read_whole_by_the_guard_and_by_its_page(door: Door) -> None:
    visitor = door.logged_in("admin")
    token = door.accounts.add_token("grafana", "viewer", digest_of("in pieces"), at=NOW)
    form = f"csrf={csrf_of(visitor)}&token={token}".encode()
    pieces = (bytes([one]) for one in form)
    assert send_in_pieces(door, "/access/revoke", dict(visitor.cookies), pieces) == 303
    assert next(one for one in door.accounts.tokens() if one.id == token).revoked_at == NOW


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaa", "x" * 1001])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    with pytest.raises(UsageError):
        hash_password(password)


def test_a_hash_fits_its_password_alone() -> None:
    assert HASH.startswith("$argon2id$")
    assert is_password(HASH, PASSWORD)
    assert not is_password(HASH, PASSWORD + "x")
    assert not is_password(None, PASSWORD)
    assert not is_password("broken", PASSWORD)


def test_secrets_are_nowhere_in_the_store(door: Door, accounts: Accounts) -> None:
    visitor = door.logged_in("viewer")
    secret = visitor.cookies["monitor_session"]
    with accounts._engine.connect() as connection:
        kept = [
            str(row)
            for table in ("users", "sessions", "api_tokens")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]
    assert any(digest_of(secret) in row for row in kept)
    assert not [row for row in kept if secret in row or PASSWORD in row]


def test_asking_for_the_head_of_a_page_takes_what_the_page_takes() -> None:
    assert needed_role("HEAD", "/access") == needed_role("GET", "/access") == "admin"
