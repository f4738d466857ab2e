"""Eight-bit arithmetic: the weights as they are kept, the inputs rounded as they come.

OpenVINO multiplies bytes where a dense layer's weights are bytes with one scale for each row. It
then rounds what flows in too, each token by itself, in groups of channels with a scale for each
(its dynamic quantisation; token by token: Yao et al., ZeroQuant, NeurIPS 2022). So a text's answer
cannot depend on its neighbours in a batch, nothing has to be measured beforehand, and a channel far
larger than the others costs its own group alone.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from classifiers.encoder import Classifier


class ByteLinear(nn.Module):
    """A dense layer whose weights are bytes; OpenVINO rounds its input to bytes as well.

    Args:
        dense: The layer as it was.
    """

    rows: Tensor
    scale: Tensor

    def __init__(self, dense: nn.Linear) -> None:
        super().__init__()
        rows, scale = in_bytes(dense.weight.detach())
        self.register_buffer("rows", rows)
        self.register_buffer("scale", scale[:, None])
        self.bias = dense.bias

    def forward(self, features: Tensor) -> Tensor:
        """Return what the dense layer makes of the input, which is not rounded in torch."""
        return functional.linear(features, self.rows.float() * self.scale, self.bias)


def in_bytes(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix as bytes, (rows, columns), and each row's scale, (rows,).

    Rounding what was rounded before changes nothing.
    """
    scale = (matrix.abs().amax(dim=1) / 127).clamp(min=1e-12)
    return (matrix / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def in_byte_layers(model: Classifier) -> Classifier:
    """Return a copy of the model with bytes as the weights of its encoder's dense layers."""
    rounded = copy.deepcopy(model)
    for layer in rounded.layers:
        for name, inside in list(layer.named_children()):
            if isinstance(inside, nn.Linear):
                setattr(layer, name, ByteLinear(inside))
    return rounded
