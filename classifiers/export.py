"""From a version's weights to a model that OpenVINO runs in 8-bit arithmetic."""

import warnings
from pathlib import Path

import openvino
import torch

from classifiers.model_config import base_folder, read_config
from classifiers.model_files import load_model
from classifiers.quantisation import quantise


def export(folder: Path) -> openvino.Model:
    """Return the version in a folder as an OpenVINO model of any batch shape.

    Its dense layers compute in 8 bits, with the ranges kept with the version's base.
    """
    model = load_model(folder)
    quantise(model, read_config(base_folder(folder)).ranges)
    example = torch.ones((2, 16), dtype=torch.int64), torch.ones((2, 8), dtype=torch.int64)
    shape = openvino.PartialShape([-1, -1])
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO's converter traces with torch.jit, which torch 2.13 calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return openvino.convert_model(
            model, example_input=example, input=[(shape, openvino.Type.i64)] * 2
        )
