import importlib
import itertools
import os
import pkgutil
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers import export
from classifiers.encoder import Classifier
from classifiers.errors import BadTargetError, ModelFilesError, UnknownHeadError
from classifiers.model_config import read_config, write_config
from classifiers.precision import LARGEST_DIFFERENCE
from classifiers.runtime import Scorer, load_scorer

POOL = [
    "I will walk out with them on Monday",
    "no",
    "",
    "the company said nothing about it " * 4,
    "\U0001f600 \U0001f621 \U0001f44d\U0001f3fd",
    "これは とても 良い です",
    "إنه لأمر رائع",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "word " * 60,
    "long words " * 200,
]
TARGETS = {"walkout": "the employees' walkout"}


@pytest.fixture(scope="module")
def alone(scorer: Scorer) -> list[np.ndarray]:
    """Each pool text's answers when it is scored by itself."""
    return [
        np.concatenate([s.probabilities for s in scorer.score([text], TARGETS)], axis=1)
        for text in POOL
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chosen=st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=50))
def test_a_text_is_answered_the_same_to_the_bit_in_any_company(
    scorer: Scorer, alone: list[np.ndarray], chosen: list[int]
) -> None:
    found = np.concatenate(
        [s.probabilities for s in scorer.score([POOL[i] for i in chosen], TARGETS)], axis=1
    )
    assert found.tobytes() == np.concatenate([alone[i] for i in chosen]).tobytes()


def test_the_number_of_threads_changes_no_bit(scorer: Scorer, tiny: Path, cache: Path) -> None:
    single = load_scorer(tiny, threads=1, cache=cache)
    for one, two in zip(single.score(POOL, TARGETS), scorer.score(POOL, TARGETS), strict=True):
        assert one.probabilities.tobytes() == two.probabilities.tobytes()


def test_an_export_and_the_tokenizer_keep_to_the_threads_they_are_given(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    before, used, compiled = torch.get_num_threads(), [], []
    load, compile_model = export.load_model, openvino.Core.compile_model

    def loading(folder: Path) -> Classifier:
        used.append(torch.get_num_threads())
        return load(folder)

    def compiling(core: openvino.Core, model: object, device: str, settings: Any) -> object:
        compiled.append(settings["INFERENCE_NUM_THREADS"])
        return compile_model(core, model, device, settings)

    monkeypatch.setattr(export, "load_model", loading)
    monkeypatch.setattr(export, "candidates", lambda: ["int8", "f32"])
    monkeypatch.setattr(openvino.Core, "compile_model", compiling)
    load_scorer(tiny, threads=1, cache=tmp_path)
    assert (used, compiled) == ([1], [1, 1, 1])
    assert torch.get_num_threads() == before
    assert os.environ["RAYON_NUM_THREADS"] == "1"


@pytest.mark.parametrize(("told", "used"), [(3, 3), (None, 1)], ids=["told", "not told"])
def test_where_a_process_cannot_ask_for_its_processors_it_uses_those_there_are(
    scorer: Scorer,
    tiny: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: int | None,
    used: int,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: told)
    assert load_scorer(tiny, cache=cache)._engine._idle.qsize() == used


@pytest.mark.parametrize(
    "targets",
    [{}, {"short": "it"}, {"long": "a target of very many words indeed " * 5}],
    ids=["none", "short", "long"],
)
def test_sentiment_does_not_depend_on_the_target(scorer: Scorer, targets: dict[str, str]) -> None:
    (expected,) = scorer.score(POOL, TARGETS, heads=["sentiment"])
    found = next(s for s in scorer.score(POOL, targets) if s.head == "sentiment")
    assert found.probabilities.tobytes() == expected.probabilities.tobytes()


def test_stance_depends_on_the_target(scorer: Scorer) -> None:
    one, other = scorer.score(POOL, {"a": "the walkout", "b": "the company"}, heads=["stance"])
    assert not np.array_equal(one.probabilities, other.probabilities)


def test_answers_come_per_head_and_target_in_a_fixed_order(scorer: Scorer) -> None:
    found = scorer.score(POOL, {"b": "the company", "a": "the walkout"})
    assert [(s.head, s.target) for s in found] == [
        ("relevance", "b"),
        ("relevance", "a"),
        ("sentiment", ""),
        ("stance", "b"),
        ("stance", "a"),
    ]


def test_several_targets_are_answered_as_each_alone(scorer: Scorer) -> None:
    together = scorer.score(POOL, {"b": "the company", "a": "the walkout"}, heads=["stance"])[1]
    alone = scorer.score(POOL, {"a": "the walkout"}, heads=["stance"])[0]
    assert together.probabilities == pytest.approx(alone.probabilities, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 100_000,
        "\U0001f600" * 50,
        "привет мир",
        "\ud800 one",
        "a\x00b",
        "\u200b\u202e",
        "<pad>",
        "a </s> &lt;mask&gt;",
    ],
    ids=["empty", "huge", "emoji", "cyrillic", "surrogate", "nul", "invisible", "padding", "marks"],
)
def test_any_text_gets_probabilities_that_sum_to_one(scorer: Scorer, text: str) -> None:
    for scores in scorer.score([text, "hello"], TARGETS):
        assert scores.probabilities.shape == (2, len(scores.labels))
        assert scores.probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_texts_towards_their_own_targets_are_answered_as_by_themselves(scorer: Scorer) -> None:
    targets = ["the walkout", "the company", "ending it", "a target of many words " * 5]
    targets = (targets * len(POOL))[: len(POOL)]
    (found,) = scorer.score_pairs(POOL, targets, heads=["stance"])
    for text, target, answer in zip(POOL, targets, found.probabilities, strict=True):
        (alone,) = scorer.score([text], {"t": target}, heads=["stance"])
        assert answer.tobytes() == alone.probabilities[0].tobytes()


def test_no_texts_give_empty_arrays(scorer: Scorer) -> None:
    expected = [(0, 2), (0, 3), (0, 3)]
    assert [s.probabilities.shape for s in scorer.score([], TARGETS)] == expected
    assert [s.probabilities.shape for s in scorer.score_pairs([], [])] == expected


def test_a_base_that_was_trained_for_other_labels_is_refused(tiny: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny, tmp_path / "base")
    config = read_config(base)
    turned = {name: labels[::-1] for name, labels in config.labels.items()}
    write_config(base, replace(config, labels=turned))
    told = "labels off_topic, relevant of relevance, which has relevant, off_topic by now"
    with pytest.raises(ModelFilesError, match=told):
        load_scorer(base, threads=1)


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "\ud83d"])
def test_an_empty_target_is_refused(scorer: Scorer, text: str) -> None:
    with pytest.raises(BadTargetError, match="'t'"):
        scorer.score(POOL, {"t": text})


def test_stance_without_a_target_is_refused(scorer: Scorer) -> None:
    with pytest.raises(BadTargetError, match="stance"):
        scorer.score(POOL, heads=["stance"])


def test_an_unknown_head_is_refused_with_those_known(scorer: Scorer) -> None:
    with pytest.raises(UnknownHeadError) as caught:
        scorer.score(POOL, heads=["mood"])
    assert "sentiment, stance" in caught.value.hint


def test_identical_texts_are_scored_once(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = itertools.count()
    run = scorer._engine.run

    def counting(batches):
        return run(batch for batch in batches if next(rows) >= 0)

    monkeypatch.setattr(scorer._engine, "run", counting)
    scorer.score(["the same words"] * 100)
    assert next(rows) == 1


def test_torch_answers_with_a_warning_where_openvino_is_missing(
    scorer: Scorer, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def without_openvino(name: str, package: str | None = None) -> object:
        if name == "classifiers.openvino_engine":
            raise ImportError("no openvino here")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without_openvino)
    with pytest.warns(RuntimeWarning, match="no openvino here"):
        slow = load_scorer(tiny, threads=2)
    for one, other in zip(slow.score(POOL, TARGETS), scorer.score(POOL, TARGETS), strict=True):
        apart = np.abs(one.probabilities - other.probabilities)  # OpenVINO may round to 8 bits
        assert apart.mean() < LARGEST_DIFFERENCE


def test_a_second_load_reads_the_kept_export(
    tiny: Path, cache: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("exported again")

    monkeypatch.setattr("classifiers.export.export", refused)
    again = load_scorer(tiny, threads=1, cache=cache)
    assert again.version == scorer.version
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 64
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("kind", "harm", "told"),
    [
        (".bin", changed, True),
        (".xml", cut, True),
        (".json", cut, True),
        (".json", Path.unlink, False),  # as releases left it that wrote no hashes
    ],
)
def test_a_damaged_export_is_made_again(
    tiny: Path,
    cache: Path,
    scorer: Scorer,
    tmp_path: Path,
    kind: str,
    harm: Callable[[Path], None],
    told: bool,
) -> None:
    expected = scorer.score(POOL, TARGETS)
    kept = shutil.copytree(cache, tmp_path / "cache")
    [damaged] = kept.glob(f"*{kind}")
    harm(damaged)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        again = load_scorer(tiny, threads=1, cache=kept)
    assert any("damaged" in str(each.message) for each in warned) is told
    for one, other in zip(again.score(POOL, TARGETS), expected, strict=True):
        assert one.probabilities.tobytes() == other.probabilities.tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_scorer(tiny, threads=1, cache=kept)


def test_two_that_export_at_once_leave_each_others_files_alone(
    tiny: Path, scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In two containers that share the cache both may have the same process id."""
    save, others = openvino.save_model, [tmp_path]

    def and_another(model: openvino.Model, path: Path) -> None:
        save(model, path)
        if others:
            load_scorer(tiny, threads=1, cache=others.pop())

    monkeypatch.setattr(openvino, "save_model", and_another)
    assert load_scorer(tiny, threads=1, cache=tmp_path).version == scorer.version
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".bin", ".json", ".xml"]


def test_what_a_killed_export_left_goes_after_a_day(
    tiny: Path, scorer: Scorer, tmp_path: Path
) -> None:
    left = [tmp_path / f".7-aaaaaaaaaaaa-5-openvino-2026.4-0a-f32{end}" for end in (".xml", ".bin")]
    fresh, others = tmp_path / f".8{left[0].name}", tmp_path / ".keep"
    for path in (*left, fresh, others):
        path.touch()
    for path in (*left, others):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    load_scorer(tiny, threads=1, cache=tmp_path)
    assert sorted(tmp_path.glob(".*")) == sorted([fresh, others])


def answers_as(scorer: Scorer, other: Scorer) -> None:
    for one, two in zip(scorer.score(POOL, TARGETS), other.score(POOL, TARGETS), strict=True):
        assert one.probabilities.tobytes() == two.probabilities.tobytes()


def test_a_cache_that_cannot_be_made_costs_an_export_each_time(
    tiny: Path, scorer: Scorer, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(RuntimeWarning, match="cannot be kept") as told:
        answers_as(load_scorer(tiny, threads=1, cache=tmp_path / "file" / "cache"), scorer)
    assert not any("torch" in str(each.message) for each in told)


def test_a_damaged_export_that_cannot_be_removed_is_not_used(
    tiny: Path, cache: Path, scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = shutil.copytree(cache, tmp_path / "cache")
    [damaged] = kept.glob("*.bin")
    changed(damaged)
    unlink = Path.unlink

    def read_only(path: Path, **how: bool) -> None:
        if path.parent == kept:
            raise OSError(30, "Read-only file system")
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", read_only)
    damage = pytest.warns(RuntimeWarning, match="is damaged")
    with damage, pytest.warns(RuntimeWarning, match="cannot be kept"):
        answers_as(load_scorer(tiny, threads=1, cache=kept), scorer)


def full(model: openvino.Model, path: Path) -> None:
    path.with_suffix(".bin").touch()
    raise RuntimeError("basic_ios::clear: iostream error")  # as OpenVINO says it


def unread(path: Path) -> str:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("name", "fail"),
    [("openvino.save_model", full), ("classifiers.openvino_engine.sha256", unread)],
    ids=["written", "hashed"],
)
def test_an_export_that_a_full_disk_cannot_hold_leaves_nothing(
    tiny: Path,
    scorer: Scorer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fail: Callable[..., object],
) -> None:
    real = pkgutil.resolve_name(name)

    def here(*given: Any) -> object:
        return (fail if given[-1].parent == tmp_path else real)(*given)

    monkeypatch.setattr(name, here)
    with pytest.warns(RuntimeWarning, match="cannot be kept"):
        answers_as(load_scorer(tiny, threads=1, cache=tmp_path), scorer)
    assert not list(tmp_path.iterdir())


class ConversionFailureError(Exception):
    """OpenVINO's own errors share no class but this one's."""


@pytest.mark.filterwarnings("ignore:the exported model cannot be kept")
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("openvino.convert_model", ConversionFailureError("no such operation")),
        ("openvino.convert_model", AssertionError("no such operation")),
        ("openvino.save_model", RuntimeError("iostream error")),
        ("openvino.Core.compile_model", ConversionFailureError("no such operation")),
        (
            "openvino.CompiledModel.create_infer_request",
            ConversionFailureError("no such operation"),
        ),
    ],
    ids=["converting", "asserting", "saving", "compiling", "asking"],
)
def test_torch_answers_where_openvino_fails_in_any_way(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(name, fail)
    with pytest.warns(RuntimeWarning, match="scoring with torch"):
        found = load_scorer(tiny, threads=1, cache=tmp_path).score(["it"])
    assert found[0].probabilities.shape == (1, 3)


def test_our_own_errors_are_not_taken_for_openvinos(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_: Path) -> None:
        raise ModelFilesError("damaged")

    monkeypatch.setattr("classifiers.export.load_model", damaged)
    with pytest.raises(ModelFilesError, match="damaged"):
        load_scorer(tiny, threads=1, cache=tmp_path)


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelFilesError, match="version"):
        load_scorer(tmp_path)


AT_ONCE = """
import os, sys, threading
from pathlib import Path
import openvino
from classifiers.openvino_engine import OpenVinoEngine

engine = OpenVinoEngine(Path(sys.argv[1]), 2, Path(sys.argv[2]))
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)

def first_use():
    start.wait()
    openvino.Type.f32.to_dtype()

threads = [threading.Thread(target=first_use, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(20)
os._exit(any(thread.is_alive() for thread in threads))
"""


@pytest.mark.timeout(200)
def test_threads_that_use_numpy_for_the_first_time_at_once_do_not_wait_for_ever(
    tiny: Path, cache: Path, scorer: Scorer
) -> None:
    scorer.score(["exported by now"])
    for _ in range(2):  # without the look-up beforehand 11 of 12 such processes hung
        command = [sys.executable, "-c", AT_ONCE, str(tiny), str(cache)]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[3], timeout=90)
