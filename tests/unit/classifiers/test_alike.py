"""Sentences in which only a name differs: how they are made, and what they are taught."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.alike import alike_posts, with_mean_answers
from classifiers.batches import Encoded
from classifiers.naming import read_names, with_articles

NAMES = read_names()
TARGETS = ["the {new} tax", "a union"]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_sentence_has_every_name_once_and_one_target() -> None:
    groups, persons = alike_posts(1, TARGETS, rng())
    assert len(groups) == len(NAMES.groups)
    assert len(persons) == len(NAMES.names)
    for versions in (groups, persons):
        assert len({post.text for post in versions}) == len(versions)
        assert len({post.asked[0].target for post in versions}) == 1


@given(seed=st.integers(0, 99))
def test_a_sentences_versions_differ_by_the_name_alone(seed: int) -> None:
    groups, persons = alike_posts(1, TARGETS, rng(seed))
    for versions, names in ((groups, NAMES.groups), (persons, NAMES.names)):
        rest = {
            with_articles(post.text.replace(name, "Black", 1))
            for post, name in zip(versions, names, strict=True)
        }
        assert len(rest) == 1


@pytest.mark.parametrize(
    ("sentences", "slot"), [(NAMES.about_groups, "group"), (NAMES.about_persons, "name")]
)
def test_every_sentence_names_what_it_is_about(sentences: tuple[str, ...], slot: str) -> None:
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        fields = {field for _, field, _, _ in string.Formatter().parse(sentence) if field}
        assert slot in fields
        assert fields <= {slot, "target"}


def test_a_target_that_a_sentence_speaks_of_is_the_one_it_is_asked_about() -> None:
    for versions in alike_posts(60, TARGETS, rng()):
        target = versions[0].asked[0].target
        others = {*TARGETS} - {target}
        assert not any(other in post.text for post in versions for other in others)


def taught(*logits: float) -> Encoded:
    row = np.array(logits, dtype=np.float32)
    return Encoded([1], [[2]], {}, {"sentiment": row, "stance": row[None, :]})


def test_a_sentences_rows_are_taught_the_mean_of_their_probabilities() -> None:
    sure = taught(0.0, float(np.log(3)), -99.0), taught(float(np.log(3)), 0.0, -99.0)
    rows = list(with_mean_answers([*sure, taught(0.0, 0.0, 0.0)], [2, 1]))
    found = [np.exp(row.taught["sentiment"]) for row in rows]
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0.5, 0.5, 0], [1 / 3] * 3], atol=1e-5)
    assert all(row.taught["stance"].shape == (1, 3) for row in rows)
    assert [row.post for row in rows] == [[1]] * 3
