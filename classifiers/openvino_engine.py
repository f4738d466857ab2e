"""Runs the exported model with OpenVINO: one stream per thread, one batch per stream."""

import importlib
import json
import secrets
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from zlib import crc32

import numpy as np
import openvino
from numpy.typing import NDArray

from classifiers.errors import ClassifierError, EngineError
from classifiers.integrity import sha256
from classifiers.model_config import base_folder
from classifiers.processor import description
from classifiers.tokenisation import Ids
from classifiers.version import read_version, write_atomically

EXPORT_FORMAT = 5
"""Raised when the export changes, so that models kept by older releases are not used."""

ABANDONED_SECONDS = 24 * 3600
"""After so long what is unfinished was left by a process that ended."""

GROUP_SIZE = "DYNAMIC_QUANTIZATION_GROUP_SIZE"
ARITHMETIC = {"INFERENCE_PRECISION_HINT": "f32", GROUP_SIZE: 128}
"""Nothing in bf16; where weights are bytes (``classifiers.quantisation``), the channels of a token
are rounded in groups of so many. Smaller groups are slower, larger ones less exact."""

Outputs = tuple[NDArray[np.float32], ...]


class OpenVinoEngine:
    """The exported base of a version, exported first if it is not in the cache.

    Every stream has one thread, so that the order of all sums, and so the result to the
    last bit, is the same for any number of threads.
    """

    def __init__(self, folder: Path, threads: int, cache: Path | None) -> None:
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        try:
            compiled = _loaded(folder, threads, cache)
            for _ in range(threads):
                self._idle.put(compiled.create_infer_request())
        except ClassifierError:
            raise
        except Exception as exc:  # OpenVINO's errors, and its converter's, share no other class
            raise EngineError(
                f"{type(exc).__name__}: {exc}", hint="reinstall openvino, or score with torch"
            ) from exc
        # OpenVINO's bindings look numpy up at the first use. Two threads that do so at once wait
        # for each other for ever: one holds Python's lock and waits for the other's look-up,
        # which waits for Python's lock (2026.4). So it is done here, before there are threads.
        openvino.Type.f32.to_dtype()
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="openvino")

    def run(self, batches: Iterator[tuple[Ids, Ids]]) -> Iterator[Outputs]:
        """Yield what the model reads in each batch, in the order of the batches.

        Batches are prepared while earlier ones run. Requests run synchronously in threads of
        ours: after an asynchronous one, a callback thread may still wait for Python's lock
        when the model is destroyed, and the process then hangs at its end (seen with 2026.4).
        """
        return self._workers.map(self._infer, batches)

    def _infer(self, batch: tuple[Ids, Ids]) -> Outputs:
        """Run one batch and return the model's outputs."""
        request = self._idle.get()
        try:
            request.infer(list(batch), share_inputs=True)
            return tuple(tensor.data.copy() for tensor in request.output_tensors)
        finally:
            self._idle.put(request)


def _loaded(folder: Path, threads: int, cache: Path | None) -> openvino.CompiledModel:
    """Return a version's base, ready to run; where the cache cannot be used, it is not kept."""
    if cache is not None:
        try:
            return _compile(_exported(folder, threads, cache), threads)
        except OSError as exc:
            warnings.warn(
                f"the exported model cannot be kept in {cache} ({exc}): it is made at each start",
                RuntimeWarning,
                stacklevel=2,
            )
    with tempfile.TemporaryDirectory() as temporary:
        return _compile(_exported(folder, threads, Path(temporary)), threads)


def _compile(path: Path, threads: int) -> openvino.CompiledModel:
    """Return the model in a file, ready to run."""
    settings = ARITHMETIC | {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads}
    return openvino.Core().compile_model(str(path), "CPU", settings)


def _exported(folder: Path, threads: int, cache: Path) -> Path:
    """Return the exported model's file in the cache; export it first if it is not there.

    All versions of one base share it: what a topic's labels taught stays outside. The file's name
    ends with the arithmetic that was found best on this processor. One that is not what was written
    (a bad disk, a loss of power) would answer something else without a word: it is made again.
    """
    base = base_folder(folder)
    name = _export_name(read_version(base).id)
    for path in sorted(cache.glob(f"{name}-*.xml")):
        if _is_intact(path):
            return path
        if path.with_suffix(".json").exists():  # earlier releases wrote none
            warnings.warn(f"{path} is damaged: it is made again", RuntimeWarning, stacklevel=2)
        path.unlink(missing_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    model, precision = importlib.import_module("classifiers.export").export(base, threads)
    _sweep(cache)
    path = cache / f"{name}-{precision}.xml"
    _save(model, path)
    return path


def _save(model: openvino.Model, path: Path) -> None:
    """Write a model's files, the one that is looked for last; what fails leaves none.

    Containers that share the cache may have the same process ids, so names are drawn.

    Raises:
        OSError: They cannot be written.
    """
    drawn = secrets.token_hex(8)
    try:
        _write(model, path, path.with_name(f".{drawn}-{path.name}"))
    finally:
        for left in path.parent.glob(f".*{drawn}*"):
            with suppress(OSError):
                left.unlink()


def _write(model: openvino.Model, path: Path, temporary: Path) -> None:
    """Write a model's files under a temporary name, then let them take their places."""
    try:
        openvino.save_model(model, temporary)
    except RuntimeError as exc:  # all that OpenVINO says of a disk
        raise OSError(str(exc)) from exc
    hashes = {each.suffix: sha256(each) for each in (temporary, temporary.with_suffix(".bin"))}
    write_atomically(temporary.with_suffix(".json"), json.dumps(hashes))
    for kind in (".bin", ".json", ".xml"):
        temporary.with_suffix(kind).replace(path.with_suffix(kind))


def _sweep(cache: Path) -> None:
    """Remove what exports left that were killed."""
    before = time.time() - ABANDONED_SECONDS
    for path in cache.glob(".*-openvino-*"):
        with suppress(OSError):  # another process was faster, or it is another user's
            if path.stat().st_mtime < before:
                path.unlink()


def _is_intact(path: Path) -> bool:
    """Return whether an exported model's files are those that were written."""
    try:
        hashes = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return bool(hashes == {kind: sha256(path.with_suffix(kind)) for kind in (".xml", ".bin")})
    except (OSError, ValueError):
        return False


def _export_name(version: str) -> str:
    """Return what the export of a version is called with this runtime on this processor."""
    runtime = openvino.__version__.split("-")[0]
    processor = crc32(description().encode())
    return f"{version}-{EXPORT_FORMAT}-openvino-{runtime}-{processor:08x}"
