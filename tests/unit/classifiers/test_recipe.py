"""Mistakes in a recipe are found before the hours of training that they would spoil."""

from pathlib import Path

import pytest

from classifiers.errors import TrainingError
from classifiers.recipe import read_recipe

ROOT = Path(__file__).parents[3]
RECIPES = sorted([*ROOT.glob("config/training*.toml"), *ROOT.glob("benchmarks/*.toml")])


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_here_is_read(path: Path) -> None:
    assert read_recipe(path).validation


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("start_share = 0.5", "start_share = 1.5", "[run] does not fit: `start_share` is 1.5"),
        ("layers = 8", "layers = 0", "`layers` is 0 and should be greater than or equal to 1"),
        ("layers = 8", 'layers = "8"', "`layers` is '8' and should be a valid integer"),
        ("held_layers = 0", "held_layers = 9", "`held_layers` is 9, of 8 layers"),
        ("learning_rate = 4e-5", "learning_rate = nan", "`learning_rate` is nan"),
        ("learning_rate = 4e-5", "", "`learning_rate` is missing"),
        ("warm_up = 0.08", "warm_up = 0.08\nwarm = 1", "`warm` is unknown"),
        ('precision = "auto"', 'precision = "half"', "`precision` is 'half' and should be 'auto'"),
        ("opposed = 0.15", "opposed = 15", "[targets] does not fit: `opposed` is 15"),
        ("rows = 46000", "rows = 0", "[sets] does not fit: `rows` is 0"),
        (
            'metric = "macro_recall"',
            'metric = "recall"',
            "`metric` is 'recall' and should be one of f1_favor_against, macro_f1, macro_recall",
        ),
        ("relevance_words = 'merg|", "relevance_words = '(merg|", "`relevance_words` is '(merg|"),
        ('head = "sentiment"', 'head = "mood"', "`head` is 'mood' and should be one of relevance"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    tmp_path: Path, line: str, instead: str, said: str
) -> None:
    text = (ROOT / "config/training-fifth.toml").read_text(encoding="utf-8")
    assert line in text
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text.replace(line, instead, 1), encoding="utf-8")
    with pytest.raises(TrainingError) as raised:
        read_recipe(recipe)
    assert said in raised.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sets]\nname = 'a'\n", "[sets] is one table, and a list is wanted"),
        ("run = 3\n", "run is 3, no table"),
        ("sets = [3]\n" + "[run]\n", "[run] does not fit: `seed` is missing"),
    ],
)
def test_a_table_of_another_shape_is_named(tmp_path: Path, text: str, said: str) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError) as raised:
        read_recipe(recipe)
    assert said in raised.value.message
