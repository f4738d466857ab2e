"""An adversary who compares a day's figures of different times finds no group under the minimum."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.authors import AuthorSketch
from monitor.pipeline.aggregate import tally_day
from monitor.privacy import SPLITS, coarsen
from monitor.releases import Chain
from monitor.shares.door import Asked, Door
from monitor.shares.rollup import roll_up
from monitor.store.releases import ReleaseKey, StoredChain, pack, unpack
from monitor.store.values import VOLUME, DailyAggregate, DayPost

DAY = date(2020, 6, 1)
KEY = ReleaseKey(DAY, VOLUME, "", "")
START = datetime(2020, 6, 2, tzinfo=UTC)
FEW = 3
CELLS = [(p, c, "en") for p, c in product(("bluesky", "x"), ("employees", "public"))]


@dataclass
class MemoryLedger:
    """Remembers as the store does, bytes included."""

    kept: dict = field(default_factory=dict)
    conflicts: int = 0

    def release_chains(self, topic, known=None):
        return {
            key: StoredChain(unpack(content, topic, key.day), revision)
            for key, (content, revision) in self.kept.items()
        }

    def keep_releases(self, topic, chains):
        if self.conflicts:
            self.conflicts -= 1
            return set(chains)
        self.kept |= {key: (pack(one.chain), one.revision) for key, one in chains.items()}
        return set()


def aggregates(posts, reposts=()):
    """The base cells of posts and reposts (number, cell, author).

    A post counts as a power of two: a released count tells exactly which posts are in it.
    """
    counted = defaultdict(int)
    for number, cell, _ in posts:
        counted[cell] += 1 << number
    day = [
        DayPost(number, *cell, kind, str(author), predictions=())
        for kind, those in (("original", posts), ("repost", reposts))
        for number, cell, author in those
    ]
    found = {}
    for key, tally in tally_day(day).items():
        cell = (key.platform, key.cohort, key.language)
        found[cell] = DailyAggregate(
            "strike", DAY, *cell, VOLUME, "", "",
            posts=counted[cell],
            reposts=tally.reposts,
            authors=len(tally.authors),
            authors_sketch=AuthorSketch.of(tally.authors),
            label_counts={},
            soft_sums={},
        )  # fmt: skip
    return found


def decide(door, base):
    """What the door decides about the day's cells."""
    return door.decide_all({KEY: Asked(base)})[KEY]


def released(ledger, base, at=START, minimum=FEW):
    """Every count that all splits show now, by cell; None where nothing is."""
    door = Door.of("strike", minimum, at, ledger)
    shown = {}
    for cell, decision in decide(door, base).items():
        by = [name for name, value in zip(("platform", "cohort", "language"), cell, strict=True)
              if value != "all"]  # fmt: skip
        counts = None if decision.base is None else roll_up(decision.base, by)[cell]
        assert (counts is None) == (decision.hidden is not None)
        shown[cell] = counts and counts.posts
    return shown


def groups_found(counts, authors, minimum=FEW):
    """Sets of posts of too few authors whose number follows from the counts by linear algebra."""
    incidence = defaultdict(set)
    for number in authors:
        incidence[tuple(count >> number & 1 for count in counts)].add(number)
    classes = [posts for seen, posts in incidence.items() if any(seen)]
    rows = np.array([[c >> min(posts) & 1 for posts in classes] for c in counts], dtype=float)
    if not classes or not len(rows):
        return []
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    basis = basis[sizes > 1e-9]
    sets = np.array(list(product((0.0, 1.0), repeat=len(classes))))[1:]
    follows = np.abs(sets - sets @ basis.T @ basis).max(axis=1) < 1e-6
    people = [{authors[number] for number in posts} for posts in classes]
    return [
        group
        for group in sets[follows]
        if len(set().union(*(people[n] for n in np.flatnonzero(group)))) < minimum
    ]


posts = st.tuples(st.sampled_from(CELLS), st.integers(0, 9))
history = st.lists(
    st.tuples(st.lists(posts, max_size=6), st.sets(st.integers(0, 12), max_size=5), st.booleans()),
    min_size=2,
    max_size=5,
)
BIG = [(CELLS[0], n) for n in range(6)]
LATE = [(CELLS[0], 9)]
OTHERS = [(CELLS[1], n) for n in range(4)]
SAME = [(CELLS[3], 6), (CELLS[3], 6)]


@pytest.mark.parametrize(
    ("ahead", "grows_after"), [(timedelta(days=30), 0), (timedelta(hours=3), 9)]
)
def test_what_a_clock_that_was_ahead_released_holds_no_change_back_until_then(ahead, grows_after):
    ledger = MemoryLedger()
    before = aggregates([(n, CELLS[0], n) for n in range(40)])
    live = aggregates([(n, CELLS[0], n) for n in range(48)])
    released(ledger, before, START + ahead)
    shown = [
        released(ledger, live, START + timedelta(hours=hours))[CELLS[0]] == 2**48 - 1
        for hours in range(grows_after + 1)
    ]
    assert shown == [False] * grows_after + [True]


@settings(max_examples=150, deadline=None)
@given(steps=history)
@example(steps=[(BIG, set(), True), (LATE, set(), True)])
@example(steps=[(BIG, set(), True), ([], {2}, True)])
@example(steps=[(BIG, set(), True), ([], {0, 1, 2, 3}, True), (LATE, set(), True)])
@example(steps=[([*BIG, *OTHERS], set(), True), ([*LATE, *OTHERS[:3]], set(), True)])
@example(
    steps=[  # a post of somebody who has others there goes, and later the others' authors go
        ([(CELLS[3], 4), (CELLS[0], 9), *SAME, (CELLS[2], 9), (CELLS[3], 3), SAME[0]], {1}, False),
        ([(CELLS[2], 5)], {1, 6, 11}, False),
        ([(CELLS[0], 6), (CELLS[1], 1), (CELLS[1], 7)], {2, 10}, True),
        ([], {5, 7, 8, 12}, True),
    ]
)
@example(
    steps=[  # somebody's older post goes while their newer one, counted with others', stays
        ([(CELLS[0], n) for n in (0, 0, 1, 2, 3)], set(), False),
        ([(CELLS[0], 1), (CELLS[0], 5), (CELLS[1], 0), (CELLS[1], 1)], set(), False),
        ([(CELLS[0], 4)], {2, 3, 4}, False),
    ]
)
def test_figures_of_different_times_never_isolate_a_small_group(steps):
    ledger, present, authors, seen = MemoryLedger(), [], {}, set()
    at = START
    for arriving, leaving, is_later in steps:
        at += timedelta(hours=7 if is_later else 1)
        present = [post for post in present if post[0] not in leaving]
        for cell, author in arriving:
            if len(authors) < 13:
                present.append((len(authors), cell, author))
                authors[len(authors)] = author
        shown = released(ledger, aggregates(present), at)
        seen |= {count for count in shown.values() if count}
        assert groups_found(sorted(seen), authors) == []


@settings(max_examples=100, deadline=None)
@given(steps=history, somebody_else=st.integers(0, 5))
@example(steps=[(BIG, set(), True), (LATE, set(), False), ([], set(), True)], somebody_else=5)
def test_a_door_that_remembers_the_one_before_decides_the_same(steps, somebody_else):
    forgetful, remembering, present, at = MemoryLedger(), MemoryLedger(), [], START
    before = None
    for number, (arriving, leaving, is_later) in enumerate(steps):
        at += timedelta(hours=7 if is_later else 1)
        present = [post for post in present if post[0] not in leaving]
        present += [(100 * number + n, *post) for n, post in enumerate(arriving)]
        base = aggregates([(n % 50, cell, author) for n, cell, author in present])
        if number == somebody_else:  # releases this state first, from another process
            for ledger in (forgetful, remembering):
                decide(Door.of("strike", FEW, at, ledger), base)
        fresh = Door.of("strike", FEW, at, forgetful)
        before = Door.of("strike", FEW, at, remembering, before=before)
        assert decide(before, base) == decide(fresh, base)
        assert before.due() == fresh.due()
        assert remembering.kept == forgetful.kept


reposted = st.lists(st.tuples(posts, st.booleans()), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(
        st.tuples(reposted, st.sets(st.integers(0, 12), max_size=5), st.booleans()),
        min_size=2,
        max_size=5,
    )
)
@example(
    steps=[  # an opinion comes with others' reposts
        ([(one, False) for one in BIG], set(), True),
        ([(LATE[0], False), *(((CELLS[0], n), True) for n in (6, 7, 8))], set(), True),
    ]
)
@example(
    steps=[  # an opinion goes, and so do others' reposts
        ([*((one, False) for one in BIG), *(((CELLS[0], n), True) for n in (6, 7))], set(), True),
        ([], {2, 6, 7}, True),
    ]
)
def test_reposts_cover_no_small_group_s_opinions_at_any_time(steps):
    ledger, opinions, reposts, authors, seen = MemoryLedger(), [], [], {}, set()
    at = START
    for arriving, leaving, is_later in steps:
        at += timedelta(hours=7 if is_later else 1)
        opinions = [post for post in opinions if post[2] not in leaving]
        reposts = [post for post in reposts if post[2] not in leaving]
        for (cell, author), is_repost in arriving:
            if is_repost:
                reposts.append((len(reposts), cell, author))
            elif len(authors) < 13:
                opinions.append((len(authors), cell, author))
                authors[len(authors)] = author
        shown = released(ledger, aggregates(opinions, reposts), at)
        seen |= {count for count in shown.values() if count}
        assert groups_found(sorted(seen), authors) == []


def test_the_adversary_of_these_tests_does_find_a_late_post():
    authors = {n: n for n in range(7)}
    assert groups_found([0b111111, 0b1111111], authors)


def day(**people):
    """Base cells by cohort with so many authors each, `first` leading their names."""
    numbered = iter(range(10_000))
    return [
        (next(numbered), ("x", cohort, "en"), f"{cohort}{n}")
        for cohort, count in people.items()
        for n in range(count)
    ]


def count(number):
    return None if number is None else bin(number).count("1")


def shown_counts(ledger, posts, at=START):
    return {cell: count(n) for cell, n in released(ledger, aggregates(posts), at, 10).items()}


def test_a_late_post_is_kept_back_until_enough_people_have_come():
    ledger, first = MemoryLedger(), day(public=30)
    later = START + timedelta(hours=7)
    total = ("all", "all", "all")
    assert shown_counts(ledger, first)[total] == 30
    grown = [*first, *((100 + n, ("x", "public", "en"), f"late{n}") for n in range(10))]
    assert shown_counts(ledger, grown[:31], later)[total] == 30
    assert shown_counts(ledger, grown[:39], later)[total] == 30
    assert shown_counts(ledger, grown, later)[total] == 40


def test_reposts_alone_keep_no_split_from_the_next_state():
    """They tell nothing of opinions: a cell into which only they came is as it was."""
    ledger, opinions = MemoryLedger(), day(public=30, employees=30)
    later = START + timedelta(hours=7)
    shown_counts(ledger, opinions)
    grown = [*opinions, *((100 + n, ("x", "public", "en"), f"late{n}") for n in range(30))]
    passed_on = [(n, ("x", "employees", "en"), f"fan{n}") for n in range(40)]
    shown = released(ledger, aggregates(grown, passed_on), later, 10)
    assert count(shown["all", "all", "all"]) == 90
    assert count(shown["all", "public", "all"]) == 60


def test_a_removed_post_is_kept_in_until_enough_people_have_gone():
    ledger, first = MemoryLedger(), day(public=40)
    later = START + timedelta(hours=7)
    total = ("all", "all", "all")
    assert shown_counts(ledger, first)[total] == 40
    assert shown_counts(ledger, first[1:], later)[total] == 40
    assert shown_counts(ledger, first[10:], later)[total] == 30


def test_a_day_that_falls_under_the_minimum_is_hidden_at_once():
    ledger, first = MemoryLedger(), day(public=10)
    assert shown_counts(ledger, first)["all", "all", "all"] == 10
    assert set(shown_counts(ledger, first[1:]).values()) == {None}


def test_a_change_of_counts_without_a_change_of_people_is_kept_back():
    ledger, first = MemoryLedger(), day(public=30)
    shown_counts(ledger, first)
    again = [*first, (100, ("x", "public", "en"), "public3")]
    later = START + timedelta(days=1)
    assert shown_counts(ledger, again, later)["all", "all", "all"] == 30


COUNTED = {"texts": {"count": 30, "labels": {"favor": 300_000}, "apart": {}}}
WITHOUT_APART = {"texts": {"count": 30, "labels": {"favor": 300_000}}}
OTHERWISE = {"texts": {"count": 29, "labels": {"favor": 290_000}, "apart": {}}}


def counted_by(units, posts):
    return {cell: replace(one, units=units) for cell, one in aggregates(posts).items()}


def total_shown(ledger, base, hours=0):
    door = Door.of("strike", 10, START + timedelta(hours=hours), ledger)
    return decide(door, base)["all", "all", "all"].base


@pytest.mark.parametrize("earlier", [{}, WITHOUT_APART], ids=["by posts alone", "without apart"])
def test_a_day_that_an_earlier_program_has_counted_is_shown_by_all_units_once_recounted(earlier):
    ledger, posts = MemoryLedger(), day(public=30)
    shown = total_shown(ledger, counted_by(earlier, posts))
    assert shown == counted_by(earlier, posts)
    for _ in range(2):
        assert total_shown(ledger, counted_by(COUNTED, posts), 1) == counted_by(COUNTED, posts)
        assert ledger.kept[KEY][1] == 2


@pytest.mark.parametrize("now", [OTHERWISE, {}], ids=["other counts", "none any more"])
def test_a_change_of_what_was_counted_by_units_is_kept_back(now):
    ledger, posts = MemoryLedger(), day(public=30)
    total_shown(ledger, counted_by(COUNTED, posts))
    assert total_shown(ledger, counted_by(now, posts), 30) == counted_by(COUNTED, posts)


def test_a_recount_lets_no_late_post_out():
    ledger, posts = MemoryLedger(), day(public=30)
    total_shown(ledger, counted_by({}, posts))
    late = [*posts, (100, ("x", "public", "en"), "public3")]
    assert total_shown(ledger, counted_by(COUNTED, late), 30) == counted_by({}, posts)


def test_where_one_cohort_has_hardly_changed_the_split_waits_and_the_total_goes_on():
    ledger, first = MemoryLedger(), day(public=300, employees=30)
    later = START + timedelta(hours=7)
    late = [(1000 + n, ("x", "public", "en"), f"late{n}") for n in range(40)]
    late += [(2000 + n, ("x", "employees", "en"), f"late e{n}") for n in range(4)]
    shown_counts(ledger, first)
    shown = shown_counts(ledger, [*first, *late], later)
    assert shown["all", "all", "all"] == 374
    assert shown["all", "employees", "all"] == 30
    assert shown["all", "public", "all"] == 300


def test_a_state_that_is_far_from_the_truth_is_withheld_rather_than_shown():
    ledger, first = MemoryLedger(), day(public=30, employees=30)
    later = START + timedelta(hours=7)
    late = [(1000 + n, ("x", "public", "en"), f"late{n}") for n in range(40)]
    late += [(2000, ("x", "employees", "en"), "late e")]
    shown_counts(ledger, first)
    shown = shown_counts(ledger, [*first, *late], later)
    assert shown["all", "all", "all"] == 101
    assert shown["all", "public", "all"] is None
    assert shown["all", "employees", "all"] == 30


@pytest.mark.parametrize(
    ("before", "now"),
    [(1000, 1300), (4000, 8000), (10_000, 100_000), (8000, 4000), (100_000, 10_000)],
    ids=["small", "doubled", "tenfold", "halved", "a tenth"],
)
def test_a_day_that_has_changed_by_a_quarter_is_shown_as_it_is_at_once(before, now):
    ledger, at = MemoryLedger(), START
    everybody = [(0, ("x", "public", "en"), n) for n in range(max(before, now))]
    released(ledger, aggregates(everybody[:before]), at, 10)
    decide(Door.of("strike", 10, at + timedelta(hours=1), ledger), aggregates(everybody[:now]))
    chain = ledger.release_chains("strike")[KEY].chain
    (state,) = chain.vintages[-1].base.values()
    assert (len(chain.vintages), state.authors) == (2, now)


def test_a_large_day_that_has_changed_by_less_waits():
    ledger, at = MemoryLedger(), START
    everybody = [(0, ("x", "public", "en"), n) for n in range(12_000)]
    released(ledger, aggregates(everybody[:10_000]), at, 10)
    for hours, vintages in ((1, 1), (7, 2)):
        door = Door.of("strike", 10, at + timedelta(hours=hours), ledger)
        decide(door, aggregates(everybody))
        assert len(ledger.release_chains("strike")[KEY].chain.vintages) == vintages


def test_one_author_whose_hash_stands_for_many_is_taken_for_one():
    ledger, everybody = MemoryLedger(), [(0, ("x", "public", "en"), n) for n in range(100_000)]
    base = aggregates(everybody)
    largest = max(AuthorSketch.hashes(base["x", "public", "en"].authors_sketch))
    alone = ((n, AuthorSketch.of([str(n)])) for n in range(100_000, 200_000))
    kept = next(n for n, sketch in alone if max(AuthorSketch.hashes(sketch)) < largest)
    released(ledger, base, START, 10)
    grown = aggregates([*everybody, (0, ("x", "public", "en"), kept)])
    released(ledger, grown, START + timedelta(hours=7), 10)
    assert len(ledger.release_chains("strike")[KEY].chain.vintages) == 1


@pytest.mark.parametrize(
    ("before", "now"), [(40_000, 80_000), (80_000, 40_000)], ids=["grown", "shrunk"]
)
def test_a_large_state_that_is_far_from_the_truth_is_withheld(before, now):
    """The total alone may be shown again; the split would give a small cohort's change away."""
    ledger, at = MemoryLedger(), START
    everybody = [(0, ("x", "public", "en"), n) for n in range(max(before, now))]
    few = [(0, ("x", "employees", "en"), f"e{n}") for n in range(31)]
    released(ledger, aggregates([*everybody[:before], *few[:30]]), at, 10)
    later = Door.of("strike", 10, at + timedelta(hours=7), ledger)
    decided = decide(later, aggregates([*everybody[:now], *few]))
    assert decided["all", "all", "all"].hidden is None
    assert decided["all", "public", "all"].hidden == "complementary"
    assert decided["all", "employees", "all"].base["x", "employees", "en"].authors == 30


def test_an_open_day_grows_and_shows_its_splits_once_they_are_large_enough():
    ledger, at = MemoryLedger(), START
    morning, noon = day(public=9, employees=4), day(public=80, employees=25)
    assert shown_counts(ledger, morning, at)["all", "all", "all"] == 13
    assert shown_counts(ledger, morning, at)["all", "employees", "all"] is None
    shown = shown_counts(ledger, noon, at + timedelta(minutes=10))
    assert (shown["all", "all", "all"], shown["all", "employees", "all"]) == (105, 25)


def test_while_nothing_was_shown_nothing_is_kept_back():
    ledger = MemoryLedger()
    assert set(shown_counts(ledger, day(public=9)).values()) == {None}
    assert shown_counts(ledger, day(public=10))["all", "all", "all"] == 10


def test_of_two_that_release_at_once_the_second_decides_anew():
    ledger = MemoryLedger(conflicts=1)
    assert shown_counts(ledger, day(public=30))["all", "all", "all"] == 30
    assert ledger.kept[KEY][1] == 1


@pytest.mark.parametrize("people", [5, 40])
def test_a_busy_day_that_is_watched_all_the_time_is_decided_quickly(people):
    ledger, at, everybody = MemoryLedger(), START, []
    cells = [(p, c, lang) for p in ("bluesky", "x", "mastodon") for c in ("employees", "public")
             for lang in ("de", "en", "es")]  # fmt: skip
    for step in range(5):
        at += timedelta(hours=7)
        everybody += [(0, cell, f"{cell}{step}{n}") for cell in cells for n in range(people)]
        shown = released(ledger, aggregates(everybody), at, 10)
        assert shown["all", "all", "all"] is not None


def test_every_split_is_asked_for_by_these_tests():
    ledger = MemoryLedger()
    decided = decide(Door.of("strike", FEW, START, ledger), aggregates(day(public=5)))
    assert set(decided) == {coarsen(("x", "public", "en"), by) for by in SPLITS}


def test_a_chain_survives_being_stored():
    ledger = MemoryLedger()
    released(ledger, aggregates(day(public=5, employees=7)))
    content, _ = ledger.kept[KEY]
    chain = unpack(content, "strike", DAY)
    assert isinstance(chain, Chain)
    assert pack(chain) == content
