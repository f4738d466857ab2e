from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from classifiers.encoder import Classifier
from classifiers.model_files import load_model
from classifiers.precision import LARGEST_DIFFERENCE, Tried, chosen, try_out
from classifiers.processor import candidates
from classifiers.quantisation import InputRange, QuantisedLinear, quantise, read_ranges
from classifiers.tokenisation import Ids, Tokeniser


@pytest.fixture(scope="module")
def model(tiny: Path) -> Classifier:
    return load_model(tiny)


def by_torch(model: Classifier):
    def run(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        with torch.inference_mode():
            return [logits.numpy() for logits in model(*map(torch.from_numpy, batch))]

    return run


def test_the_fastest_that_agrees_is_chosen() -> None:
    tried = [Tried("int8", 0.01, 1.0), Tried("bf16", 0.001, 2.0), Tried("f32", 0.0, 3.0)]
    assert chosen(tried).precision == "int8"


def test_one_that_answers_otherwise_is_not_chosen_however_fast() -> None:
    tried = [Tried("int8", LARGEST_DIFFERENCE * 2, 0.1), Tried("f32", 0.0, 3.0)]
    assert chosen(tried).precision == "f32"


def test_without_agreement_32_bits_are_chosen() -> None:
    assert chosen([Tried("int8", 0.5, 1.0), Tried("f32", 0.5, 3.0)]).precision == "f32"


def test_32_bits_are_always_a_candidate() -> None:
    assert candidates()[-1] == "f32"


def test_the_models_own_answers_agree(model: Classifier, tokeniser: Tokeniser) -> None:
    assert try_out("f32", by_torch(model), model, tokeniser).difference == pytest.approx(
        0, abs=1e-6
    )


def test_8_bits_agree_and_nonsense_does_not(
    tiny: Path, model: Classifier, tokeniser: Tokeniser
) -> None:
    rounded = load_model(tiny)
    quantise(rounded, read_ranges(tiny))
    assert try_out("int8", by_torch(rounded), model, tokeniser).difference < LARGEST_DIFFERENCE

    def nonsense(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        return [-10 * answer for answer in by_torch(model)(batch)]

    def nothing(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        return [answer * np.nan for answer in by_torch(model)(batch)]

    for broken in (nonsense, nothing):
        tried = try_out("int8", broken, model, tokeniser)
        assert tried.difference > LARGEST_DIFFERENCE


def test_a_channel_that_is_far_larger_costs_the_others_nothing() -> None:
    torch.manual_seed(0)
    dense = nn.Linear(32, 16)
    features = torch.randn(200, 32)
    features[:, 3] *= 200
    inputs = InputRange(features.amin(dim=0), features.amax(dim=0))
    exact = dense(features)
    error = (QuantisedLinear(dense, inputs)(features) - exact).abs().mean()
    plain = torch.fake_quantize_per_tensor_affine(
        features, float(features.abs().max()) / 127, 128, 0, 255
    )
    assert error < (dense(plain) - exact).abs().mean() / 3
