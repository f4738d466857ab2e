"""Eight-bit arithmetic with ranges fixed in advance.

What flows into each dense layer is measured once, on training texts, and kept with the model.
Nothing is measured on the texts being scored: a text's answer cannot depend on its neighbours
in a batch. A few channels of the encoder's states are far larger than the others: each channel
is scaled down, and its weights up, before rounding (Xiao et al., SmoothQuant, ICML 2023). That is
not enough in the wide space of a layer, where a channel can be a hundred times the usual one: the
widest ones there are not rounded (Dettmers et al., LLM.int8(), NeurIPS 2022).
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from classifiers.batches import Batch
from classifiers.encoder import Classifier, Layer
from classifiers.errors import ModelFilesError

RANGES_FILE = "ranges.safetensors"

EXACT_CHANNELS = 16
"""So many channels of a layer's wide space are not rounded."""

LARGEST_CHANGE = 0.012
"""Mean absolute change of probabilities beyond which a dense layer is not rounded."""


@dataclass(frozen=True)
class InputRange:
    """What flows into a dense layer.

    Attributes:
        low: The smallest value per channel, (features,).
        high: The largest value per channel.
    """

    low: Tensor
    high: Tensor

    def of(self, channels: Tensor | slice) -> "InputRange":
        """Return the range of some of the channels."""
        return InputRange(self.low[channels], self.high[channels])

    def widest(self) -> Tensor:
        """Return how far each channel is from 0 at most."""
        return torch.maximum(self.low.abs(), self.high.abs()).clamp(min=1e-5)


class QuantisedLinear(nn.Module):
    """A dense layer whose input and weights are rounded to 8 bits.

    Args:
        dense: The layer as it was.
        inputs: What flows into it.
        exact: So many channels, the last ones, are not rounded.
    """

    def __init__(self, dense: nn.Linear, inputs: InputRange, exact: int = 0) -> None:
        super().__init__()
        self.exact, self.cut = exact, dense.in_features - exact
        weight, rounded = dense.weight.detach(), inputs.of(slice(self.cut))
        self.exact_weight, self.bias = weight[:, self.cut :], dense.bias
        smoothing = _smoothing(weight[:, : self.cut], rounded)
        self.shrink = 1 / smoothing
        self.weight = weight[:, : self.cut] * smoothing
        low = float((rounded.low * self.shrink).min())
        high = float((rounded.high * self.shrink).max())
        self.scale = (high - low) / 255
        self.zero = min(255, max(0, round(-low / self.scale)))
        self.weight_scale = self.weight.abs().amax(dim=1) / 127
        self.weight_zero = torch.zeros(dense.out_features, dtype=torch.int32)

    def forward(self, features: Tensor) -> Tensor:
        """Return what the dense layer makes of the rounded input."""
        rounded = torch.fake_quantize_per_tensor_affine(
            features[..., : self.cut] * self.shrink, self.scale, self.zero, 0, 255
        )
        weight = torch.fake_quantize_per_channel_affine(
            self.weight, self.weight_scale, self.weight_zero, 0, -127, 127
        )
        found = functional.linear(rounded, weight, self.bias)
        if not self.exact:
            return found
        return found + functional.linear(features[..., self.cut :], self.exact_weight)


def _smoothing(weight: Tensor, inputs: InputRange) -> Tensor:
    """Return what each channel is divided by, and its weights multiplied, before rounding."""
    return (inputs.widest() / weight.abs().amax(dim=0).clamp(min=1e-5)).sqrt()


def quantised(model: Classifier, ranges: Mapping[str, InputRange]) -> Classifier:
    """Return the model with the quantised form of each dense layer that has a range."""
    rounded = copy.deepcopy(model)
    for number, layer in enumerate(cast("Sequence[Layer]", rounded.layers)):
        named = {kind: ranges.get(f"layers.{number}.{kind}") for kind, _ in layer.named_children()}
        inside = {kind: inputs for kind, inputs in named.items() if inputs is not None}
        if "outer" in inside:
            inside["outer"] = _sort_wide_space(layer, inside["outer"])
        for kind, inputs in inside.items():
            dense = getattr(layer, kind)
            exact = min(EXACT_CHANNELS, dense.in_features // 2) if kind == "outer" else 0
            setattr(layer, kind, QuantisedLinear(dense, inputs, exact))
    return rounded


def _sort_wide_space(layer: Layer, inputs: InputRange) -> InputRange:
    """Sort the channels of a layer's wide space, in place, so that the widest come last.

    Args:
        layer: An encoder's layer; what it answers does not change.
        inputs: What flows from the wide space.

    Returns:
        The same in the new order.
    """
    weight = layer.outer.weight.detach()
    width = inputs.widest() / _smoothing(weight, inputs)
    order = width.argsort()
    layer.inner.weight.data = layer.inner.weight.data[order]
    layer.inner.bias.data = layer.inner.bias.data[order]
    layer.outer.weight.data = weight[:, order]
    return inputs.of(order)


def measure_ranges(model: Classifier, batches: Sequence[Batch]) -> dict[str, InputRange]:
    """Return, per dense layer of the encoder, the range of its inputs over the batches.

    A range is the mean over batches of each batch's extremes, so that a single odd token does
    not widen it for all.
    """
    seen: dict[str, list[InputRange]] = {}
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
        name: InputRange(
            torch.stack([each.low for each in extremes]).mean(dim=0),
            torch.stack([each.high for each in extremes]).mean(dim=0),
        )
        for name, extremes in seen.items()
    }


def without_fragile(
    model: Classifier, ranges: Mapping[str, InputRange], batch: Batch
) -> dict[str, InputRange]:
    """Return the ranges of the layers that may be rounded without changing the answers."""
    exact = _probabilities(model, batch)
    kept = {}
    for name, inputs in ranges.items():
        rounded = quantised(model, {name: inputs})
        if (_probabilities(rounded, batch) - exact).abs().mean() <= LARGEST_CHANGE:
            kept[name] = inputs
    return kept


def _probabilities(model: Classifier, batch: Batch) -> Tensor:
    """Return all heads' probabilities in a row."""
    with torch.inference_mode():
        answers = model(batch.posts, batch.targets)
    return torch.cat([torch.softmax(logits, dim=-1).flatten() for logits in answers])


def _recorder(
    extremes: list[InputRange],
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    """Return a hook that notes each channel's smallest and largest input of one call."""

    def record(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        flat = inputs[0].flatten(0, -2)
        extremes.append(InputRange(flat.amin(dim=0), flat.amax(dim=0)))

    return record


def save_ranges(folder: Path, ranges: Mapping[str, InputRange]) -> Path:
    """Write the ranges beside a base's weights and return the file."""
    path = folder / RANGES_FILE
    save_file(
        {name: torch.stack([each.low, each.high]).half() for name, each in ranges.items()}, path
    )
    path.chmod(0o644)
    return path


def read_ranges(folder: Path) -> dict[str, InputRange]:
    """Return the ranges in a base's folder.

    Raises:
        ModelFilesError: They are missing or damaged.
    """
    path = folder / RANGES_FILE
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as exc:
        raise ModelFilesError(
            f"{path} cannot be read as ranges ({type(exc).__name__})",
            hint="reinstall the package: its model is incomplete",
        ) from exc
    return {name: InputRange(*both.float()) for name, both in stored.items()}
