"""Posts written for training: the file format, and what a recipe makes of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.dataset import RELEVANT, read_labelled
from classifiers.errors import BadExampleError
from classifiers.heads.sentiment import HEAD as SENTIMENT
from classifiers.heads.stance import HEAD as STANCE
from classifiers.recipe import TrainingSet, ValidationSet

FAVOR, AGAINST, NONE = (STANCE.labels.index(name) for name in ("favor", "against", "none"))


def written(folder: Path, text: str) -> Path:
    path = folder / "posts.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_post_answers_for_every_target_above_it(tmp_path: Path) -> None:
    path = written(tmp_path, "= the walkout | the company\n+- we go  \n\n= cats\n0 where is he\n")
    rows = read_labelled(path, STANCE)
    assert [(row.text, row.target, row.labels["stance"]) for row in rows] == [
        ("we go", "the walkout", FAVOR),
        ("we go", "the company", AGAINST),
        ("where is he", "cats", NONE),
    ]
    assert [row.id for row in rows] == ["posts.txt:2", "posts.txt:2", "posts.txt:5"]


def test_a_side_is_relevant_and_none_says_nothing_of_it(tmp_path: Path) -> None:
    rows = read_labelled(written(tmp_path, "= a | b\n+0 yes\n"), STANCE)
    assert [row.labels.get("relevance") for row in rows] == [RELEVANT, None]


def test_a_post_answers_sentiment_where_it_has_a_sign_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "= a | b\n+-/+ we go\n+- no\n00/0 when\n-+/- why\n-+ -/- what\n")
    rows = read_labelled(path, SENTIMENT)
    assert [(row.text, SENTIMENT.labels[row.labels["sentiment"]], row.target) for row in rows] == [
        ("we go", "positive", ""),
        ("when", "neutral", ""),
        ("why", "negative", ""),
    ]
    assert len(read_labelled(path, STANCE)) == 10


def test_posts_without_sentiment_are_no_set_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "= a\n+ we go\n")
    with pytest.raises(BadExampleError, match="has no row that answers sentiment"):
        read_labelled(path, SENTIMENT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= a | b\n+ one sign", "posts.txt:2: 1 signs for 2 targets"),
        ("= a\n? what", "posts.txt:2: 0 signs for 1 targets"),
        ("= a\n+", "posts.txt:2: 0 signs for 1 targets"),
        ("= a\n+/ what", "posts.txt:2: 0 signs for 1 targets"),
        ("= a\n+/+- what", "posts.txt:2: 0 signs for 1 targets"),
        ("= a | a\n", "posts.txt:1: a target is empty or named twice"),
        ("= a | \n", "posts.txt:1: a target is empty or named twice"),
    ],
    ids=["too few", "unknown", "no post", "no sentiment", "two of them", "twice", "empty"],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadExampleError) as raised:
        read_labelled(written(tmp_path, text), STANCE)
    assert raised.value.message == said


def test_json_lines_are_read_as_such_whatever_the_file_is_called(tmp_path: Path) -> None:
    line = '{"text": "we go", "target": "the walkout", "label": "favor"}\n'
    (row,) = read_labelled(written(tmp_path, line), STANCE)
    assert (row.text, row.labels["stance"]) == ("we go", FAVOR)


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    (row,) = read_labelled(written(tmp_path, "\ufeff= a\n\n- no\n"), STANCE)
    assert (row.target, row.labels["stance"]) == ("a", AGAINST)


def test_another_encoding_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "posts.txt"
    path.write_bytes("= caf\u00e9\n+ yes\n".encode("latin-1"))
    with pytest.raises(BadExampleError, match="is not UTF-8"):
        read_labelled(path, STANCE)


@given(
    posts=st.lists(
        st.tuples(
            st.text(alphabet="+-0", min_size=2, max_size=2),
            st.sampled_from(["", "+", "-", "0"]),
            st.from_regex(r"\w[\w =|+/-]*\w", fullmatch=True),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, posts: list[tuple[str, str, str]]
) -> None:
    lines = ["= one | two"]
    lines += [f"{signs}{feeling and '/' + feeling} {text}" for signs, feeling, text in posts]
    rows = read_labelled(written(tmp_path_factory.mktemp("written"), "\n".join(lines)), STANCE)
    signs = "".join("+-0"[row.labels["stance"]] for row in rows)
    assert [row.text for row in rows] == [text for *_, text in posts for _ in range(2)]
    assert signs == "".join(signs for signs, *_ in posts)


@pytest.mark.parametrize(
    ("part", "usual"),
    [
        (TrainingSet("set", "stance", 5), "train.jsonl"),
        (ValidationSet("set", "stance", "macro_f1"), "val.jsonl"),
    ],
)
def test_a_set_can_name_its_own_file(part: TrainingSet | ValidationSet, usual: str) -> None:
    assert part.path(Path("data")) == Path("data/set") / usual
    assert replace(part, file="mine.txt").path(Path("data")) == Path("mine.txt")
