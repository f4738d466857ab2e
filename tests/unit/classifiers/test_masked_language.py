"""Hidden tokens: what is hidden, and what the encoder learns from guessing it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from classifiers.encoder import Classifier
from classifiers.errors import ModelFilesError
from classifiers.masked_language import (
    HIDDEN,
    MaskedLanguageSettings,
    hide,
    read_the_domain,
)
from classifiers.model_files import load_model
from classifiers.tokenisation import Tokeniser, pad

SETTINGS = MaskedLanguageSettings("any", rows=120, learning_rate=3e-3, batch_tokens=30)
TEXTS = [f"we walk out at noon on {day}" for day in ("monday", "tuesday", "friday")] * 40


def padded(texts: list[str], tokeniser: Tokeniser) -> np.ndarray:
    rows = tokeniser.posts(texts)
    return pad(rows, max(map(len, rows)), tokeniser.padding)


@given(
    texts=st.lists(st.text("abc walkout!", max_size=40), min_size=1, max_size=6),
    seed=st.integers(0, 10**6),
)
def test_only_words_are_hidden_and_the_answers_are_what_they_were(
    texts: list[str], seed: int, tokeniser: Tokeniser
) -> None:
    ids = padded(texts, tokeniser)
    puzzle = hide(ids, tokeniser, np.random.default_rng(seed))
    asked = puzzle.asked.numpy()
    words = ~np.isin(ids, tokeniser.marks)
    assert not (asked & ~words).any()
    assert asked.any() == words.any()
    assert (puzzle.shown.numpy()[~asked] == ids[~asked]).all()
    assert (puzzle.answers.numpy() == ids[asked]).all()


def test_shares_of_what_is_hidden_and_by_what(tokeniser: Tokeniser) -> None:
    ids = padded(TEXTS * 20, tokeniser)
    puzzle = hide(ids, tokeniser, np.random.default_rng(4))
    asked, shown = puzzle.asked.numpy(), puzzle.shown.numpy()
    words = ~np.isin(ids, tokeniser.marks)
    assert asked.sum() / words.sum() == pytest.approx(HIDDEN, abs=0.01)
    assert (shown[asked] == tokeniser.mask).mean() == pytest.approx(0.8, abs=0.02)
    assert (shown[asked] == ids[asked]).mean() == pytest.approx(0.1, abs=0.02)


def read(tiny: Path, tokeniser: Tokeniser, *, seed: int = 1) -> tuple[Classifier, list[float]]:
    """Returns a model whose encoder has read the texts, and the loss of each step."""
    torch.manual_seed(0)
    model, losses = load_model(tiny), []
    read_the_domain(
        model, tokeniser, TEXTS, SETTINGS, post_tokens=40, seed=seed,
        tell=lambda _step, _steps, loss: losses.append(loss),
    )  # fmt: skip
    return model, losses


def test_the_encoder_learns_to_guess_and_the_heads_stay(tiny: Path, tokeniser: Tokeniser) -> None:
    before = load_model(tiny).state_dict()
    model, losses = read(tiny, tokeniser)
    after = model.state_dict()
    assert np.mean(losses[-3:]) < 0.5 * np.mean(losses[:3])
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert "words.weight" in changed
    assert any(name.startswith("layers.") for name in changed)
    assert not any(name.startswith("heads.") for name in changed)
    assert not model.training


def test_the_same_seed_reads_the_same(tiny: Path, tokeniser: Tokeniser) -> None:
    (_, first), (_, again), (_, other) = (read(tiny, tokeniser, seed=n) for n in (1, 1, 2))
    assert first == again != other


def test_states_of_tokens_are_those_that_answers_are_made_of(
    tiny: Path, tokeniser: Tokeniser
) -> None:
    model = load_model(tiny)
    posts = torch.from_numpy(padded(["we walk out", "no"], tokeniser))
    with torch.inference_mode():
        states = model.token_states(posts)
        post = model.read(posts, posts.new_zeros(2, 0, 0))[len(model.heads)]
    seen = (posts != tokeniser.padding)[..., None]
    means = (states * seen).sum(dim=1) / seen.sum(dim=1)
    torch.testing.assert_close(post[:, -means.shape[1] :], means)


def test_a_tokenizer_that_hides_nothing_is_refused(tokeniser: Tokeniser, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "a": 2}
    Tokenizer(WordPiece(vocabulary, unk_token="[UNK]")).save(str(path))
    with pytest.raises(ModelFilesError, match="no mask token"):
        _ = Tokeniser(path).mask
