"""Logging in over both databases, with what only one of them can hold."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from monitor.dashboard.changes import Changes
from monitor.passwords import hash_password
from monitor.store.accounts import Accounts
from tests.dashboard_fakes import NOW, fake_app

PASSWORD = "four plain words here"


@pytest.fixture
def visitor(engine: Engine) -> TestClient:
    accounts = Accounts(engine)
    accounts.save_user("ada", "viewer", hash_password(PASSWORD), at=NOW)
    parts: list[Any] = [None] * 7
    changes = Changes(accounts, parts[0], lambda *_: None, *parts[1:])
    app = fake_app(changes=changes)
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.mark.parametrize(
    ("name", "status"),
    [("ada", 303), ("%00", 401), ("ada%00", 401), ("%ED%A0%80", 401), ("%EF%BB%BF", 401)],
    ids=["user", "nul", "nul-after", "half-a-pair", "invisible"],
)
def test_a_name_that_nobody_can_have_is_a_wrong_login(
    visitor: TestClient, name: str, status: int
) -> None:
    headers = {
        "origin": "http://127.0.0.1",
        "content-type": "application/x-www-form-urlencoded",
    }
    form = f"name={name}&password={PASSWORD.replace(' ', '+')}"
    assert visitor.post("/login", content=form, headers=headers).status_code == status


@pytest.mark.parametrize(
    "headers",
    [{"cookie": "monitor_session=\\000x"}, {"authorization": b"Bearer \xed\xa0\x80"}],
    ids=["cookie", "token"],
)
def test_a_secret_that_nobody_can_have_opens_nothing(visitor: TestClient, headers: Any) -> None:
    assert visitor.get("/status", headers=headers).status_code in (303, 401)
