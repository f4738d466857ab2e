"""An encoder as transformers keeps it in a folder, read as one that training can start from.

Read are its configuration, its weights in safetensors and its tokenizer: nothing that could run.
Our own network has to hold them, as a post and its targets share one pass, so only encoders that
are built like BERT, RoBERTa (XLM-R, which reads a hundred languages, is one) or MPNet fit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from classifiers.errors import TrainingError
from classifiers.model_config import CONFIG_FILE, TOKENIZER_FILE, EncoderShape
from classifiers.tokenisation import POST_TOKENS, TARGET_TOKENS

BERT, ROBERTA, MPNET = "bert", "roberta", "mpnet"
BUILT_LIKE = {
    "bert": BERT,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "mpnet": MPNET,
}
"""By what the configuration calls an encoder."""

_FETCHED = (CONFIG_FILE, TOKENIZER_FILE, "*.safetensors")
_WORDS = "embeddings.word_embeddings.weight"
_TYPES = "embeddings.token_type_embeddings.weight"
_PLACES = "embeddings.position_embeddings.weight"


@dataclass(frozen=True)
class FolderEncoder:
    """An encoder in a folder.

    Attributes:
        kind: What it is built like.
        shape: Its sizes, with all its layers.
    """

    folder: Path
    kind: str
    shape: EncoderShape

    def tensors(self) -> Mapping[str, Tensor]:
        """Return its weights, named as BERT's.

        Raises:
            TrainingError: They are missing or damaged.
        """
        found: dict[str, Tensor] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                found |= load_file(path)
            except (OSError, SafetensorError) as exc:
                raise _unfit(self.folder, f"{path.name} cannot be read") from exc
        prefix = next((name.removesuffix(_WORDS) for name in found if name.endswith(_WORDS)), None)
        if prefix is None:
            raise _unfit(self.folder, "it has no weights in safetensors")
        named = {
            name.removeprefix(prefix).replace("LayerNorm.gamma", "LayerNorm.weight")
            .replace("LayerNorm.beta", "LayerNorm.bias"): tensor
            for name, tensor in found.items()
        }  # fmt: skip
        if self.kind == ROBERTA:  # every token is of its one type
            named[_PLACES] = named[_PLACES] + named[_TYPES][0]
        return named

    def tokenizer(self) -> bytes:
        """Return its tokenizer's file."""
        return (self.folder / TOKENIZER_FILE).read_bytes()


def is_encoder_folder(folder: Path) -> bool:
    """Return whether a folder's configuration is one of transformers', not one of ours."""
    path = folder / CONFIG_FILE
    return path.is_file() and "shape" not in _config(folder)


def read_encoder_folder(folder: Path) -> FolderEncoder:
    """Return the encoder in a folder.

    Raises:
        TrainingError: It is of another kind, or lacks a file.
    """
    config = _config(folder)
    kind = BUILT_LIKE.get(str(config.get("model_type")))
    if kind is None:
        known = ", ".join(BUILT_LIKE)
        raise _unfit(folder, f"it is a {config.get('model_type')!r}, and can be: {known}")
    if config.get("hidden_act", "gelu") != "gelu":
        raise _unfit(folder, f"its activation is {config['hidden_act']!r}, not 'gelu'")
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise _unfit(folder, "its positions are not absolute")
    if not (folder / TOKENIZER_FILE).is_file():
        raise _unfit(folder, f"it has no {TOKENIZER_FILE}")
    shape = _shape(config, kind)
    if shape.positions < shape.first_position + POST_TOKENS:
        raise _unfit(folder, f"it reads fewer than {POST_TOKENS} tokens")
    return FolderEncoder(folder, kind, shape)


def fetch_encoder(name: str) -> Path:
    """Return the folder of an encoder on the hub, fetched if it is not here yet.

    Args:
        name: `owner/name`, or `owner/name@revision` for a commit that can no longer change.

    Raises:
        TrainingError: It cannot be had.
    """
    repository, _, revision = name.partition("@")
    try:
        fetched = snapshot_download(
            repository, revision=revision or None, allow_patterns=list(_FETCHED)
        )
        return Path(fetched)
    except (OSError, ValueError) as exc:  # the library's errors are of these
        raise TrainingError(
            f"the encoder {name!r} cannot be fetched ({type(exc).__name__})",
            hint="name a folder with its files, or go where the hub can be reached",
        ) from exc


def _shape(config: Mapping[str, Any], kind: str) -> EncoderShape:
    padding = int(config.get("pad_token_id") or 0)
    made = partial(
        EncoderShape,
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"],
        width=config["hidden_size"],
        inner_width=config["intermediate_size"],
        layers=config["num_hidden_layers"],
        attention_heads=config["num_attention_heads"],
        padding=padding,
        norm_epsilon=config["layer_norm_eps"],
    )
    if kind == BERT:
        return made(segments=config["type_vocab_size"])
    first = padding + 1
    room = config["max_position_embeddings"] - first - POST_TOKENS >= TARGET_TOKENS
    apart = POST_TOKENS if room else 0
    buckets = config["relative_attention_num_buckets"] if kind == MPNET else 0
    return made(segments=0, first_position=first, target_position=apart, relative_buckets=buckets)


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        return dict(found)
    except (OSError, ValueError, TypeError) as exc:
        raise _unfit(folder, f"its {CONFIG_FILE} cannot be read") from exc


def _unfit(folder: Path, why: str) -> TrainingError:
    return TrainingError(
        f"the encoder in {folder} cannot be started from: {why}",
        hint="it needs config.json, tokenizer.json and weights in safetensors",
    )
