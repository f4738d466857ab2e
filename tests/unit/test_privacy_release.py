"""The door: which reason is given, and what is taken out of a figure for it."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.authors import AuthorSketch
from monitor.figure import Figure, Volume
from monitor.privacy import Standing, release, release_volume, rounded, shown_cells
from monitor.settings import ReleaseSettings

RULES = ReleaseSettings(maximum_interval_width=0.5, minimum_coverage=0.5, minimum_scored=0.9)
FIGURE = Figure(
    topic="walkout",
    day=date(2020, 6, 1),
    platform="all",
    cohort="all",
    language="all",
    head="sentiment",
    target="",
    label="negative",
    version="v1",
    posts=100,
    authors=80,
    share_raw=0.4,
    share=0.45,
    low=0.3,
    high=0.6,
    coverage=1.0,
    validated=True,
    withheld=None,
)
WIDE = replace(FIGURE, low=0.1, high=0.7)
OPEN = Standing(hidden=None, scored=1.0, rules=RULES)
SHARES = ("share_raw", "share", "low", "high")


def values(figure, *names):
    return [getattr(figure, name) for name in names]


def test_a_figure_that_meets_every_rule_leaves_as_it_is():
    assert release(FIGURE, OPEN) == FIGURE


@pytest.mark.parametrize(
    ("figure", "standing", "reason"),
    [
        pytest.param(WIDE, replace(OPEN, hidden="small_group"), "small_group", id="small group"),
        pytest.param(FIGURE, replace(OPEN, hidden="complementary"), "complementary", id="compl."),
        pytest.param(
            FIGURE, Standing("small_group", 0.1, RULES), "unscored", id="small as hardly scored"
        ),
        pytest.param(
            replace(FIGURE, coverage=0.1, validated=False),
            replace(OPEN, scored=0.8),
            "unscored",
            id="unscored before incomplete",
        ),
        pytest.param(
            replace(FIGURE, coverage=0.1, validated=False), OPEN, "incomplete", id="incomplete"
        ),
        pytest.param(replace(WIDE, validated=False), OPEN, "unvalidated", id="unvalidated"),
        pytest.param(WIDE, OPEN, "too_uncertain", id="too uncertain"),
        pytest.param(replace(FIGURE, low=None, high=None), OPEN, "too_uncertain", id="no interval"),
    ],
)
def test_the_first_reason_that_applies_is_given_and_no_share_is_left(figure, standing, reason):
    released = release(figure, standing)
    assert released.withheld == reason
    assert values(released, "share", "low", "high") == [None] * 3


@pytest.mark.parametrize("hidden", ["small_group", "complementary"])
def test_of_a_hidden_cell_no_number_is_left_even_in_the_preview(hidden):
    released = release(replace(FIGURE, validated=False), replace(OPEN, hidden=hidden), preview=True)
    assert values(released, *SHARES, "posts", "authors") == [None] * 6


def test_the_preview_gives_raw_shares_of_unvalidated_figures_only():
    unvalidated = release(replace(FIGURE, validated=False), OPEN, preview=True)
    incomplete = release(replace(FIGURE, coverage=0.0), OPEN, preview=True)
    assert values(unvalidated, *SHARES) == [0.4, None, None, None]
    assert values(incomplete, *SHARES) == [None] * 4


def test_unknown_coverage_withholds_nothing():
    assert release(replace(FIGURE, coverage=None), OPEN).withheld is None


def test_a_hidden_volume_keeps_no_count():
    volume = Volume("walkout", FIGURE.day, "x", "all", "all", 9, 8, 7, 6, 1.0, None)
    hidden = release_volume(volume, "complementary")
    assert values(hidden, "posts", "reposts", "authors", "unscored") == [None] * 4
    assert hidden.withheld == "complementary"


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=3).map(sorted))
def test_a_rounded_interval_holds_the_one_it_is_made_of_and_the_share(parts):
    low, share, high = (part / 10_000 for part in parts)
    shown = rounded(replace(FIGURE, low=low, share=share, high=high), 5)
    assert 0 <= shown.low <= low <= high <= shown.high <= 1
    assert shown.low <= shown.share <= shown.high
    assert low - shown.low < 0.01 > shown.high - high
    assert values(shown, "low", "high") == [round(end, 2) for end in values(shown, "low", "high")]


@given(st.lists(st.integers(0, 100), min_size=2, max_size=2).map(sorted))
def test_whole_percent_stay_as_they_are_however_they_came_about(parts):
    low, high = (part / 100 for part in parts)
    computed = replace(FIGURE, low=(low + 0.1) - 0.1, high=(high + 0.1) - 0.1)
    assert values(rounded(computed, 5), "low", "high") == [low, high]


def people(count, prefix=""):
    return AuthorSketch.of(f"{prefix}{n}" for n in range(count))


def test_margins_are_shown_where_only_their_crossing_is_small():
    decided = shown_cells(
        {
            ("x", "public", "en"): people(100, "a"),
            ("x", "employees", "en"): people(5, "b"),
            ("bluesky", "public", "en"): people(100, "c"),
            ("bluesky", "employees", "en"): people(6, "d"),
        },
        10,
    )
    assert decided["x", "all", "all"] is None
    assert decided["all", "employees", "all"] is None
    assert decided["x", "employees", "all"] == "small_group"
    assert decided["x", "public", "all"] == "complementary"


def test_posts_of_unknown_authors_are_a_group_that_is_never_shown():
    decided = shown_cells({("x", "public", "en"): people(0)}, 1)
    assert set(decided.values()) == {"small_group"}


def test_a_cell_whose_volume_is_hidden_stays_hidden():
    sketches = {("x", "public", "en"): people(50)}
    among = frozenset({("all", "all", "all")})
    decided = shown_cells(sketches, 10, among=among)
    assert decided["all", "all", "all"] is None
    assert decided["x", "all", "all"] == "complementary"
