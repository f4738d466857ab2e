"""Parts of a set: which rows belong to each."""

from hypothesis import given
from hypothesis import strategies as st

from classifiers.dataset import LabelledText
from classifiers.slices import FEWEST, MOST_TARGETS, slices


def rows(texts: list[str], targets: list[str] | None = None) -> list[LabelledText]:
    asked = targets or [""] * len(texts)
    return [LabelledText(str(n), text, asked[n], {}) for n, text in enumerate(texts)]


def test_marks_and_lengths_are_found_where_they_are() -> None:
    told = {
        "with a mention": "thanks @user",
        "with a hashtag": "out today #walkout",
        "with a link": "see http",
        "with a negation": "I don't know",
        "with a question mark": "when?",
        "with an emoji": "fine \U0001f600",
        "long": "word " * 30,
    }
    plain = ["a word or two"] * FEWEST
    found = slices(rows([*(text for text in told.values() for _ in range(FEWEST)), *plain]))
    for number, name in enumerate(told):
        expected = set(range(number * FEWEST, (number + 1) * FEWEST))
        assert set(found[name].nonzero()[0].tolist()) == expected
    assert found["short"].sum() == FEWEST * len(told)


def test_small_parts_the_whole_and_too_many_targets_are_left_out() -> None:
    texts = ["nothing new"] * (3 * FEWEST)
    found = slices(rows(texts, ["a"] * 2 * FEWEST + ["b"] * (FEWEST - 1) + ["c"]))
    assert set(found) == {"towards a"}
    many = slices(rows(texts, [f"plan {n % (MOST_TARGETS + 1)}" for n in range(len(texts))]))
    assert not many


@given(st.lists(st.text("ab ?#@\U0001f600", max_size=80), max_size=200))
def test_every_part_is_of_the_rows_and_large_enough(texts: list[str]) -> None:
    for held in slices(rows(texts)).values():
        assert held.shape == (len(texts),)
        assert FEWEST <= held.sum() < len(texts)
