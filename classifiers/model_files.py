"""A version's weights on disk.

A base folder holds all weights as 16-bit floats, with ``config.json`` and
``tokenizer.json``. A version adapted from a base holds only the tensors that changed.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from classifiers.encoder import Classifier
from classifiers.errors import ModelFilesError
from classifiers.heads import head
from classifiers.model_config import WEIGHTS_FILE, base_folder, read_config


def load_model(folder: Path) -> Classifier:
    """Return the model of a version, ready to predict.

    Raises:
        ModelFilesError: Files are missing, damaged or do not belong together.
    """
    base = base_folder(folder)
    config = read_config(base)
    model = Classifier(config.shape, [head(name) for name in config.heads])
    weights = _read_weights(base)
    if base != folder:
        weights |= _read_weights(folder)
    try:
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except RuntimeError as exc:
        raise ModelFilesError(
            f"the weights in {folder} do not fit their configuration",
            hint="reinstall the package, or retrain the topic",
        ) from exc
    return model.eval()


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """Return the tensors in a folder's weights file."""
    path = folder / WEIGHTS_FILE
    try:
        return load_file(path)
    except (OSError, SafetensorError) as exc:
        raise ModelFilesError(
            f"{path} cannot be read as weights ({type(exc).__name__})",
            hint="reinstall the package, or retrain the topic",
        ) from exc


def save_weights(folder: Path, tensors: Mapping[str, Tensor]) -> Path:
    """Write tensors as 16-bit floats and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WEIGHTS_FILE
    save_file(
        {name: tensor.detach().to(torch.float16).contiguous() for name, tensor in tensors.items()},
        path,
    )
    path.chmod(0o644)
    return path
