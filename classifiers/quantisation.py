"""Eight-bit arithmetic with ranges fixed in advance.

The ranges of what flows into each dense layer are measured once, on training texts, and
kept with the model. Nothing is measured on the texts being scored: a text's answer cannot
depend on its neighbours in a batch.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from classifiers.batches import Batch
from classifiers.encoder import Classifier

Ranges = dict[str, tuple[float, float]]


class QuantisedLinear(nn.Module):
    """A dense layer whose input and weights are rounded to 8 bits."""

    def __init__(self, dense: nn.Linear, low: float, high: float) -> None:
        super().__init__()
        self.dense = dense
        self.scale = (high - low) / 255
        self.zero = min(255, max(0, round(-low / self.scale)))
        self.weight_scale = dense.weight.detach().abs().amax(dim=1) / 127
        self.weight_zero = torch.zeros(dense.out_features, dtype=torch.int32)

    def forward(self, features: Tensor) -> Tensor:
        """Return what the dense layer makes of the rounded input."""
        rounded = torch.fake_quantize_per_tensor_affine(features, self.scale, self.zero, 0, 255)
        weight = torch.fake_quantize_per_channel_affine(
            self.dense.weight, self.weight_scale, self.weight_zero, 0, -127, 127
        )
        return functional.linear(rounded, weight, self.dense.bias)


def quantise(model: Classifier, ranges: Mapping[str, Sequence[float]]) -> None:
    """Replace, in place, each dense layer that has a range by its quantised form."""
    for name, (low, high) in ranges.items():
        parent, _, attribute = name.rpartition(".")
        holder = model.get_submodule(parent)
        setattr(holder, attribute, QuantisedLinear(getattr(holder, attribute), low, high))


def measure_ranges(model: Classifier, batches: Sequence[Batch]) -> Ranges:
    """Return, per dense layer of the encoder, the range of its inputs over the batches.

    The range is the mean over batches of each batch's extremes, so that a single odd
    token does not widen it for all.
    """
    seen: dict[str, list[tuple[float, float]]] = {}
    handles = [
        module.register_forward_pre_hook(_recorder(seen.setdefault(name, [])))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith("layers.")
    ]
    with torch.inference_mode():
        for batch in batches:
            model(batch.posts, batch.targets)
    for handle in handles:
        handle.remove()
    return {
        name: (
            sum(low for low, _ in extremes) / len(extremes),
            sum(high for _, high in extremes) / len(extremes),
        )
        for name, extremes in seen.items()
    }


def _recorder(
    extremes: list[tuple[float, float]],
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    """Return a hook that notes the smallest and largest input of one call."""

    def record(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        extremes.append((float(inputs[0].min()), float(inputs[0].max())))

    return record
