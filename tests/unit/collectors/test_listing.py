"""Walking down a listing: whatever is claimed to be complete is, in every order of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from collectors.errors import CollectorError, NotFoundError, UnavailableError
from collectors.listing import Batch, Listing, Reach, walk_down
from collectors.post import Coverage, Window
from collectors.walks import coverage

START = datetime(2020, 6, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=300))
OVERLAP = timedelta(hours=1)


@dataclass
class Board:
    """Posts newest first, of which only so many can be had.

    Attributes:
        posts: When each was posted.
        limit: How many the listing gives.
        failures: Requests that go well before one fails, none fails if negative.
        error: What that one fails with.
    """

    posts: dict[str, datetime] = field(default_factory=dict)
    limit: int = 1000
    page_posts: int = 3
    failures: int = -1
    error: type[CollectorError] = UnavailableError

    def ask(self, after: str | None) -> Batch:
        self.failures -= 1
        if self.failures == -1:
            raise self.error("not now, or never again")
        names = sorted(self.posts, key=lambda name: (self.posts[name], name), reverse=True)
        names = names[: self.limit]
        if after is not None and after not in names:
            return Batch((), None, None)
        start = 0 if after is None else names.index(after) + 1
        page = names[start : start + self.page_posts]
        more = start + self.page_posts < len(names)
        oldest = self.posts[page[-1]] if page else None
        return Batch(tuple(page), oldest, page[-1] if more else None)


class ListingMachine(RuleBasedStateMachine):
    """Posts come, late ones too, and go; runs stop, fail and come to their end."""

    limits = st.sampled_from([4, 10, 1000])
    told_limit = staticmethod(lambda board: board.limit)

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()
        self.now = START + timedelta(days=1)
        self.state: dict[str, Any] = {}
        self.collected: set[str] = set()
        self.names = 0

    @initialize(limit=limits)
    def open(self, limit: int) -> None:
        self.board.limit = limit

    @rule(minutes=st.lists(st.integers(0, 60), max_size=5), wait=st.integers(0, 200))
    def publish(self, minutes: list[int], wait: int) -> None:
        """Posts appear, each so many minutes after it was written."""
        self.now += timedelta(minutes=wait, seconds=1)
        for late in minutes:
            self.names += 1
            self.board.posts[f"post{self.names:04}"] = self.now - timedelta(minutes=late)

    @rule(chosen=st.integers(0, 50))
    def delete(self, chosen: int) -> None:
        if self.board.posts:
            names = sorted(self.board.posts)
            del self.board.posts[names[chosen % len(names)]]

    @rule(
        batches=st.sampled_from([1, 2, 3, 1000, 1000, 1000]),
        failures=st.sampled_from([-1, -1, -1, 0, 1, 2]),
        error=st.sampled_from([UnavailableError, NotFoundError]),
        page_posts=st.integers(1, 4),
        pages=st.sampled_from([2, 500, 500]),
        vanishing=st.sampled_from([0, 0, 0, 1, 2, 9]),
    )
    def run(
        self,
        batches: int,
        failures: int,
        error: type[CollectorError],
        page_posts: int,
        pages: int,
        vanishing: int,
    ) -> None:
        """A run that is killed after so many pages, or comes to its end.

        At so many pages the post that the next one is asked after vanishes.
        """
        self.now += timedelta(seconds=1)
        self.board.failures, self.board.page_posts = failures, page_posts
        self.board.error = error
        reach = Reach(WINDOW, self.now, OVERLAP, self.told_limit(self.board), pages)
        listing = Listing.of(self.state, self.now)
        walk = walk_down(listing, self.board.ask, reach)
        for _ in range(batches):
            try:
                batch = next(walk)
            except StopIteration as stop:
                listing.tell()
                self.state = listing.state()
                if listing.covered == self.now:  # Else late posts are the next run's.
                    self.check(coverage([stop.value]))
                return
            self.collected |= set(batch.records)
            self.state = listing.state()
            if vanishing > 0 and listing.after is not None:
                vanishing -= 1
                self.board.posts.pop(listing.after, None)

    def check(self, claims: Sequence[Coverage]) -> None:
        """What is there and was not collected lies in time that is not said to be complete."""
        complete = [claim for claim in claims if claim.status == "complete"]
        for name, at in self.board.posts.items():
            if name not in self.collected and at < self.now - timedelta(seconds=2):
                claimed = [claim for claim in complete if claim.start <= at < claim.end]
                assert not claimed, f"{name} of {at} is lost in {claimed}"


class WindowMachine(ListingMachine):
    """The same for a platform that does not tell how much it gives, as feeds do not."""

    told_limit = staticmethod(lambda _: 0)


def test_what_is_said_to_be_complete_is() -> None:
    run_state_machine_as_test(ListingMachine, settings=_SETTINGS)  # type: ignore[no-untyped-call]


def test_what_is_said_to_be_complete_is_where_the_platform_s_limit_is_unknown() -> None:
    run_state_machine_as_test(WindowMachine, settings=_SETTINGS)  # type: ignore[no-untyped-call]


_SETTINGS = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # A busy machine is no failure.
)


def walk(listing: Listing, ask: Callable[[str | None], Batch], pages: int = 9) -> list[Batch]:
    end = START + timedelta(days=1)
    return list(walk_down(listing, ask, Reach(WINDOW, end, OVERLAP, 0, pages)))


def test_a_run_that_has_had_its_pages_goes_on_there_the_next_time() -> None:
    board = Board({f"{n}": START + timedelta(hours=n) for n in range(9)})
    listing = Listing()
    walk(listing, board.ask, pages=1)
    walk(listing, board.ask, pages=1)
    assert walk(listing, board.ask, pages=1)[0].records == ("2", "1", "0")


def vanishing(board: Board, times: int) -> Callable[[str | None], Batch]:
    """Asks the board, from which the post that is asked after vanishes so many times."""
    left = [times]

    def ask(after: str | None) -> Batch:
        if after is not None and left[0] > 0:
            left[0] -= 1
            del board.posts[after]
        return board.ask(after)

    return ask


def test_a_walk_whose_cursor_vanishes_is_begun_once_more() -> None:
    board = Board({f"{n}": START + timedelta(hours=n) for n in range(9)})
    listing = Listing()
    records = [name for batch in walk(listing, vanishing(board, 1)) for name in batch.records]
    assert records == ["8", "7", "6", "8", "7", "5", "4", "3", "2", "1", "0"]
    assert listing.lacking == []


def test_below_a_cursor_that_vanishes_again_all_is_lacking() -> None:
    board = Board({f"{n}": START + timedelta(hours=n) for n in range(9)})
    listing = Listing(covered=START)
    assert len(walk(listing, vanishing(board, 9))) == 3
    low = START + timedelta(hours=5, seconds=1)
    assert listing.lacking == [(START, low)]
    assert listing.covered == START + timedelta(days=1)


@pytest.mark.parametrize("top", [("a", "b"), ()], ids=["as before", "empty too"])
def test_a_cursor_that_leads_nowhere_is_not_followed_for_ever(top: tuple[str, ...]) -> None:
    tops = iter([("a", "b"), top])
    noon = START + timedelta(hours=12)

    def ask(after: str | None) -> Batch:
        records = () if after else next(tops)
        return Batch(records, noon, "x") if records else Batch((), None, None)

    listing = Listing(covered=START)
    end = START + timedelta(days=1)
    list(walk_down(listing, ask, Reach(WINDOW, end, OVERLAP, 1000, 9)))
    assert listing.lacking == [(START, noon + timedelta(seconds=1) if top else end)]
    assert listing.covered == end


@pytest.mark.parametrize("budget", [1, 2, 3, 4, 5])
def test_a_walk_is_begun_once_more_only_once_over_all_its_runs(budget: int) -> None:
    listing = Listing()
    pages = {None: Batch(("a",), START + timedelta(hours=3), "b")}
    pages["b"] = Batch(("b",), START + timedelta(hours=2), "c")
    asked: list[str | None] = []

    def ask(after: str | None) -> Batch:
        asked.append(after)
        return pages.get(after, Batch((), None, None))

    end = START + timedelta(days=1)
    while listing.covered is None and len(asked) < 50:
        list(walk_down(listing, ask, Reach(WINDOW, end, OVERLAP, 1000, budget)))
        listing = Listing.of(listing.state(), end)
    assert asked[:6] == [None, "b", "c", None, "b", "c"]
    assert listing.lacking


def closed(error: CollectorError, *doors: str | None) -> Callable[[str | None], Batch]:
    """A listing of two pages, of which some cannot be had."""
    pages = {None: Batch(("b",), START + timedelta(hours=3), "x"), "x": Batch(("a",), START, None)}

    def ask(after: str | None) -> Batch:
        if after in doors:
            raise error
        return pages[after]

    return ask


def test_below_a_cursor_that_cannot_be_had_all_is_lacking() -> None:
    listing = Listing(covered=START)
    assert len(walk(listing, closed(NotFoundError("gone"), "x"))) == 3
    assert listing.lacking == [(START, START + timedelta(hours=3, seconds=1))]
    assert listing.covered == START + timedelta(days=1)


def test_a_cursor_that_cannot_be_had_any_more_is_left_for_the_top() -> None:
    listing = Listing()
    walk(listing, closed(NotFoundError("gone")), pages=1)
    records = [batch.records for batch in walk(listing, closed(NotFoundError("gone"), "x"))]
    assert records[0] == ("b",)
    assert listing.began is None


def test_where_nothing_can_be_had_the_cursor_is_kept() -> None:
    listing = Listing()
    walk(listing, closed(NotFoundError("gone")), pages=1)
    before = listing.state()
    assert walk(listing, closed(NotFoundError("gone"), "x", None)) == []
    assert listing.state() == before


@pytest.mark.parametrize(("hours", "after"), [(1, "x"), (25, None)], ids=["an hour", "a day"])
def test_a_cursor_that_may_come_back_is_asked_for_a_while(hours: int, after: str | None) -> None:
    listing, end = Listing(), START + timedelta(days=2)
    list(walk_down(listing, closed(UnavailableError("?"), "x"), Reach(WINDOW, end, OVERLAP, 0, 9)))
    asked: list[str | None] = []

    def ask(cursor: str | None) -> Batch:
        asked.append(cursor)
        return closed(UnavailableError("?"), "x")(cursor)

    later = Reach(WINDOW, end + timedelta(hours=hours), OVERLAP, 0, 9)
    ended = list(walk_down(listing, ask, later))
    assert len(ended) == (0 if after else 1)
    assert (asked[0], asked[1:2]) == ("x", [] if after else [None])


def test_a_checkpoint_from_the_future_is_void() -> None:
    state = Listing(covered=START + timedelta(days=2)).state()
    assert Listing.of(state, START).covered is None
    assert Listing.of(state, START + timedelta(days=3)).covered is not None
