"""What is chosen to be labelled, and what tells that posts have changed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from classifiers.embedding import TEXTS_AT_ONCE, embed
from classifiers.model_config import TOKENIZER_FILE, read_config
from classifiers.model_files import load_model
from classifiers.runtime import Scorer
from classifiers.selection import choose
from classifiers.shift import PointSet, compare, keep_reference, read_reference, word_points
from classifiers.tokenisation import Tokeniser
from classifiers.torch_engine import TorchEngine
from classifiers.version import read_version

EVEN, SURE = [0.34, 0.33, 0.33], [0.98, 0.01, 0.01]


def places(count: int, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)


def test_doubted_posts_are_chosen_before_sure_ones() -> None:
    probabilities = np.array([EVEN if n % 4 == 0 else SURE for n in range(200)])
    chosen = choose([probabilities], places(200), 20)
    assert len(set(chosen)) == 20
    assert sum(n % 4 == 0 for n in chosen) >= 18


def test_chosen_posts_spread_over_different_kinds() -> None:
    kinds = np.repeat(np.arange(10), 30)
    noise = np.random.default_rng(2).normal(size=(300, 10))
    embeddings = 5 * np.eye(10)[kinds] + 0.01 * noise
    chosen = choose([np.tile(EVEN, (300, 1))], embeddings, 10)
    assert len({int(kinds[n]) for n in chosen}) >= 8


def test_the_most_doubted_question_counts() -> None:
    first = np.tile(SURE, (50, 1))
    second = first.copy()
    second[7] = EVEN
    assert choose([first, second], places(50), 1) == [7]


def test_there_may_be_fewer_posts_than_wanted_or_none_unlike() -> None:
    assert sorted(choose([np.tile(EVEN, (3, 1))], places(3), 10)) == [0, 1, 2]
    same = np.ones((5, 8), dtype=np.float32)
    assert sorted(choose([np.tile(EVEN, (5, 1))], same, 5)) == [0, 1, 2, 3, 4]
    assert choose([np.zeros((0, 3))], places(0), 5) == []


def test_the_same_seed_chooses_the_same() -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(3), 80)
    first, again = (choose([probabilities], places(80), 9, seed=4) for _ in range(2))
    assert first == again


def test_an_embedding_does_not_depend_on_the_other_texts(scorer: Scorer) -> None:
    texts = ["one two", "and three more words here", "four"] * TEXTS_AT_ONCE
    told: list[float] = []
    together = embed(scorer, texts, progress=told.append)
    alone = embed(scorer, ["and three more words here"])
    assert together.shape == (len(texts), 24)
    assert np.array_equal(together[1::3], np.repeat(alone, TEXTS_AT_ONCE, axis=0))
    assert told == [pytest.approx((n + 1) / 3) for n in range(3)]
    assert embed(scorer, []).shape == (0, 24)


def test_an_embedding_is_the_mean_of_the_last_states(tiny: Path) -> None:
    tokeniser, exact = Tokeniser(tiny / TOKENIZER_FILE), TorchEngine(tiny, threads=1)
    scorer = Scorer(read_version(tiny), read_config(tiny), tokeniser, exact)
    ids = tokeniser.posts(["and three more words here"])
    with torch.inference_mode():
        *_, post, _ = load_model(tiny).read(torch.tensor(ids), torch.zeros((1, 0, 1)).long())
    found = embed(scorer, ["and three more words here"])
    assert found == pytest.approx(post[:, -24:].numpy(), abs=1e-3)


def test_the_same_kind_of_posts_is_no_change_and_another_kind_is() -> None:
    before = [f"we talk about work and pay number {n}" for n in range(80)]
    like = [f"we talk about work and pay number {n + 500}" for n in range(80)]
    other = [f"the football match ended {n} to nothing" for n in range(80)]
    points = [word_points(texts) for texts in (before, like, other)]
    assert compare(points[0], points[1], "words").chance > 0.01
    assert compare(points[0], points[2], "words").chance < 0.01


def test_a_reference_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "references" / "a.safetensors"
    assert read_reference(path) == {}
    marks = np.array([[2**31, 2**62 + 1], [3, 4], [5, 6]])
    words, embeddings = word_points(["a b", "c"]), places(3)
    keep_reference(
        path, {"words": PointSet(words, marks[:2]), "embeddings": PointSet(embeddings, marks)}
    )
    found = read_reference(path)
    assert set(found) == {"words", "embeddings"}
    np.testing.assert_array_equal(found["embeddings"].points, embeddings)
    np.testing.assert_array_equal(found["embeddings"].marks, marks)
    assert list(path.parent.iterdir()) == [path]
