"""The labels that the project keeps of real posts: none of their words, nobody's handle."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from classifiers.dataset import texts_by_id
from classifiers.recipe import read_recipe

ROOT = Path(__file__).parents[3]
ASKED = ROOT / "config/asked"
UNSEEN = re.compile(
    r"corona|covid|\bmasks?\b|fauci|lockdown|quarantin|pandemic|virus|epidemic|outbreak|vaccin"
    r"|me ?too\b|harass|weinstein|facebook|zuckerberg|\bmeta\b|merger",
    re.IGNORECASE,
)
RUN_OF_WORDS = 4
FILES = ("train.txt", "val.txt", "second-train.txt", "second-val.txt")


def lines(name: str) -> Iterator[tuple[str, list[str]]]:
    """The id of each post in a file, and its targets without their signs."""
    for line in (ASKED / name).read_text(encoding="utf-8").splitlines():
        post, _, asked = line.split("\t")
        yield post, [target[1:] for target in asked.split("|")]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def test_no_post_both_teaches_and_judges_or_teaches_twice() -> None:
    posts = [post for name in FILES for post, _ in lines(name)]
    assert len(posts) > 0
    assert len(set(posts)) == len(posts)


@pytest.mark.parametrize("name", FILES)
def test_no_target_is_a_handle_or_of_what_models_are_judged_by(name: str) -> None:
    targets = [target for _, asked in lines(name) for target in asked]
    assert [target for target in targets if "@" in target or "#" in target] == []
    assert [target for target in targets if UNSEEN.search(target)] == []


@pytest.mark.parametrize("name", FILES)
def test_no_target_has_four_words_in_a_row_of_its_post(shared_data: Path, name: str) -> None:
    recipe = read_recipe(ROOT / "config/training-ninth.toml")
    judged = {part.file: part.posts for part in (*recipe.sets, *recipe.validation)}
    texts = texts_by_id(shared_data, judged[f"config/asked/{name}"])
    told = []
    for post, asked in lines(name):
        text = f" {' '.join(words(texts[post]))} "
        for target in map(words, asked):
            runs = (target[at : at + RUN_OF_WORDS] for at in range(len(target) - RUN_OF_WORDS + 1))
            told += [post for run in runs if f" {' '.join(run)} " in text]
    assert told == []
