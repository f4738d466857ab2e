"""A model version that a stranger or a broken disk has made: refused, and nothing of it runs."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated

from classifiers.errors import ClassifierError
from classifiers.model_config import read_config
from classifiers.model_files import read_weights, weights_files
from classifiers.tokenisation import Tokeniser
from classifiers.version import read_version

SMALL = settings(max_examples=120, suppress_health_check=list(HealthCheck), deadline=None)


def read_everything(folder: Path) -> None:
    """What loading a version reads, in its order."""
    read_version(folder)
    read_config(folder)
    read_weights(folder)


@pytest.fixture(scope="module")
def copy(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzzed") / "model"
    shutil.copytree(tiny, folder)
    return folder


@pytest.mark.parametrize("name", ["version.json", "config.json", "weights"])
@given(seed=st.integers(0, 2**32))
@SMALL
def test_a_damaged_version_is_read_or_refused(name: str, copy: Path, seed: int) -> None:
    path = weights_files(copy)[0] if name == "weights" else copy / name
    good = path.read_bytes()
    # Of the weights the head alone is parsed; the rest are numbers, whatever they are.
    head = 8 + int.from_bytes(good[:8], "little") if name == "weights" else len(good)
    path.write_bytes(mutated(good[:head], seed) + good[head:])
    try:
        read_everything(copy)
    except ClassifierError:
        pass
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", ["version.json", "config.json"])
@pytest.mark.parametrize(
    "content",
    [
        "1",
        "null",
        "[]",
        '"shape"',
        "{}",
        '{"shape": 1}',
        '{"shape": {}, "heads": 1}',
        "[" * 100_000,
    ],
    ids=["number", "null", "list", "text", "empty", "no shape", "no heads", "deep"],
)
def test_a_description_of_another_form_is_refused(
    name: str, content: str, copy: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(copy, folder)
    (folder / name).write_text(content)
    with pytest.raises(ClassifierError):
        read_everything(folder)


def test_a_model_file_that_would_run_something_is_not_run(copy: Path, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    path = weights_files(copy)[0]
    good = path.read_bytes()
    path.write_bytes(pickle.dumps(_Trap(trap)))
    try:
        with pytest.raises(ClassifierError):
            read_weights(copy)
    finally:
        path.write_bytes(good)
    assert not trap.exists()


class _Trap:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self._path,))


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b'{"model": 1}'])
def test_a_damaged_tokeniser_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ClassifierError):
        Tokeniser(tmp_path / "tokenizer.json")
