"""The pages in a real browser: they fit a phone, draw offline and obey their own policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from monitor.dashboard.server import DashboardServer
from tests.conftest import need
from tests.dashboard_fakes import SETTINGS, FakeFigures, FakeQueries, fake_app, write_truth

CHROMIUM = shutil.which("chromium") or ""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ALL_DRAWN = "[...document.querySelectorAll('.chart')].every(one => one.dataset.drawn)"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TOPIC_PAGE = "/topics/walkout"
PAGES = [
    TOPIC_PAGE,
    f"{TOPIC_PAGE}?by=cohort&truth=1",
    f"{TOPIC_PAGE}?since=2020-06-20",
    f"{TOPIC_PAGE}?by=nothing",
    "/topics",
    "/status",
    "/privacy",
]


@dataclass
class Visit:
    """A page being looked at, and what it complained about or asked of others."""

    page: Page
    address: str
    complaints: list[str]
    outside: list[str]

    def open(self, path: str) -> Page:
        """Opens a page and waits until its charts are drawn."""
        self.page.goto(self.address + path)
        self.page.wait_for_function(ALL_DRAWN)
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need(bool(CHROMIUM), "chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = tmp_path_factory.mktemp("config")
    write_truth(config / "samples")
    settings = SimpleNamespace(**vars(SETTINGS) | {"config": config})
    yield from _served(FakeFigures(), FakeQueries(), settings)


@pytest.fixture(scope="module")
def unvalidated_address() -> Iterator[str]:
    yield from _served(FakeFigures(validated=False), FakeQueries(), SETTINGS)


def _served(figures: FakeFigures, queries: FakeQueries, settings: SimpleNamespace) -> Iterator[str]:
    server = DashboardServer(fake_app(figures, queries, settings=settings), "127.0.0.1", 0)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(params=[(1440, "light"), (360, "dark")], ids=["wide-light", "phone-dark"])
def visit(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    width, scheme = request.param
    with visiting(browser, address, width, scheme) as started:
        yield started


@contextmanager
def visiting(browser: Browser, address: str, width: int, scheme: str) -> Iterator[Visit]:
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    visit = Visit(page, address, [], [])

    def only_here(route: Route) -> None:
        if route.request.url.startswith(address):
            route.continue_()
        else:
            visit.outside.append(route.request.url)
            route.abort()

    context.route("**/*", only_here)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on(
        "console",
        lambda line: "Failed to load" in line.text or visit.complaints.append(line.text),
    )
    yield visit
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways_complains_or_calls_outside(visit: Visit, path: str) -> None:
    page = visit.open(path)
    assert page.evaluate(OVERFLOW) == 0
    assert (visit.complaints, visit.outside) == ([], [])


def test_every_chart_is_drawn_without_eval(visit: Visit) -> None:
    page = visit.open(f"{TOPIC_PAGE}?by=cohort&truth=1")
    assert page.locator(".chart svg path").count() > 0
    assert page.locator(".chart svg").count() == page.locator(".chart").count() == 8


def test_a_chart_is_never_wider_than_its_place(visit: Visit) -> None:
    page = visit.open(TOPIC_PAGE)
    wider = "[...document.querySelectorAll('.chart')].filter(c => c.scrollWidth > c.clientWidth)"
    assert page.evaluate(f"{wider}.length") == 0


def test_pointing_at_a_day_tells_share_interval_and_basis(browser: Browser, address: str) -> None:
    with visiting(browser, address, 1440, "light") as visit:
        page = visit.open(TOPIC_PAGE)
        marks = page.locator(".chart .mark-symbol.role-mark")
        marks.nth(1).locator("path").first.hover()  # the first group are change points
        told = page.locator("#vg-tooltip-element").inner_text()
    assert "Wednesday 27 May 2020" in told
    assert "51% (44–57%)" in told


def test_a_withheld_day_leaves_a_gap_and_is_told_in_words(visit: Visit) -> None:
    page = visit.open(TOPIC_PAGE)
    assert page.locator("figcaption", has_text="13 June: withheld because").count() == 4


def test_the_table_opens_with_the_keyboard(visit: Visit) -> None:
    page = visit.open(TOPIC_PAGE)
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("table").first).to_be_visible()


def test_an_open_table_is_printed_whole(visit: Visit) -> None:
    page = visit.open(TOPIC_PAGE)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.emulate_media(media="print")
    cut = (
        "[...document.querySelectorAll('.scroll')].map(one => one.scrollHeight - one.clientHeight)"
    )
    found = page.evaluate(cut)
    page.emulate_media(media="screen")
    assert found == [0] * len(found) != []


def test_the_split_is_chosen_with_the_form(visit: Visit) -> None:
    page = visit.open(TOPIC_PAGE)
    page.get_by_label("Split").select_option("platform")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="mastodon")).to_have_count(4)


def test_the_preview_is_hatched_and_has_no_percentages(
    browser: Browser, unvalidated_address: str
) -> None:
    with visiting(browser, unvalidated_address, 360, "light") as visit:
        chart = visit.open(f"{TOPIC_PAGE}?preview=1").locator(".chart").first
        assert chart.locator("path[fill='url(#hatch-first)']").count() > 0
        assert "%" not in chart.inner_text()


def test_without_javascript_the_figures_stand_in_tables(browser: Browser, address: str) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(address + TOPIC_PAGE)
    page.locator("summary").first.click()
    expect(page.get_by_text("Charts need JavaScript.")).to_be_visible()
    expect(page.locator(".waiting").first).to_be_hidden()
    assert page.locator("table").first.get_by_role("row").count() == 21
    page.close()


def test_dark_and_light_pages_differ(browser: Browser, address: str) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        with visiting(browser, address, 800, scheme) as visit:
            page = visit.open("/privacy")
            colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
