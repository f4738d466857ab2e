"""What is known against labels, what is chosen to be labelled next, and what tells drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from classifiers.registry import Registry
from classifiers.runtime import Scorer, load_scorer
from classifiers.verdict import Tolerances
from monitor.bootstrap.application import Application
from monitor.bootstrap.labelling import review_labels
from monitor.pipeline.choose import ChooseStep
from monitor.pipeline.drift import Advice, DriftStep, wilson
from monitor.pipeline.example_groups import example_groups
from monitor.pipeline.label_items import exported_items, queue_items
from monitor.pipeline.label_review import LabelReviewStep
from monitor.pipeline.reference import References
from monitor.pipeline.trial import Audited, Trial
from monitor.settings import load_settings
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import HumanLabel, LabelledPost, Prediction
from tests.dashboard_fakes import NOW, TOPIC
from tests.desk_fakes import Desk, open_desk
from tests.tiny_model import make_tiny_model

LABELS = ("negative", "neutral", "positive")
POSTS = 90


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Posts whose mood the model knows well, and people's labels, five of them wrong."""
    folder = tmp_path_factory.mktemp("review")
    made = open_desk(folder, [f"an invented text about {n} things" for n in range(POSTS)])
    store, queries = Store(made.engine), Queries(made.engine)
    version = Registry(folder / "models", make_tiny_model(folder / "shipped")).shipped().id
    pending = queries.pending(TOPIC.name, version, [("sentiment", "")], languages=["en"], limit=200)
    number = {post.id: int(post.text.split()[4]) for post in pending}
    answers = [
        Prediction(post.id, post.text_digest, "sentiment", "", LABELS[truth], scores)
        for post in pending
        for truth in [number[post.id] % 3]
        for scores in [tuple(9000 if n == truth else 500 for n in range(3))]
    ]
    store.save_predictions(TOPIC.name, version, answers)
    labels = [
        HumanLabel(str(n), "x", "sentiment", "", LABELS[(n + (n in range(5))) % 3], "ann", "random")
        for n in range(60)
    ]
    labels += [replace(one, annotator="ben") for one in labels[:20]]
    labels[65] = replace(labels[65], label=LABELS[1 - int(labels[65].label == "neutral")])
    store.save_labels(TOPIC.name, labels, at=NOW)
    yield made
    made.engine.dispose()


@pytest.fixture
def registry(desk: Desk) -> Registry:
    folder = Path(str(desk.engine.url.database)).parent
    return Registry(folder / "models", folder / "shipped")


def loaded(registry: Registry) -> Callable[[str], Scorer]:
    return lambda version: load_scorer(registry.path(version), threads=1)


def drift_step(desk: Desk, registry: Registry, folder: Path) -> DriftStep:
    queries = Queries(desk.engine)
    references = References(queries, folder / "references")
    return DriftStep(queries, registry, loaded(registry), references, enough_labels=50)


def test_probable_errors_conflicts_and_agreement_are_told(desk: Desk, registry: Registry) -> None:
    queries = Queries(desk.engine)
    review = LabelReviewStep(queries).review(TOPIC, [registry.shipped().id])
    (question,) = review.questions
    assert (question.head, question.posts, question.agreement.posts) == ("sentiment", 60, 20)
    assert set(question.by_annotator) == {"ann", "ben"}
    assert 0 < question.noise < 0.2
    assert [one.native_id for one in review.conflicts] == ["5"]
    assert {one.post.native_id for one in review.errors} == set("01234")
    items, questions = queue_items(
        queries, TOPIC, review, choose="errors", limit=3, random_part=1.0
    )
    assert (len(items), questions) == (3, [("sentiment", "")])
    assert all(item.text for item in items)


def test_nobody_calls_labels_wrong_before_a_version_has_learnt_the_topic(desk: Desk) -> None:
    review = LabelReviewStep(Queries(desk.engine)).review(TOPIC, [])
    assert (review.errors, review.is_judged) == ((), False)
    assert review.questions[0].noise == 0
    assert len(review.conflicts) == 1


def test_the_first_version_with_stored_answers_judges(desk: Desk, registry: Registry) -> None:
    versions = ["unscored", registry.shipped().id, "later"]
    review = LabelReviewStep(Queries(desk.engine)).review(TOPIC, versions)
    assert (len(review.errors), review.is_judged) == (5, True)


def test_versions_without_stored_answers_judge_nothing(desk: Desk) -> None:
    review = LabelReviewStep(Queries(desk.engine)).review(TOPIC, ["unscored"])
    assert (review.errors, review.is_judged) == ((), False)


def test_labels_are_judged_by_a_refused_candidate_while_the_champion_has_not_learnt_them(
    desk: Desk, registry: Registry, tmp_path: Path
) -> None:
    app = Application(load_settings({"MONITOR_HOME": str(tmp_path)}))
    champion = SimpleNamespace(id="shipped", base="")
    refused = SimpleNamespace(id=registry.shipped().id, base="shipped")
    versions = SimpleNamespace(champion=lambda _: champion, list=lambda _: [champion, refused])
    app.__dict__["registry"] = versions
    app.__dict__["_database"] = (Store(desk.engine), Queries(desk.engine))
    assert len(review_labels(app, TOPIC).errors) == 5


def test_exported_labels_have_texts_only_where_asked_for(desk: Desk) -> None:
    queries = Queries(desk.engine)
    bare, full = (exported_items(queries, TOPIC, texts=texts) for texts in (False, True))
    assert len(bare) == len(full) == 60
    assert {item.text for item in bare} == {""}
    assert sum(bool(item.text) for item in full) == 59  # the even conflict counts for nothing
    assert sum(len(item.answers) for item in bare) == 80


def test_chosen_posts_are_unlabelled_and_come_in_the_mixed_queue(
    desk: Desk, registry: Registry
) -> None:
    store, queries = Store(desk.engine), Queries(desk.engine)
    step = ChooseStep(store, queries, registry, loaded(registry), lambda: NOW, pool=20)
    assert step.choose(TOPIC, 8) == 8
    chosen = queries.posts_by_id(TOPIC.name, queries.chosen_posts(TOPIC.name))
    assert len(chosen) == 8
    assert all(int(post.native_id) >= 60 for post in chosen.values())
    items, _ = queue_items(queries, TOPIC, None, choose="mixed", limit=10, random_part=0.5)
    samples = [item.sample for item in items]
    assert samples.count("random") == 5
    assert 0 < samples.count("active") <= 5

    elsewhere = replace(TOPIC, start=TOPIC.end, end=TOPIC.end + timedelta(days=1))
    assert step.choose(elsewhere, 8) == 0
    assert queue_items(queries, elsewhere, None, choose="mixed", limit=10, random_part=0.5)[0] == []


def test_nothing_has_drifted_from_posts_to_themselves_and_advice_names_new_labels(
    desk: Desk, registry: Registry, tmp_path: Path
) -> None:
    step = drift_step(desk, registry, tmp_path)
    first = step.report(TOPIC)
    again = step.report(TOPIC)
    assert step.has_reference(TOPIC)
    assert first.posts == 0
    assert {one.of for one in again.shifts} >= {"words", "embeddings", "scores of sentiment"}
    assert all(one.chance > 0.05 for one in again.shifts)
    assert again.advice == ("80 labels have come since this version was made",)
    kept = next((tmp_path / "references").iterdir()).read_bytes()
    assert b"invented" not in kept


def test_looking_for_advice_keeps_nothing_and_is_done_once_until_something_changes(
    desk: Desk, registry: Registry, tmp_path: Path
) -> None:
    step = drift_step(desk, registry, tmp_path)
    state, asked = [1], []

    def made() -> DriftStep:
        asked.append(state[0])
        return step

    advice = Advice(made, lambda _topic: state[0])
    told = ("80 labels have come since this version was made",)
    assert (advice.about(TOPIC), advice.about(TOPIC)) == (told, told)
    assert asked == [1]
    state[0] = 2
    assert advice.about(TOPIC) == told
    assert asked == [1, 2]
    assert not step.has_reference(TOPIC)


def test_wilsons_interval_holds_the_share_and_stays_between_0_and_1() -> None:
    assert wilson(0, 20) == (0.0, pytest.approx(0.161, abs=0.01))
    low, high = wilson(10, 20)
    assert low < 0.5 < high


def labelled(native_id: int, text: str, author: str | None) -> LabelledPost:
    about = {"platform": "x", "text_digest": "", "head": "sentiment", "target": ""}
    about |= {"label": "neutral", "sample": "random", "cohort": "public", "language": "en"}
    return LabelledPost(
        native_id=str(native_id), post_id=native_id, text=text, author=author, day=NOW.date(),
        labelled_at=NOW, annotators=("ann",), **about,  # type: ignore[arg-type]
    )  # fmt: skip


def test_posts_of_one_author_and_near_copies_are_one_group() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve"
    groups = example_groups(
        [
            labelled(1, long, "ada"),
            labelled(2, "something else", "ada"),
            labelled(3, long + " !", "ben"),
            labelled(4, "another", None),
            labelled(5, "and another", None),
        ]
    )
    assert groups[1] == groups[2] == groups[3]
    assert len({groups[1], groups[4], groups[5]}) == 3
    assert "ada" not in str(groups)


class FakeScorer:
    """Answers everything with one label."""

    def answers(self, head: str, target: str) -> bool:
        return head in ("sentiment", "stance")

    def __init__(self, label: int) -> None:
        self._label = label

    def score(self, texts: Sequence[str], **_: Any) -> list[Any]:
        return [SimpleNamespace(probabilities=np.eye(3)[[self._label] * len(texts)])]

    def score_pairs(self, texts: Sequence[str], _: Sequence[str], **__: Any) -> list[Any]:
        return self.score(texts)


SCORERS: dict[str, Any] = {"old": FakeScorer(0), "new": FakeScorer(2)}
RESULT: Any = SimpleNamespace(
    held_out={}, champion={}, new=frozenset(),
    untold=frozenset(), changed=frozenset(),
    version=SimpleNamespace(id="new", parent="old"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "readable", "passed"),
    [
        pytest.param(150, 150, True, id="enough can be read"),
        pytest.param(400, 149, False, id="too few can be read"),
        pytest.param(149, 20, None, id="nothing is shown yet"),
    ],
)
def test_a_candidate_whose_audit_would_be_too_small_does_not_take_over(
    shown: int, readable: int, passed: bool | None
) -> None:
    trial = Trial(SCORERS.__getitem__, Tolerances(), needed=150)
    audits = {("stance", "walkout"): Audited(shown, readable)}
    found = {check.name: check for check in trial.judge([], RESULT, {}, audits).checks}
    check = found.get("audit stance walkout")
    assert (check and check.passed) is passed
    assert check is None or check.figures == {"shown": shown, "readable": readable}


def test_a_trial_tells_disagreeing_annotators_and_lost_behaviour() -> None:
    trial = Trial(SCORERS.__getitem__, Tolerances())
    given = [{f"a{who}": LABELS[(n * (1 + who)) % 3] for who in range(2)} for n in range(30)]
    of_question = {("sentiment", ""): given}
    found = {check.name: check for check in trial.judge([], RESULT, of_question, {}).checks}
    assert not found["agreement sentiment"].passed
    assert not found["behaviour"].passed
    assert "too few audit labels" in found["better"].told
