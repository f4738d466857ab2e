"""Targets that name the opposite of something, from their words to the answers."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifiers.adaptation import adapt
from classifiers.examples import Example
from classifiers.heads import head
from classifiers.opposites import without_opposition
from classifiers.registry import Registry
from classifiers.runtime import Scorer, load_scorer

TEXTS = ["we walk out", "back to work, all of you", "", "noon at the square " * 20]
STANCE = head("stance")


@pytest.mark.parametrize(
    ("target", "about"),
    [
        ("ending the strike at once", "the strike"),
        ("\u200b" * 2000 + "ending the strike", "the strike"),
        ("ending the strike" + " " * 2000 + "at once", "the strike"),
        ("Opposition to the merger", "the merger"),
        ("opposing  the merger", "the merger"),
        ("being against closing schools", "closing schools"),
        ("people against masks", "masks"),
        ("the fight against the pipeline", "the pipeline"),
        ("a ban on plastic bags", "plastic bags"),
        ("the ban on plastic bags", "plastic bags"),
        ("abolition of tipping", "tipping"),
        ("an end to the war", "the war"),
        ("end to endless overtime", "endless overtime"),
        ("the end of the four day week", "the four day week"),
        ("the end of the two term limit", "the two term limit"),
        ("opposing participation in the war", "participation in the war"),
        ("opposing Teamsters", "Teamsters"),
        ("the end of the strike", "the strike"),
        ("the end of the 5-day office week", "the 5-day office week"),
        ("no to the new stadium", "the new stadium"),
        ("ending the strike for good", "the strike"),
        ("ending Yesterday's orders", "Yesterday's orders"),
        ("a ban on phones for children", "phones for children"),
        ("ending the strike or the lockout now", "the strike or the lockout"),
    ],
)
def test_the_opposite_of_something(target: str, about: str) -> None:
    assert without_opposition(target) == (about, True)


@pytest.mark.parametrize(
    "target",
    [
        "the strike", "the ban", "ending", "against", "no", "the opposition",
        "the end of life care", "end to end encryption", "an end to end test",
        "the end of the year bonus", "the end of our fiscal year party", "the end of the quarter",
        "opposing counsel", "opposing parties", "stopping distance",
        "endings that surprise", "Andy Banning", "fighting in the streets", "anti-vaxxers",
        "resisting arrest", "the protest of June", "notable people", "streik beenden", "",
        "ending now", "Stopping right now", "ending for good",
    ],
)  # fmt: skip
def test_what_is_no_opposite(target: str) -> None:
    assert without_opposition(target) == (target, False)


@pytest.mark.parametrize(
    "target",
    [
        "no to layoffs, yes to the walkout", "against layoffs and for the walkout",
        "stopping layoffs and supporting the walkout", "No to layoffs, Yes to the walkout",
        "opposition to a ban on guns BUT more checks", "no to layoffs yes to the walkout",
        "ending hunting and fishing", "against tolls and in favor of trams",
    ],
)  # fmt: skip
def test_a_target_that_names_two_things_is_left_as_it_is(target: str) -> None:
    assert without_opposition(target) == (target, False)


@given(st.text(st.characters(exclude_characters=",;"), max_size=30))
def test_the_opposite_of_the_opposite(target: str) -> None:
    assume(not {"and", "but", "or", "yes"} & set(re.findall(r"\w+", target.lower())))
    about, opposed = without_opposition(f"the {target} plan")
    assert without_opposition(f"ending the {target} plan") == (about, not opposed)
    assert without_opposition(f"opposition to a ban on the {target} plan") == (about, opposed)


@pytest.mark.timeout(20)  # formerly minutes each
@pytest.mark.parametrize(
    "target",
    ["ending x" + " " * 100_000 + "y", "ending " * 14_000 + "x", "ending x" + " now" * 25_000],
    ids=["blanks", "words", "tails"],
)
def test_a_target_that_was_made_to_take_long_does_not(target: str) -> None:
    for _ in range(100):
        without_opposition(target)


def test_favor_and_against_change_places(scorer: Scorer) -> None:
    targets = {"plain": "the strike", "opposed": "ending the strike"}
    plain, opposed = scorer.score(TEXTS, targets, heads=["stance"])
    order = [STANCE.labels.index(label) for label in STANCE.opposites]
    np.testing.assert_allclose(opposed.probabilities, plain.probabilities[:, order], atol=1e-6)
    assert (plain.probabilities[:, 0] != plain.probabilities[:, 1]).any()
    # The same in pairs, mixed with others in one batch.
    asked = ["ending the strike", "the strike"] * 2
    [pairs] = scorer.score_pairs(TEXTS, asked, heads=["stance"])
    expected = np.where(np.array([[True], [False]] * 2), opposed.probabilities, plain.probabilities)
    np.testing.assert_allclose(pairs.probabilities, expected, atol=1e-6)


def test_relevance_is_the_same_towards_both(scorer: Scorer) -> None:
    targets = {"plain": "the strike", "opposed": "ending the strike"}
    plain, opposed = scorer.score(TEXTS, targets, heads=["relevance"])
    np.testing.assert_allclose(opposed.probabilities, plain.probabilities, atol=1e-6)


def test_what_is_read_is_exchanged_too(scorer: Scorer) -> None:
    plain = scorer.read(TEXTS, ["the strike"] * len(TEXTS))
    opposed = scorer.read(TEXTS, ["opposition to the strike"] * len(TEXTS))
    order = [STANCE.labels.index(label) for label in STANCE.opposites]
    np.testing.assert_array_equal(opposed.logits["stance"], plain.logits["stance"][:, order])
    np.testing.assert_array_equal(opposed.logits["sentiment"], plain.logits["sentiment"])
    assert opposed.about is not None
    assert plain.about is not None
    np.testing.assert_array_equal(opposed.about, plain.about)


def test_labels_of_an_opposite_teach_that_target_alone(
    tiny: Path, cache: Path, tmp_path: Path
) -> None:
    opposed, plain = "ending the strike", "the strike"
    examples = [
        Example(f"e{n}", f"{'stay' if n % 2 else 'go'} number {n}", "stance", opposed,
                "favor" if n % 2 else "against", True)
        for n in range(80)
    ]  # fmt: skip
    registry = Registry(tmp_path, shipped=tiny)
    made = adapt(registry, "strike", examples, cache=cache)
    base, taught = (
        load_scorer(registry.path(version), cache=cache)
        for version in (registry.shipped().id, made.version.id)
    )
    texts = [f"stay number {n}" for n in range(100, 120)]
    targets = {"plain": plain, "opposed": opposed}
    [before, _], [after, learnt] = (
        one.score(texts, targets, heads=["stance"]) for one in (base, taught)
    )
    assert (before.probabilities.argmax(axis=1) == after.probabilities.argmax(axis=1)).all()
    assert (learnt.probabilities.argmax(axis=1) == STANCE.labels.index("favor")).mean() > 0.8
