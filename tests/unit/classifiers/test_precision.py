from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from classifiers import processor
from classifiers.encoder import Classifier
from classifiers.export import converted, runner
from classifiers.model_files import load_model
from classifiers.openvino_engine import ARITHMETIC
from classifiers.precision import LARGEST_DIFFERENCE, Tried, chosen, try_out
from classifiers.processor import candidates
from classifiers.quantisation import ByteLinear, in_byte_layers, in_bytes
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


def test_8_bits_agree_and_nonsense_does_not(model: Classifier, tokeniser: Tokeniser) -> None:
    rounded = runner(converted(in_byte_layers(model)))
    assert try_out("int8", rounded, model, tokeniser).difference < LARGEST_DIFFERENCE

    def nonsense(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        return [-10 * answer for answer in by_torch(model)(batch)]

    def nothing(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        return [answer * np.nan for answer in by_torch(model)(batch)]

    def nothing_at_last(batch: tuple[Ids, Ids]) -> list[np.ndarray]:
        *answers, last = by_torch(model)(batch)[: len(model.heads)]
        return [*answers, last * np.nan]

    for broken in (nonsense, nothing, nothing_at_last):
        tried = try_out("int8", broken, model, tokeniser)
        assert tried.difference > LARGEST_DIFFERENCE


def test_the_model_whose_weights_become_bytes_stays_as_it_is(model: Classifier) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rounded = in_byte_layers(model)
    torch.manual_seed(3)
    asked = torch.randint(5, 30000, (16, 12)), torch.randint(5, 30000, (16, 1, 4))
    for ours, theirs in zip(rounded(*asked), model(*asked), strict=True):
        assert not torch.equal(ours, theirs)
        assert torch.allclose(ours, theirs, atol=0.05)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e4), st.booleans())
def test_what_was_rounded_to_bytes_is_rounded_to_the_same(
    seed: int, size: float, empty_row: bool
) -> None:
    matrix = size * torch.randn(5, 40, generator=torch.Generator().manual_seed(seed))
    if empty_row:
        matrix[2] = 0
    rows, scale = in_bytes(matrix)
    restored = rows.float() * scale[:, None]
    assert torch.all((restored - matrix).abs() <= 0.501 * scale[:, None])
    again, same = in_bytes(restored)
    assert torch.equal(again, rows)
    assert torch.allclose(same, scale, rtol=1e-6, atol=0)


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


@pytest.mark.skipif(candidates() == ["f32"], reason="this processor multiplies no bytes")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_channel_that_is_far_larger_costs_its_own_group_alone() -> None:
    torch.manual_seed(0)
    dense = nn.Linear(1024, 64)
    features = torch.randn(256, 1024)
    features[:, 3] *= 200
    exact = dense(features).detach()
    model = openvino.convert_model(ByteLinear(dense), example_input=features)
    compiled = openvino.Core().compile_model(model, "CPU", ARITHMETIC)
    found = torch.from_numpy(compiled([features.numpy()])[0])
    plain = torch.fake_quantize_per_tensor_affine(
        features, float(features.abs().max()) / 127, 128, 0, 255
    )
    error = (found - exact).abs().mean()
    assert 0 < error < (dense(plain) - exact).abs().mean() / 2
