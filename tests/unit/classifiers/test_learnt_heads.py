"""What the base does not know and labels teach: what is answered, and what it is compared with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from classifiers import heads
from classifiers.adaptation import Example, adapt
from classifiers.correction import CORRECTIONS_FILE
from classifiers.dataset import LabelledText
from classifiers.errors import BadExampleError, ModelFilesError
from classifiers.examples import FOLDS, FROZEN_TEST, learnable
from classifiers.judging import judge
from classifiers.label_mix import mixes_out_of_fold
from classifiers.registry import ModelVersion, Registry
from classifiers.runtime import load_scorer
from classifiers.version import content_id
from tests.new_head import NAME, new_head

LABELS = ("negative", "neutral", "positive")


def example(number: int, label: str = "neutral", *, audit: bool = True, **changes: str) -> Example:
    about = {"head": "sentiment", "target": ""} | changes
    return Example(str(number), f"text {number}", label=label, audit=audit, **about)


def announced(number: int, target: str = "the strike") -> Example:
    said = ("yes", "no")[number % 2]
    text = ("I will be there", "there is news")[number % 2]
    return Example(str(number), f"{text}, {number}", NAME, target, said, audit=True)


def version(**changes: object) -> ModelVersion:
    plain = {"id": "", "topic": "t", "base": "b", "parent": "b", "data_fingerprint": "", "seed": 1}
    plain |= {"heads": ("stance", NAME), "temperature": {}}
    return ModelVersion(**(plain | changes))  # type: ignore[arg-type]


def test_what_the_base_knows_is_answered_towards_all_what_was_learnt_towards_those_learnt() -> None:
    made = version(learnt=((NAME, "the strike"),))
    assert made.answers("stance", "anything")
    assert made.answers(NAME, "the strike")
    assert not made.answers(NAME, "the board")
    assert not made.answers("sentiment", "")


def test_too_rare_heads_and_unknown_questions_are_left_out() -> None:
    many = [example(n) for n in range(30)]
    few = [example(n, "none", head="stance", target="x") for n in range(5)]
    towards = [announced(n) for n in range(20)] + [announced(n, "the board") for n in range(19)]
    assert learnable([*many, *few], ("sentiment", "stance")) == many
    with_head = learnable([*many, *towards], ("sentiment", "stance"))
    assert {one.target for one in with_head if one.head == NAME} == {"the strike"}


@given(
    st.lists(
        st.tuples(st.sampled_from(LABELS), st.booleans(), st.integers(FROZEN_TEST, FOLDS - 1)),
        min_size=1,
        max_size=40,
    )
)
def test_a_mix_never_counts_its_own_fold_nor_the_frozen_test(
    rows: list[tuple[str, bool, int]],
) -> None:
    examples = [example(n, label, audit=audit) for n, (label, audit, _) in enumerate(rows)]
    parts = {one.text: part for one, (*_, part) in zip(examples, rows, strict=True)}
    mixes = mixes_out_of_fold(examples, parts)
    for (_, _, own), mix in zip(rows, mixes, strict=True):
        others = [label for label, audit, part in rows if audit and part not in (own, FROZEN_TEST)]
        counts = np.array([1 + others.count(label) for label in LABELS])
        assert mix == pytest.approx(counts / counts.sum(), abs=1e-6)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Registry]:
    """The base was made before the head's file came."""
    folder = tmp_path_factory.mktemp("learnt")
    with new_head(folder / "heads"):
        yield Registry(folder / "models", tiny)


def test_the_scorer_answers_what_was_learnt_and_leaves_the_rest_out(registry: Registry) -> None:
    made = adapt(registry, "strike", [announced(n) for n in range(60)])
    assert made.untold == set(made.held_out)
    scorer = load_scorer(registry.path(made.version.id), threads=1)
    targets = {"strike": "the strike", "board": "the board"}
    texts = ["I will be there, too", "there is news of it"]
    found = {(one.head, one.target): one for one in scorer.score(texts, targets)}
    assert (NAME, "strike") in found
    assert (NAME, "board") not in found
    yes = found[NAME, "strike"].probabilities[:, 0]
    assert yes[0] > 0.5 > yes[1]
    assert NAME in [one.head for one in scorer.score_pairs(texts, ["the strike"] * 2)]
    heads_of_others = [one.head for one in scorer.score_pairs(texts, list(targets.values()))]
    assert NAME not in heads_of_others


@pytest.mark.parametrize("target", ["the strike", "the board"], ids=["lacks the head", "target"])
def test_rows_that_a_version_does_not_answer_are_not_judged(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    scorer = load_scorer(registry.path(registry.shipped().id), threads=1)
    if target == "the board":
        made = adapt(registry, "strike", [announced(n) for n in range(60)])
        scorer = load_scorer(registry.path(made.version.id), threads=1)
    monkeypatch.setattr(scorer, "_engine", None)  # nothing is scored
    rows = [LabelledText("1", "there is news", target, {NAME: 0})]
    with pytest.raises(BadExampleError, match=f"{NAME} towards '{target}'"):
        judge(scorer, heads.head(NAME), rows)


@contextmanager
def relabelled(*labels: str) -> Iterator[None]:
    """Lets the head have other labels."""
    module = sys.modules[f"{heads.__name__}.{NAME}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "HEAD", replace(module.HEAD, labels=labels))
        heads.all_heads.cache_clear()
        yield
    heads.all_heads.cache_clear()


@pytest.mark.parametrize("labels", [("no", "yes"), ("yes", "never"), ("yes", "no", "maybe")])
def test_a_head_whose_labels_have_changed_since_is_refused(
    registry: Registry, labels: tuple[str, ...]
) -> None:
    made = adapt(registry, "strike", [announced(n) for n in range(40)])
    told = f"made for the labels yes, no of {NAME}, which has {', '.join(labels)} by now"
    with relabelled(*labels), pytest.raises(ModelFilesError, match=told):
        load_scorer(registry.path(made.version.id), threads=1)


def test_a_version_from_before_labels_were_kept_is_judged_by_their_number(
    registry: Registry,
) -> None:
    made = adapt(registry, "strike", [announced(n) for n in range(40)]).version
    workspace = registry.workspace()
    kept = workspace / CORRECTIONS_FILE
    save_file(load_file(registry.path(made.id) / CORRECTIONS_FILE), kept)
    about = {"temperature": made.temperature, "base": made.base, "topic": made.topic}
    before = registry.add(workspace, replace(made, id=content_id([kept], about)))
    folder = registry.path(before.id)
    with relabelled("no", "yes"):
        load_scorer(folder, threads=1)
    with (
        relabelled("yes", "no", "maybe"),
        pytest.raises(ModelFilesError, match="gives 2 answers of announces, which has 3"),
    ):
        load_scorer(folder, threads=1)


def test_labels_that_were_renamed_are_learnt_anew(registry: Registry) -> None:
    rows = [announced(n) for n in range(44)]
    before = adapt(registry, "strike", rows).version
    with relabelled("yes", "never"):
        renamed = [replace(row, label="never") if row.label == "no" else row for row in rows]
        after = adapt(registry, "strike", renamed).version
        assert after.id != before.id
        load_scorer(registry.path(after.id), threads=1)
