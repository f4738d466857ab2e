"""From a base's weights to models that OpenVINO runs, and which of them to run here."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openvino
import torch
from torch import Tensor

from classifiers.encoder import Classifier
from classifiers.model_config import TOKENIZER_FILE
from classifiers.model_files import load_model
from classifiers.openvino_engine import ARITHMETIC
from classifiers.precision import Answers, Run, chosen, try_out
from classifiers.processor import candidates
from classifiers.quantisation import in_byte_layers
from classifiers.tokenisation import Ids, Tokeniser


def export(folder: Path, threads: int) -> tuple[openvino.Model, str]:
    """Return the base in a folder as an OpenVINO model, and the arithmetic to run it in.

    Which arithmetic is tried out on this machine (``classifiers.precision``).

    Args:
        folder: The base's folder.
        threads: Processor threads to use meanwhile.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _chosen(folder, ARITHMETIC | {"INFERENCE_NUM_THREADS": threads})
    finally:
        torch.set_num_threads(before)


def _chosen(folder: Path, settings: Mapping[str, Any]) -> tuple[openvino.Model, str]:
    """Return the base in a folder in the arithmetic that is found best, and which that is."""
    model = load_model(folder)
    forms = forms_of(model)
    if list(forms) == ["f32"]:
        return forms["f32"], "f32"
    tokeniser = Tokeniser(folder / TOKENIZER_FILE)
    tried = [
        try_out(precision, runner(form, settings), model, tokeniser)
        for precision, form in forms.items()
    ]
    best = chosen(tried).precision
    return forms[best], best


def forms_of(model: Classifier) -> dict[str, openvino.Model]:
    """Return a base as OpenVINO's, per arithmetic to try, the fastest first."""
    forms = dict.fromkeys(candidates(), converted(model))
    if "int8" in forms:
        forms["int8"] = converted(in_byte_layers(model))
    return forms


class _Reader(torch.nn.Module):
    """What the exported model does: everything that ``Classifier.read`` returns."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, posts: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """Return the logits and the features."""
        return self.model.read(posts, targets)


def converted(model: Classifier) -> openvino.Model:
    """Return a model as OpenVINO's, for batches of any shape."""
    example = torch.ones((2, 16), dtype=torch.int64), torch.ones((2, 3, 8), dtype=torch.int64)
    shapes = [openvino.PartialShape([-1, -1]), openvino.PartialShape([-1, -1, -1])]
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO's converter traces with torch.jit, which torch 2.13 calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return openvino.convert_model(
            _Reader(model),
            example_input=example,
            input=[(shape, openvino.Type.i64) for shape in shapes],
        )


def runner(model: openvino.Model, settings: Mapping[str, Any] = ARITHMETIC) -> Run:
    """Return a function that runs a model on one batch, with OpenVINO's settings."""
    compiled = openvino.Core().compile_model(model, "CPU", dict(settings))
    request = compiled.create_infer_request()

    def run(batch: tuple[Ids, Ids]) -> Answers:
        request.infer(list(batch), share_inputs=True)
        return [tensor.data.copy() for tensor in request.output_tensors]

    return run
