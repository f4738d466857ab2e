"""Every page in a real browser, wide and narrow, light and dark: no barriers, keys suffice."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from monitor.dashboard.rule_fields import defaults
from monitor.dashboard.server import DashboardServer
from monitor.store.alert_rules import AlertRules
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import HumanLabel
from tests.conftest import need
from tests.dashboard_fakes import NOW, TOPIC, FakeFigures, FakeQueries
from tests.desk_fakes import HOSTILE, Desk, open_desk

CHROMIUM = shutil.which("chromium") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BROWSER = Path(__file__).parent.parent / "browser"
AXE = BROWSER / "node_modules/axe-core/axe.min.js"
SHOTS = BROWSER / "screenshots"
LABEL = "/topics/walkout/label"
SETTLE = "/topics/walkout/label/settle"
ALL_DRAWN = "[...document.querySelectorAll('.chart')].every(one => one.dataset.drawn)"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LOOKS = [(1440, "light"), (1440, "dark"), (360, "light"), (360, "dark")]
PAGES = {
    "topic": "/topics/walkout",
    "cohorts": "/topics/walkout?by=cohort",
    "nothing": "/topics/walkout?since=2020-06-20",
    "error": "/topics/walkout?by=nothing",
    "label": LABEL,
    "settle": SETTLE,
    "collection": "/topics/walkout/collection",
    "models": "/topics/walkout/models",
    "tasks": "/tasks",
    "alerts": "/alerts",
    "rule": "/alerts/rules?topic=walkout&kind=share",
    "status": "/status",
    "privacy": "/privacy",
    "access": "/access",
    "login": "/login",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need(bool(CHROMIUM), "chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def laid_out(folder: Path) -> Iterator[Desk]:
    made = open_desk(folder, [HOSTILE, *(f"text {n}" for n in range(9))])
    rule = {**defaults("share", TOPIC), "name": "support"}
    for who, said in (("ann", "favor"), ("ben", "against")):  # no part of the audit
        given = HumanLabel("0", "x", "stance", "walkout", said, who, sample="active")
        Store(made.engine).save_labels(TOPIC.name, [given], at=NOW)
    AlertRules(made.engine).create(TOPIC.name, rule, who="ada", at=NOW)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    yield from laid_out(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def own_desk(tmp_path: Path) -> Iterator[Desk]:
    """For a test that answers: what is answered changes what others are asked."""
    yield from laid_out(tmp_path)


@pytest.fixture
def own_address(own_desk: Desk) -> Iterator[str]:
    yield from served(own_desk)


def served(desk: Desk, *fakes: Any) -> Iterator[str]:
    names = ("figures", "queries")
    server = DashboardServer(desk.app(**dict(zip(names, fakes, strict=False))), "127.0.0.1", 0)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def address(desk: Desk) -> Iterator[str]:
    yield from served(desk)


@pytest.fixture(scope="module")
def unvalidated(desk: Desk) -> Iterator[str]:
    yield from served(desk, FakeFigures(validated=False))


@pytest.fixture(scope="module")
def empty(desk: Desk) -> Iterator[str]:
    yield from served(desk, FakeFigures(days=0), FakeQueries(posts=False))


def opened(browser: Browser, **options: Any) -> Page:
    page = browser.new_page(**options)
    page.set_default_timeout(120_000)  # a busy machine draws slowly
    return page


def barriers(page: Page) -> list[str]:
    """What axe-core calls serious or worse."""
    need(AXE.is_file(), "axe-core (npm)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def look(browser: Browser, where: str, name: str, *, charts: bool = True) -> list[str]:
    """Opens a page in every look, keeps a picture of each, and returns what is wrong."""
    wrong = []
    page = opened(browser)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if (width, scheme) in (LOOKS[0], LOOKS[2]):
            page.goto(where)
            page.wait_for_function(ALL_DRAWN if charts else "true")
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
        if page.evaluate(OVERFLOW):
            wrong.append(f"{width} {scheme}: scrolls sideways")
        if (width, scheme) in (LOOKS[0], LOOKS[3]):
            wrong += [f"{width} {scheme}: {one}" for one in barriers(page)]
    page.close()
    return wrong


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_barrier_and_fits(browser: Browser, address: str, name: str) -> None:
    assert look(browser, address + PAGES[name], name) == []


def test_the_way_to_validation_has_no_barrier_and_fits(browser: Browser, unvalidated: str) -> None:
    assert look(browser, f"{unvalidated}/topics/walkout", "unvalidated") == []
    assert look(browser, f"{unvalidated}/topics/walkout?preview=1", "preview") == []


def test_a_topic_without_posts_has_no_barrier_and_fits(browser: Browser, empty: str) -> None:
    assert look(browser, f"{empty}/topics/walkout", "empty") == []


def test_keys_alone_label_undo_and_skip(browser: Browser, own_address: str, own_desk: Desk) -> None:
    page = opened(browser, viewport={"width": 360, "height": 740})
    page.goto(own_address + LABEL + "?as=keys")
    first = page.locator(".post").inner_text()
    for key, then in (
        ("1", "question 2 of 3"),
        ("3", "question 3 of 3"),
        ("z", "question 2 of 3"),
        ("2", "question 3 of 3"),
        ("u", "question 1 of 3"),
        ("s", "question 1 of 3"),
        ("o", "question 3 of 3"),
    ):
        with page.expect_navigation():
            page.keyboard.press(key)
        page.get_by_text(then).wait_for()
    page.close()
    mine = [
        (one.target, one.label)
        for one in Queries(own_desk.engine).labels("walkout", date(2020, 6, 1), date(2020, 6, 28))
        if one.annotator == "keys"
    ]
    assert first
    assert sorted(mine) == [
        ("leaving-posts-up", "against"),
        ("leaving-posts-up", "none"),
        ("walkout", "favor"),
        ("walkout", "none"),
    ]


def test_an_answer_that_is_stopped_on_its_way_can_be_given_again(
    browser: Browser, own_address: str
) -> None:
    page = opened(browser)
    sent: list[str] = []
    page.goto(own_address + LABEL + "?as=stopped")
    page.route("**/label*", lambda route: sent.append(route.request.method))  # without an answer
    for key, times in (("1", 1), ("1", 1), ("Escape", 1), ("1", 2)):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert sent == ["POST"] * times
    page.close()


def test_keys_alone_settle_and_take_back(browser: Browser, own_address: str) -> None:
    page = opened(browser, viewport={"width": 360, "height": 740})
    page.goto(own_address + SETTLE + "?as=keys")
    page.get_by_text("supports (1)").wait_for()
    assert page.evaluate(OVERFLOW) == 0
    for key, then in (("s", "1 of 1"), ("2", "Nothing is left to settle"), ("z", "1 of 1")):
        page.wait_for_load_state()  # a key that is pressed before the script has come is lost
        page.keyboard.press(key)
        page.get_by_text(then).wait_for()
    page.close()


def test_settling_works_without_javascript(browser: Browser, own_address: str) -> None:
    page = opened(browser, java_script_enabled=False)
    page.goto(own_address + SETTLE + "?as=plain")
    page.get_by_role("button", name=re.compile("opposes")).click()
    expect(page.get_by_text("Nothing is left to settle")).to_be_visible()
    page.get_by_role("button", name=re.compile("undo")).click()
    expect(page.get_by_text("1 of 1")).to_be_visible()
    page.close()


def test_a_hostile_text_stays_inside_its_place(browser: Browser, address: str) -> None:
    page = opened(browser, viewport={"width": 360, "height": 740})
    page.goto(address + LABEL + "?as=reader")
    for _ in range(12):
        if "alert(1)" in page.locator(".post").inner_text():
            break
        page.keyboard.press("s")
        page.wait_for_timeout(200)
    box = page.locator(".post").bounding_box()
    assert "alert(1)" in page.locator(".post").inner_text()
    assert box is not None and box["width"] <= 360 and box["height"] <= 0.5 * 740
    assert page.evaluate(OVERFLOW) == 0
    page.close()


def test_labelling_works_without_javascript(browser: Browser, own_address: str) -> None:
    page = opened(browser, java_script_enabled=False)
    page.goto(own_address + LABEL + "?as=plain")
    page.get_by_role("button", name=re.compile("supports")).click()
    expect(page.get_by_text("question 2 of 3")).to_be_visible()
    page.close()
