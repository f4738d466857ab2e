"""An adversary who adds and subtracts released counts never finds a group under the minimum."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.authors import AuthorSketch
from monitor.pipeline.aggregate import tally_day
from monitor.privacy import SPLITS, Cell, coarsen, shown_cells
from monitor.store.values import DayPost

cells = st.tuples(
    st.sampled_from(["bluesky", "x"]),
    st.sampled_from(["employees", "public"]),
    st.sampled_from(["de", "en", "es"]),
)
authors = st.sets(st.integers(0, 30).map(str), max_size=7)
days = st.dictionaries(cells, authors, min_size=1, max_size=9)
reposters = st.dictionaries(cells, st.sets(st.integers(0, 30).map(str), max_size=7), max_size=9)
FEW = 4


def released_sums(base: list[Cell], decided: dict[Cell, str | None]) -> np.ndarray:
    shown = {
        tuple(int(coarsen(cell, by) == coarse) for cell in base)
        for by in SPLITS
        for coarse in {coarsen(cell, by) for cell in base}
        if decided[coarse] is None
    }
    return np.array(sorted(shown), dtype=float).reshape(len(shown), len(base))


def follows(sums: np.ndarray, group: tuple[int, ...]) -> bool:
    """Whether some linear combination of the sums is the count of exactly this group."""
    wanted = np.zeros(sums.shape[1])
    wanted[list(group)] = 1
    if not len(sums):
        return False
    factors = np.linalg.lstsq(sums.T, wanted, rcond=None)[0]
    return bool(np.allclose(sums.T @ factors, wanted, atol=1e-6))


def volume_sketches(
    opinions: dict[Cell, set[str]], reposts: dict[Cell, set[str]]
) -> dict[Cell, bytes]:
    """The authors of each base cell's volume, as a day with these authors is counted."""
    posts = [
        DayPost(number, *cell, kind, author, predictions=())
        for kind, day in (("original", opinions), ("repost", reposts))
        for cell, people in day.items()
        for number, author in enumerate(people)
    ]
    return {
        (key.platform, key.cohort, key.language): AuthorSketch.of(tally.authors)
        for key, tally in tally_day(posts).items()
    }


def groups_found(
    day: dict[Cell, set[str]], sketches: dict[Cell, bytes], minimum: int
) -> list[tuple[int, ...]]:
    base = sorted(day)
    sums = released_sums(base, shown_cells(sketches, minimum))
    return [
        group
        for size in range(1, len(base) + 1)
        for group in combinations(range(len(base)), size)
        if len(set().union(*(day[base[n]] for n in group))) < minimum and follows(sums, group)
    ]


@settings(max_examples=150, deadline=None)
@given(day=days)
def test_no_combination_of_all_answers_about_a_day_yields_too_small_a_group(day):
    sketches = {cell: AuthorSketch.of(people) for cell, people in day.items()}
    assert groups_found(day, sketches, FEW) == []


@settings(max_examples=150, deadline=None)
@given(opinions=days, reposts=reposters)
@example(
    opinions={("x", "employees", "en"): {"0"}, ("x", "public", "en"): set("12345")},
    reposts={("x", "employees", "en"): set("6789")},
)
def test_who_only_reposts_hides_nobody_s_opinion(opinions, reposts):
    sketches = volume_sketches(opinions, reposts)
    day = {cell: opinions.get(cell, set()) for cell in sketches}
    assert groups_found(day, sketches, FEW) == []


@settings(max_examples=100, deadline=None)
@given(day=days, unseen=days)
def test_decisions_depend_on_the_day_alone_and_not_on_the_order_of_its_cells(day, unseen):
    sketches = {cell: AuthorSketch.of(people) for cell, people in day.items()}
    first = shown_cells(sketches, FEW)
    shown_cells({cell: AuthorSketch.of(people) for cell, people in unseen.items()}, FEW)
    again = shown_cells(dict(reversed(sketches.items())), FEW)
    assert again == first


@given(day=days)
@settings(max_examples=100, deadline=None)
def test_the_total_is_shown_exactly_when_it_has_enough_authors(day):
    decided = shown_cells({c: AuthorSketch.of(people) for c, people in day.items()}, FEW)
    enough = len(set().union(*day.values())) >= FEW
    assert (decided["all", "all", "all"] is None) == enough


def test_the_adversary_of_these_tests_does_find_a_group_left_open():
    sums = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    assert follows(sums, (0,))


@pytest.mark.parametrize("people", [3, 9])
def test_a_thinly_spread_day_is_decided_quickly_enough_and_shows_its_total(people):
    day = {
        (platform, cohort, language): AuthorSketch.of(
            f"{platform}{cohort}{language}{n}" for n in range(people)
        )
        for platform in ("bluesky", "mastodon", "reddit", "x", "file")
        for cohort in ("employees", "former", "public")
        for language in ("ar", "de", "en", "es", "fr", "hi", "ja", "ko", "pt", "zh")
    }
    decided = shown_cells(day, 10)
    assert decided["all", "all", "all"] is None
    assert decided["x", "all", "all"] is None
