import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from classifiers import processor, quantisation
from classifiers.batches import Batch
from classifiers.encoder import Classifier
from classifiers.model_files import load_model
from classifiers.precision import LARGEST_DIFFERENCE, Tried, chosen, try_out
from classifiers.processor import candidates
from classifiers.quantisation import (
    InputRange,
    QuantisedLinear,
    measure_ranges,
    quantised,
    read_ranges,
)
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
    tried = [Tried("int8", 0.01), Tried("f32", 0.0)]
    assert chosen(tried).precision == "int8"


def test_one_that_answers_otherwise_is_not_chosen_however_fast() -> None:
    tried = [Tried("int8", LARGEST_DIFFERENCE * 2), Tried("f32", 0.0)]
    assert chosen(tried).precision == "f32"


def test_without_agreement_32_bits_are_chosen() -> None:
    assert chosen([Tried("int8", 0.5), Tried("f32", 0.5)]).precision == "f32"


def test_32_bits_are_always_a_candidate() -> None:
    assert candidates()[-1] == "f32"


def test_the_models_own_answers_agree(model: Classifier, tokeniser: Tokeniser) -> None:
    assert try_out("f32", by_torch(model), model, tokeniser).difference == pytest.approx(
        0, abs=1e-6
    )


def test_8_bits_agree_and_nonsense_does_not(
    tiny: Path, model: Classifier, tokeniser: Tokeniser
) -> None:
    rounded = quantised(model, read_ranges(tiny))
    assert try_out("int8", by_torch(rounded), model, tokeniser).difference < LARGEST_DIFFERENCE

    def nonsense(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        return [-10 * answer for answer in by_torch(model)(batch)]

    def nothing(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        return [answer * np.nan for answer in by_torch(model)(batch)]

    for broken in (nonsense, nothing):
        tried = try_out("int8", broken, model, tokeniser)
        assert tried.difference > LARGEST_DIFFERENCE


@pytest.fixture
def wide(model: Classifier) -> tuple[Classifier, dict[str, InputRange], tuple[torch.Tensor, ...]]:
    """A model with a channel of its wide space far wider than the others, its ranges, a batch."""
    uneven = copy.deepcopy(model)
    uneven.requires_grad_(False)
    with torch.no_grad():
        uneven.layers[1].inner.weight[5] *= 600
    torch.manual_seed(3)
    asked = torch.randint(5, 30000, (16, 12)), torch.randint(5, 30000, (16, 1, 4))
    return uneven, measure_ranges(uneven, [Batch(*asked, {})]), asked


def test_the_widest_channels_of_the_wide_space_are_not_rounded(
    wide: tuple[Classifier, dict[str, InputRange], tuple[torch.Tensor, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uneven, ranges, asked = wide
    exact = torch.cat([logits.flatten() for logits in uneven(*asked)])

    def error(channels: int) -> float:
        monkeypatch.setattr(quantisation, "EXACT_CHANNELS", channels)
        rounded = quantised(uneven, {"layers.1.outer": ranges["layers.1.outer"]})(*asked)
        return float((torch.cat([logits.flatten() for logits in rounded]) - exact).abs().mean())

    assert 0 < error(4) < error(0) / 3


def test_the_model_that_is_rounded_stays_as_it_is(
    wide: tuple[Classifier, dict[str, InputRange], tuple[torch.Tensor, ...]],
) -> None:
    uneven, ranges, asked = wide
    before = {name: value.clone() for name, value in uneven.state_dict().items()}
    assert not torch.equal(quantised(uneven, ranges)(*asked)[0], uneven(*asked)[0])
    assert all(torch.equal(before[name], value) for name, value in uneven.state_dict().items())


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("avx2 fma", ["f32"]), ("avx2 avx512_vnni", ["int8", "f32"]), ("avx512_bf16", ["f32"])],
)
def test_what_is_tried_depends_on_the_processor(
    flags: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n", encoding="utf-8")
    monkeypatch.setattr(processor, "_PROCESSOR", tmp_path / "cpuinfo")
    assert candidates() == expected


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
