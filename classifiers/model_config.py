"""What a model's files say about it besides its weights."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from classifiers.errors import ModelFilesError
from classifiers.version import VERSION_FILE, read_version, write_atomically

CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILES = "model*.safetensors"


@dataclass(frozen=True)
class EncoderShape:
    """The sizes of the encoder and how it marks places; the defaults are MiniLM-L6-H384's.

    Attributes:
        vocabulary: Rows of the table of tokens.
        positions: Rows of the table of positions.
        width: Of the hidden states.
        inner_width: Of the dense layers between them.
        layers: How many there are.
        attention_heads: Per layer.
        padding: The token id that fills up rows.
        first_position: The row of the table of positions that a post's first token has.
        target_position: How many rows later a target's first token stands.
        segments: Rows of the table that tells posts from targets, 0 for none.
        relative_buckets: Rows of the table of biases by distance that is added to the attention
            scores (Raffel et al., JMLR 2020), 0 for none.
        norm_epsilon: Added to the variance in layer norms.
    """

    vocabulary: int = 30522
    positions: int = 512
    width: int = 384
    inner_width: int = 1536
    layers: int = 6
    attention_heads: int = 12
    padding: int = 0
    first_position: int = 0
    target_position: int = 0
    segments: int = 2
    relative_buckets: int = 0
    norm_epsilon: float = 1e-12


@dataclass(frozen=True)
class ModelConfig:
    """What ``config.json`` in a base's folder says.

    Attributes:
        shape: The sizes of the encoder.
        heads: The heads' names, in the order of the model's outputs.
        labels: Each head's labels.
    """

    shape: EncoderShape
    heads: tuple[str, ...]
    labels: Mapping[str, Sequence[str]]


def read_config(folder: Path) -> ModelConfig:
    """Return the configuration of a base.

    Raises:
        ModelFilesError: It is missing or damaged.
    """
    path = folder / CONFIG_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        shape = EncoderShape(**fields.pop("shape"))
        return ModelConfig(shape=shape, heads=tuple(fields.pop("heads")), **fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ModelFilesError(
            f"{path} is no model's configuration ({type(exc).__name__})",
            hint="reinstall the package: its model is incomplete",
        ) from exc


def write_config(folder: Path, config: ModelConfig) -> None:
    """Write the configuration of a base, all or nothing."""
    text = json.dumps(dataclasses.asdict(config), indent=1, sort_keys=True)
    write_atomically(folder / CONFIG_FILE, text)


def base_folder(folder: Path) -> Path:
    """Return the folder of the base of the version in ``folder``, or that folder itself.

    Raises:
        ModelFilesError: The base is not beside it.
    """
    base = read_version(folder).base
    if not base:
        return folder
    found = folder.parent / base
    if not (found / VERSION_FILE).is_file():
        raise ModelFilesError(
            f"the version in {folder} builds on {base}, which is not beside it",
            hint="restore the models folder from a backup, or retrain the topic",
        )
    return found
