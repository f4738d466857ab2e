"""A version's weights on disk.

A base folder holds all weights, with ``config.json`` and ``tokenizer.json``. A version adapted
from a base holds its corrections only (``classifiers.correction``).
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
from classifiers.integrity import verify
from classifiers.model_config import WEIGHTS_FILES, base_folder, read_config
from classifiers.quantisation import in_bytes

SCALE = ":scale"
"""What the name of a tensor kept in 8 bits gets for the name of its rows' scales."""

LARGE = 100_000
"""Matrices with fewer numbers are kept in 16 bits."""

FILE_BYTES = 45_000_000


def load_model(folder: Path) -> Classifier:
    """Return the model that a version reads with: its base's, ready to predict.

    Raises:
        ModelFilesError: Files are missing, damaged or do not belong together.
    """
    base = base_folder(folder)
    for each in {base, folder}:
        verify(each)
    config = read_config(base)
    model = Classifier(config.shape, [head(name) for name in config.heads])
    try:
        model.load_state_dict(read_weights(base))
    except RuntimeError as exc:
        raise ModelFilesError(
            f"the weights in {base} do not fit their configuration",
            hint="reinstall the package",
        ) from exc
    return model.eval()


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Return the tensors in a folder's weights files, as 32-bit floats.

    Raises:
        ModelFilesError: There is none, or one is damaged.
    """
    stored: dict[str, Tensor] = {}
    for path in weights_files(folder):
        try:
            stored |= load_file(path)
        except (OSError, SafetensorError) as exc:
            raise ModelFilesError(
                f"{path} cannot be read as weights ({type(exc).__name__})",
                hint="reinstall the package, or retrain the topic",
            ) from exc
    return _restored(stored)


def weights_files(folder: Path) -> list[Path]:
    """Return the files with a version's weights, in order.

    Raises:
        ModelFilesError: There is none.
    """
    found = sorted(folder.glob(WEIGHTS_FILES))
    if not found:
        raise ModelFilesError(
            f"there are no weights in {folder}",
            hint="reinstall the package, or retrain the topic",
        )
    return found


def _restored(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return stored tensors as they are to be computed with."""
    return {
        name: tensor.float() * (stored[name + SCALE][:, None] if name + SCALE in stored else 1)
        for name, tensor in stored.items()
        if not name.endswith(SCALE)
    }


def as_written(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as they come back from the files that ``save_weights`` would write."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        stored |= _stored(name, tensor.detach())
    return _restored(stored)


def save_weights(folder: Path, tensors: Mapping[str, Tensor]) -> list[Path]:
    """Write tensors and return the files, none of them over ``FILE_BYTES``.

    Large matrices are kept in 8 bits with one scale per row, exactly as the fast path computes
    with them; everything else as 16-bit floats.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(WEIGHTS_FILES):
        old.unlink()
    shards: list[dict[str, Tensor]] = [{}]
    for name, tensor in tensors.items():
        stored = _stored(name, tensor.detach())
        held = [*shards[-1].values(), *stored.values()]
        if shards[-1] and sum(each.nbytes for each in held) > FILE_BYTES:
            shards.append({})
        shards[-1] |= stored
    paths = [folder / f"model-{number:02}.safetensors" for number in range(1, len(shards) + 1)]
    for path, shard in zip(paths, shards, strict=True):
        save_file(shard, path)
        path.chmod(0o644)
    return paths


def _stored(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Return a tensor as it is stored: rounded to 8 bits with its scale, or to 16."""
    if tensor.dim() != 2 or tensor.numel() < LARGE:
        return {name: tensor.to(torch.float16).contiguous()}
    rounded, scale = in_bytes(tensor)
    return {name: rounded.contiguous(), name + SCALE: scale}
