"""The whole cycle in a browser: label by keyboard, train, compare, promote, switch, roll back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from monitor.bootstrap.application import Application
from monitor.commands.daemon import dashboard_server
from monitor.kept import KeptPost
from monitor.store.tasks import Task
from monitor.wishes import task_runner
from tests.conftest import need
from tests.desk_fakes import kept_post
from tests.small_installation import fill, opened, write_topic
from tests.tiny_model import make_tiny_model

CHROMIUM = shutil.which("chromium") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
POSTS, LABELLED = 66, 60
TEXTS = ("so glad about item {n}", "so angry about item {n}", "there is item {n}")
KEYS = {"glad": "1", "angry": "2", "there": "3"}
"""By a word of the post, the key of its mood."""


def kept(number: int) -> KeptPost:
    return kept_post(str(number), TEXTS[number % 3].format(n=number))


@pytest.fixture
def app(tmp_path: Path) -> Application:
    """An installation with a tiny model and unlabelled posts, scored and counted."""
    write_topic(tmp_path)
    settings = {"MONITOR_AUDIT__MINIMUM_LABELS": str(LABELLED), "MONITOR_AUDIT__OVERLAP": "0"}
    made = opened(tmp_path, make_tiny_model(tmp_path / "shipped"), settings)
    fill(made, map(kept, range(POSTS)))
    return made


@pytest.fixture
def page(app: Application) -> Iterator[Page]:
    need(bool(CHROMIUM), "chromium")
    server = dashboard_server(app)
    server.start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(base_url=server.url)
        opened.set_default_timeout(120_000)
        yield opened
        browser.close()
    server.stop()


def label_by_keyboard(page: Page) -> None:
    page.goto("/topics/strike/label")
    for _ in range(LABELLED):
        text = page.locator(".post").inner_text()
        mood = next(key for word, key in KEYS.items() if word in text)
        page.get_by_text("question 1 of 2").wait_for()
        page.wait_for_load_state()  # a key that is pressed before the script has come is lost
        page.keyboard.press("3")
        page.get_by_text("question 2 of 2").wait_for()
        page.wait_for_load_state()
        page.keyboard.press(mood)
        page.get_by_text("question 1 of 2").wait_for()


def done(app: Application) -> Task:
    """Does what was asked for on the page, as the daemon does, and returns it."""
    assert task_runner(app, first=True).run_waiting(lambda: False) == 1
    task = app.tasks.recent(1)[0]
    assert task.status == "ok", task.outcome
    return task


def confirm(page: Page, button: str) -> None:
    form = page.locator("form", has=page.get_by_role("button", name=button))
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name=button).click()
    page.get_by_role("heading", name="Tasks").wait_for()


@pytest.mark.timeout(900)
def test_label_train_compare_promote_and_roll_back(app: Application, page: Page) -> None:
    shipped = app.registry.shipped().id
    label_by_keyboard(page)
    page.get_by_text("That is enough to show figures").wait_for()
    page.get_by_role("button", name="Train on these labels").click()
    page.get_by_role("heading", name="Tasks").wait_for()
    outcome = done(app).outcome

    (candidate,) = [one for one in app.registry.list("strike") if one.topic]
    assert candidate.verdict
    assert candidate.id in outcome
    if app.registry.champion("strike").id == shipped:
        page.goto("/topics/strike/models")
        assert page.get_by_text("measured against").count() == 1
        confirm(page, f"Promote {candidate.id[:8]}")
        assert "is the champion" in done(app).outcome
    assert app.queries.shown_version("strike") == candidate.id
    page.goto("/topics/strike/models")
    shown = page.locator("h2", has=page.get_by_text("shown", exact=True))
    assert shown.locator("code").inner_text() == candidate.id

    confirm(page, "Roll back to the champion before")
    done(app)
    assert app.queries.shown_version("strike") == shipped
    actions = [entry.action for entry in app.queries.log_entries(20)]
    assert {"retrained", "promoted", "rolled_back", "version_shown"} <= set(actions)
    assert app.clock() - app.tasks.recent(1)[0].requested_at < timedelta(hours=1)
