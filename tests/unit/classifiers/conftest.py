"""A tiny model with random weights, complete on disk: the same files as the shipped one."""

from pathlib import Path

import pytest

from classifiers.model_config import TOKENIZER_FILE
from classifiers.registry import PRETRAINED
from classifiers.runtime import Scorer, load_scorer
from classifiers.tokenisation import Tokeniser
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="session")
def tokeniser() -> Tokeniser:
    return Tokeniser(PRETRAINED / TOKENIZER_FILE)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base version."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "shipped")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="session")
def scorer(tiny: Path, cache: Path) -> Scorer:
    return load_scorer(tiny, threads=2, cache=cache)
