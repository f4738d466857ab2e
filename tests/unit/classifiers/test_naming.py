import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.asked import Asked, AskedPost
from classifiers.naming import Naming, name_at_random, read_names, with_group, with_names

EVERYTHING = Naming(groups=1, names=1)
NAMES = read_names()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def about(text: str, target: str) -> AskedPost:
    return AskedPost(text, (Asked(target, {"stance": 0}),))


def renamed(post: AskedPost, shares: Naming = EVERYTHING) -> str:
    (one,) = name_at_random([post], shares, rng())
    return one.text


@given(
    before=st.text("bcd .,", max_size=12),
    after=st.text(" .,!?", max_size=5),
    word=st.sampled_from(NAMES.people),
    seed=st.integers(0, 99),
)
def test_a_group_is_named_beside_a_word_for_people_and_nothing_else_changes(
    before: str, after: str, word: str, seed: int
) -> None:
    text = f"{before} {word}{after}"
    changed = with_group(text, rng(seed))
    group = changed.removeprefix(f"{before} ").removesuffix(f" {word}{after}")
    assert group in NAMES.groups
    assert changed.endswith(f" {word}{after}")


def test_a_group_that_is_named_there_is_replaced() -> None:
    for seed in range(20):
        changed = with_group("the Latino workers left", rng(seed))
        assert changed.removeprefix("the ").removesuffix(" workers left") in NAMES.groups


@pytest.mark.parametrize("text", ["", "what a day", "#people", "people@here", "workers-rights"])
def test_a_group_is_named_before_a_text_without_a_word_for_people(text: str) -> None:
    opening = with_group(text, rng()).removesuffix(text)
    assert opening
    assert any(group.lower() in opening.lower() for group in NAMES.groups)


def test_an_article_fits_the_group_after_it() -> None:
    changed = {with_group("An engineer said so", rng(seed)) for seed in range(99)}
    assert "An immigrant engineer said so" in changed
    assert "A Black engineer said so" in changed


def test_each_mention_becomes_a_name() -> None:
    changed = with_names("@ann and @bob met me@work", rng())
    first, _, second, *rest = changed.split()
    assert first in NAMES.names
    assert second in NAMES.names
    assert rest == ["met", "me@work"]


def test_a_name_is_put_before_a_text_without_mentions() -> None:
    opening = with_names("fine", rng()).removesuffix("fine")
    assert any(name in opening for name in NAMES.names)


def test_a_post_about_a_target_keeps_what_its_answer_may_hang_on() -> None:
    for text, target in (("gay people", "the walkout"), ("people", "rights of immigrants")):
        assert renamed(about(text, target), Naming(groups=1, names=0)) == text
    spoken_to = about("@HillaryClinton is right", "Hillary Clinton")
    assert renamed(spoken_to, Naming(groups=0, names=1)) == spoken_to.text
    assert renamed(about("people and @ann walked out", "the walkout")).endswith(" walked out")
    assert renamed(about("people and @ann walked out", "the walkout")).count("@") == 0


def test_a_post_about_no_target_may_name_any_group() -> None:
    posts = [AskedPost("gay people", labels={"sentiment": 1})] * 20
    changed = name_at_random(posts, EVERYTHING, rng())
    assert len({post.text for post in changed}) > 5
    assert all(post.labels == {"sentiment": 1} for post in changed)


def test_without_shares_nothing_is_renamed() -> None:
    posts = [about("people and @ann", "the walkout")]
    assert name_at_random(posts, Naming(groups=0, names=0), rng()) == posts


def test_what_is_held_back_is_named_in_no_training_post() -> None:
    assert not set(NAMES.groups) & set(NAMES.held_back["groups"])
    assert not set(NAMES.names) & set(NAMES.held_back["names"])
