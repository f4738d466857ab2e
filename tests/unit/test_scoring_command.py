"""Where `classify` and `aggregate` work, as options and settings say, and what they refuse."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pytest

from monitor.bootstrap.workers import cluster_module
from monitor.commands import scoring
from monitor.commands.call import Call
from monitor.commands.score import Line, _scored
from monitor.errors import ConfigurationError, UsageError

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path))
    monkeypatch.setenv("MONITOR_CONFIG", str(ROOT / "config"))


def where(*options: Any) -> tuple[str, str, int]:
    chosen = scoring._engine(Call(), *options)
    return chosen.engine, chosen.scheduler, chosen.workers


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((None, None, None), ("local", "", 0)),
        (("dask", None, 3), ("dask", "", 3)),
        ((None, "tcp://a:1", None), ("dask", "tcp://a:1", 0)),
    ],
    ids=["nothing said", "processes here", "a scheduler says dask"],
)
def test_options_say_where(options: tuple[Any, ...], expected: tuple[str, str, int]) -> None:
    assert where(*options) == expected


def test_settings_say_where_options_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_DISTRIBUTION__ENGINE", "dask")
    monkeypatch.setenv("MONITOR_DISTRIBUTION__SCHEDULER", "tcp://b:2")
    assert where(None, None, None) == ("dask", "tcp://b:2", 0)
    assert where("local", None, None) == ("local", "tcp://b:2", 0)
    assert where(None, None, 2) == ("dask", "", 2)


@pytest.mark.parametrize("options", [("local", "tcp://a:1", None), (None, None, 2)])
def test_workers_without_a_cluster_are_refused(options: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match="--engine dask"):
        where(*options)


def run(command: click.Command, **options: Any) -> None:
    """Runs a command in this process, as the command line would."""
    given = {parameter.name: None for parameter in command.params} | options
    for name in ("topic_name", "as_json", "verbose"):
        given.pop(name)
    assert command.callback is not None
    inspect.unwrap(command.callback)(Call(), **given)


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        (scoring.classify_command, {"source": "posts"}, "belong together"),
        (scoring.classify_command, {"target": "answers"}, "belong together"),
        (scoring.work_command, {"serve": False}, "needs a scheduler"),
        (
            scoring.classify_command,
            {"source": "nowhere", "target": "answers"},
            "no Parquet files at nowhere",
        ),
    ],
    ids=["only from", "only to", "nobody's worker", "no files"],
)
def test_what_makes_no_sense_is_refused(
    command: click.Command, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run(command, **options)


def test_without_dask_the_engine_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="not installed") as caught:
        cluster_module()
    assert "[dask]" in caught.value.hint


class AnsweringScorer:
    """Answers with the lengths of a text and its target; towards 'unknown' no stance."""

    version = "fake00000001"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def answers(self, head: str, target: str) -> bool:
        return head != "stance" or target != "unknown"

    def score(
        self, texts: Sequence[str], targets: Mapping[str, str], *, heads: Sequence[str]
    ) -> list[Any]:
        assert not targets
        return self._answer(texts, [""] * len(texts), heads)

    def score_pairs(
        self, texts: Sequence[str], targets: Sequence[str], *, heads: Sequence[str]
    ) -> list[Any]:
        return self._answer(texts, targets, heads)

    def _answer(
        self, texts: Sequence[str], targets: Sequence[str], heads: Sequence[str]
    ) -> list[Any]:
        self.calls.append(len(texts))
        rows = np.array(
            [[len(text), len(target)] for text, target in zip(texts, targets, strict=True)]
        )
        return [SimpleNamespace(head=name, labels=("a", "b"), probabilities=rows) for name in heads]


def test_lines_with_targets_of_their_own_are_scored_together_and_answered_in_order() -> None:
    targets = [f"target {'x' * n}" for n in range(40)]
    lines = [Line(n, "t" * n, target) for n, target in enumerate(targets)]
    lines[3:3] = [Line("none", "ttt", ""), Line("unknown", "tt", "unknown")]
    scorer = AnsweringScorer()
    found = list(_scored(scorer, lines))
    assert sorted(scorer.calls) == [2, 40]
    assert [record["id"] for record in found] == [line.id for line in lines]
    for line, record in zip(lines, found, strict=True):
        assert list(record) == [
            "id", "sentiment", *(["stance"] if str(line.id).isdigit() else []), "version"
        ]  # fmt: skip
        assert record["sentiment"]["a"] == len(line.text)
    assert found[-1]["stance"] == {"a": 39, "b": len(targets[-1])}
