"""Who holds shares by posts against shares by authors or texts learns about no small group."""

from dataclasses import replace
from datetime import date
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.authors import AuthorSketch
from monitor.pipeline.aggregate import tally_day
from monitor.privacy import SPLITS, coarsen, shown_cells
from monitor.shares.apart import kept_apart
from monitor.store.values import CellKey, DailyAggregate, DayPost, DayPrediction

FEW = 4
DAY = date(2020, 6, 1)
WHOLE = ("all", "all", "all")
CELL = ("x", "public", "en")
TEXT = "we all walked out today because the post should have come down on friday already"


def counted(texts_by_author):
    """The cell of these people's posts, as aggregation counts it."""
    answer = DayPrediction("sentiment", "", "v1", "negative", (8000, 1000, 1000))
    written = [(author, text) for author, texts in texts_by_author for text in texts]
    posts = [
        DayPost(n, *CELL, "original", author, predictions=(answer,), text=text)
        for n, (author, text) in enumerate(written)
    ]
    units = tally_day(posts)[CellKey(*CELL, "sentiment", "", "v1")].units.as_counts()
    return cell(CELL, {author for author, _ in texts_by_author if author}, units)


def cell(name, authors, units):
    sketch = AuthorSketch.of(authors)
    return DailyAggregate("t", DAY, *name, "sentiment", "", "v1", len(authors), 0, len(authors),
                          sketch, {}, {}, units)  # fmt: skip


def once(people):
    return [(f"{n}" * 4, [f"{TEXT} {n} {'abcdefgh'[n] * 9} {'stuvwxyz'[n] * 7}"])
            for n in range(people)]  # fmt: skip


def withheld(one, unit):
    return kept_apart({CELL: one}, unit, frozenset({WHOLE, CELL}), FEW)


@pytest.mark.parametrize("unit", ["authors", "texts"])
def test_where_everybody_writes_once_and_nobody_copies_all_units_say_the_same(unit):
    assert withheld(counted(once(6)), unit) == {}


def test_what_one_of_many_wrote_twice_does_not_follow_from_two_units():
    one = counted([*once(6), ("z" * 4, ["no", "yes"])])
    assert set(withheld(one, "authors")) == {WHOLE, CELL}
    assert withheld(one, "texts") == {}


def test_where_enough_people_write_more_than_once_shares_by_authors_are_told():
    one = counted([(name, [f"{name} one", f"{name} two"]) for name in "abcd"])
    assert withheld(one, "authors") == {}


def test_what_the_copy_of_one_of_many_says_does_not_follow_from_two_units():
    one = counted([*once(6), ("z" * 4, [once(1)[0][1][0]])])
    assert set(withheld(one, "texts")) == {WHOLE, CELL}
    assert withheld(one, "authors") == {}


def test_a_post_of_nobody_known_does_not_follow_either():
    assert set(withheld(counted([*once(6), (None, ["hm"])]), "authors")) == {WHOLE, CELL}


def test_a_day_counted_before_this_was_counted_is_withheld():
    old = replace(counted(once(6)), units={"authors": {"count": 6}, "texts": {"count": 6}})
    assert set(withheld(old, "authors")) == {WHOLE, CELL}


@pytest.mark.parametrize("known", [once(6), [(n, [f"{n} one", f"{n} two"]) for n in "abcdefgh"]],
                         ids=["who wrote once", "who wrote twice"])  # fmt: skip
def test_no_sum_with_a_cell_whose_authors_nobody_knows_is_told(known):
    unknown = ("bluesky", "public", "en")
    base = {CELL: counted(known), unknown: cell(unknown, {f"b{n}" for n in range(9)}, {})}
    shown = frozenset(coarsen(name, by) for name in base for by in SPLITS)
    told = shown - set(kept_apart(base, "authors", shown, FEW))
    assert told == {coarsen(CELL, by) for by in SPLITS if "platform" in by}


cells = st.tuples(
    st.sampled_from(["bluesky", "x"]),
    st.sampled_from(["employees", "public"]),
    st.sampled_from(["de", "en"]),
)
people = st.dictionaries(st.integers(0, 14).map(str), st.integers(1, 2), max_size=9)
days = st.dictionaries(cells, people, min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(day=days)
def test_no_difference_of_posts_and_authors_over_all_cells_is_that_of_too_few(day):
    several = {
        name: authors_of(name, {who for who, posts in crowd.items() if posts > 1})
        for name, crowd in day.items()
    }
    base = {
        name: cell(name, authors_of(name, crowd), {"authors": {"apart": apart(several[name])}})
        for name, crowd in day.items()
    }
    volume = shown_cells({name: one.authors_sketch for name, one in base.items()}, FEW)
    shown = frozenset(name for name, reason in volume.items() if reason is None)
    told = shown - set(kept_apart(base, "authors", shown, FEW))
    told_apart = [name for name in sorted(base) if several[name]]
    sums = np.array([
        [float(coarsen(name, by) == coarse) for name in told_apart]
        for by in SPLITS
        for coarse in {coarsen(name, by) for name in base} & told
    ])  # fmt: skip
    for size in range(1, len(told_apart) + 1):
        for group in combinations(range(len(told_apart)), size):
            if len(set().union(*(several[told_apart[n]] for n in group))) < FEW:
                assert not follows(sums, group)


def authors_of(name, crowd):
    """Nobody writes on two platforms under one pseudonym."""
    return {f"{name[0]} {who}" for who in crowd}


def apart(authors):
    return {"posts": 2 * len(authors), "authors": len(authors)} if authors else {}


def follows(sums, group):
    if not len(sums):
        return False
    wanted = np.zeros(sums.shape[1])
    wanted[list(group)] = 1
    factors = np.linalg.lstsq(sums.T, wanted, rcond=None)[0]
    return bool(np.allclose(sums.T @ factors, wanted, atol=1e-6))
