"""Distinct authors by sketch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.authors import AuthorSketch

people = st.lists(st.integers(0, 5000).map(lambda n: f"{n:032x}"), max_size=60)


@given(names=people, data=st.data())
def test_the_bytes_depend_on_the_set_of_authors_alone(names, data):
    shuffled = data.draw(st.permutations(names + names[:5]))
    assert AuthorSketch.of(shuffled) == AuthorSketch.of(names)


@given(parts=st.lists(people, max_size=5))
def test_a_union_equals_the_sketch_of_everybody(parts):
    everybody = AuthorSketch.of(name for part in parts for name in part)
    assert AuthorSketch.union([AuthorSketch.of(part) for part in parts]) == everybody


def test_large_sketches_merge_to_the_same_bytes_in_any_order():
    names = [f"{n:032x}" for n in range(9000)]
    parts = [AuthorSketch.of(p) for p in (names[:3000], names[2000:7000], names[6500:], names[:5])]
    first = AuthorSketch.union([AuthorSketch.union(parts[:2]), AuthorSketch.union(parts[2:])])
    assert first == AuthorSketch.union(parts[::-1]) == AuthorSketch.of(reversed(names))


@given(names=people)
def test_few_authors_are_counted_exactly(names):
    assert AuthorSketch.count(AuthorSketch.of(names)) == len(set(names))
    assert len(AuthorSketch.hashes(AuthorSketch.of(names))) == len(set(names))


def test_many_authors_are_counted_within_the_stated_error():
    count = AuthorSketch.count(AuthorSketch.of(str(n) for n in range(100_000)))
    assert abs(count - 100_000) < 3 * 0.022 * 100_000


def sketch(first, end):
    return AuthorSketch.of(str(n) for n in range(first, end))


@given(one=people, other=people)
def test_of_few_authors_those_who_are_in_one_sketch_alone_are_exact(one, other):
    without = AuthorSketch.without(AuthorSketch.of(one), AuthorSketch.of(other))
    assert without == AuthorSketch.of(set(one) - set(other))


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [
        ((0, 8000), (0, 4000), 4000),
        ((0, 4000), (0, 8000), 0),
        ((0, 100_000), (0, 10_000), 90_000),
        ((0, 100_000), (50_000, 150_000), 50_000),
        ((0, 1000), (900, 100_000), 900),
    ],
    ids=["grown", "shrunk", "grown tenfold", "half exchanged", "nearly all exchanged"],
)
def test_of_many_authors_those_who_are_in_one_sketch_alone_are_estimated(one, other, number):
    found = AuthorSketch.count(AuthorSketch.without(sketch(*one), sketch(*other)))
    assert found == pytest.approx(number, rel=0.25)
