"""A tiny model with random weights, complete on disk: the same files as the shipped one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from classifiers.encoder import Classifier
from classifiers.heads import all_heads
from classifiers.model_config import TOKENIZER_FILE, EncoderShape, ModelConfig, write_config
from classifiers.model_files import save_weights
from classifiers.registry import PRETRAINED
from classifiers.tokenisation import Tokeniser
from classifiers.version import ModelVersion, content_id, write_version

TINY = EncoderShape(width=24, inner_width=48, layers=4, attention_heads=2, vocabulary=30527)


def make_tiny_model(folder: Path, seed: int = 7) -> Path:
    """Writes a base version into a folder and returns it."""
    tokeniser = Tokeniser(PRETRAINED / TOKENIZER_FILE)
    shape = replace(TINY, padding=tokeniser.padding)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Classifier(shape, all_heads()).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
    names = tuple(model.heads)
    weights = save_weights(folder, model.state_dict())
    labels = {head.name: head.labels for head in all_heads()}
    write_config(folder, ModelConfig(shape, names, labels))
    shutil.copyfile(PRETRAINED / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    version = ModelVersion(
        id=content_id(weights, {}),
        topic="",
        base="",
        parent="",
        data_fingerprint="0" * 12,
        seed=seed,
        heads=names,
        temperature=dict.fromkeys(names, 1.5),
        created_at=datetime(2020, 6, 1, tzinfo=UTC),
    )
    write_version(folder, version)
    return folder
