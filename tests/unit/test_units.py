"""One author one voice, one text one voice: what aggregates count besides posts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.authors import AuthorSketch
from monitor.pipeline.aggregate import tally_day
from monitor.shares.rollup import roll_up
from monitor.store.values import VOLUME, CellKey, DailyAggregate, DayPost, DayPrediction

SCORES = {"negative": (8000, 1000, 1000), "positive": (500, 500, 9000)}
LONG = "we all walked out today because the post should have come down on friday already"


def post(number, author, label, text=""):
    answer = DayPrediction("sentiment", "", "v1", label, SCORES[label])
    name = None if author is None else author * 32
    return DayPost(
        number, "x", "public", "en", "original", name, predictions=(answer,),
        text=text,
    )  # fmt: skip


def counts(posts, head="sentiment"):
    version = "" if head == VOLUME else "v1"
    return tally_day(posts)[CellKey("x", "public", "en", head, "", version)].units.as_counts()


def test_an_author_has_one_voice_however_much_they_write():
    loud = [post(n, "a", "negative") for n in range(9)]
    found = counts([*loud, post(9, "b", "positive")])["authors"]
    assert found["count"] == 2
    assert found["labels"] == {"negative": 10_000, "positive": 10_000}
    assert found["soft"] == {"negative": 8500, "neutral": 1500, "positive": 10_000}


def test_an_author_of_two_minds_is_split():
    found = counts([post(0, "a", "negative"), post(1, "a", "positive")])["authors"]
    assert found["labels"] == {"negative": 5000, "positive": 5000}


def test_posts_without_an_author_have_no_voice():
    assert counts([post(0, None, "negative")])["authors"]["count"] == 0


def test_copies_count_once_and_in_the_volume_too():
    posts = [post(0, "a", "negative", LONG), post(1, "b", "negative", LONG + "!"),
             post(2, "c", "positive", "what a fine day to be at work with everybody")]  # fmt: skip
    assert counts(posts)["texts"]["count"] == 2
    assert counts(posts)["texts"]["labels"] == {"negative": 10_000, "positive": 10_000}
    assert counts(posts, VOLUME)["texts"] == {"count": 2}


people = st.sampled_from(["a", "b", "c", None])


@given(st.lists(st.tuples(people, st.sampled_from(list(SCORES))), max_size=30))
def test_voices_add_up_to_the_authors(drawn):
    posts = [post(n, author, label) for n, (author, label) in enumerate(drawn)]
    if posts:
        found = counts(posts)
        authors = {author for author, _ in drawn} - {None}
        assert found["authors"]["count"] == len(authors)
        assert sum(found["authors"].get("labels", {}).values()) == pytest.approx(
            10_000 * len(authors), abs=3 * len(authors)
        )
        assert found["texts"]["count"] == len(posts)


@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["", "!", " now"])), max_size=9
    ),
    st.randoms(use_true_random=False),
)
def test_which_post_came_first_makes_no_difference(drawn, random):
    def units(day):
        numbered = [replace(one, id=n) for n, one in enumerate(day)]
        return {key: one.units.as_counts() for key, one in tally_day(numbered).items()}

    posts = [
        replace(post(0, "a", "negative", LONG + more), platform=platform)
        for platform, more in drawn
    ]
    shuffled = list(posts)
    random.shuffle(shuffled)
    assert units(shuffled) == units(posts)


def aggregate(platform, units):
    return DailyAggregate(
        topic="t",
        day=date(2020, 6, 1),
        platform=platform,
        cohort="public",
        language="en",
        head="sentiment",
        target="",
        version="v1",
        posts=2,
        reposts=0,
        authors=2,
        authors_sketch=AuthorSketch.of([]),
        label_counts={"negative": 2},
        soft_sums={"negative": 20_000},
        units=units,
    )


def test_units_add_up_over_cells():
    part = {"count": 1, "labels": {"negative": 10_000}, "soft": {"negative": 9000}}
    base = {(name, "public", "en"): aggregate(name, {"authors": part}) for name in ("x", "y")}
    (found,) = roll_up(base, ()).values()
    authors = found.in_unit("authors")
    assert (authors.count, authors.labels["negative"]) == (2, 2.0)
    assert authors.soft["negative"] == pytest.approx(1.8)
    assert found.in_unit("posts").soft["negative"] == pytest.approx(4.0)
    assert found.in_unit("texts").count == 0


@pytest.mark.parametrize("unit", ["authors", "texts"])
def test_what_one_cell_does_not_know_no_sum_with_it_knows(unit):
    part = {"count": 2, "labels": {"negative": 20_000}, "soft": {"negative": 18_000}}
    known, unknown = aggregate("x", {unit: part}), aggregate("y", {})
    base = {(one.platform, "public", "en"): one for one in (known, unknown)}
    counts = {
        cell[0]: found.in_unit(unit).count for cell, found in roll_up(base, ["platform"]).items()
    }
    assert counts == {"x": 2, "y": 0}
    (found,) = roll_up(base, ()).values()
    assert (found.in_unit(unit).count, found.in_unit("posts").count) == (0, 4)


def test_a_cell_of_reposts_alone_takes_no_count_from_a_sum():
    volume = aggregate("x", {"texts": {"count": 2}})
    reposts = replace(aggregate("y", {}), posts=0, reposts=3, label_counts={}, soft_sums={})
    base = {(one.platform, "public", "en"): one for one in (volume, reposts)}
    (found,) = roll_up(base, ()).values()
    assert found.in_unit("texts").count == 2
