import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifiers.adaptation import AdaptationResult, Example, adapt, beats_champion
from classifiers.correction import read_corrections
from classifiers.errors import BadExampleError, ModelFilesError, TrainingStoppedError
from classifiers.examples import FEWEST, FOLDS, FROZEN_TEST, checked, part_of
from classifiers.heads import head
from classifiers.model_config import WEIGHTS_FILES
from classifiers.registry import Registry
from classifiers.runtime import load_scorer
from classifiers.verdict import FEWEST as JUDGING
from classifiers.verdict import held_out_rows, unjudged
from classifiers.version import content_id, read_version, write_version

WORDS = {"negative": "awful angry", "neutral": "there is", "positive": "great happy"}


def make_examples(count: int = 60) -> list[Example]:
    return [
        Example(str(n), f"{WORDS[label]} post number {n}", "sentiment", "", label, n % 2 == 0)
        for n in range(count)
        for label in [("negative", "neutral", "positive")[n % 3]]
    ]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Registry:
    return Registry(tmp_path_factory.mktemp("adapted") / "models", tiny)


@pytest.fixture(scope="module")
def result(registry: Registry) -> AdaptationResult:
    return adapt(registry, "walkout", make_examples())


def test_every_example_is_answered_by_a_model_that_did_not_see_it(
    result: AdaptationResult,
) -> None:
    assert set(result.held_out) == {example.key for example in make_examples()}
    assert all(sum(answer) == pytest.approx(1, abs=1e-5) for answer in result.held_out.values())


def test_the_candidate_is_kept_with_its_parentage_and_figures(
    registry: Registry, result: AdaptationResult
) -> None:
    version = registry.get(result.version.id)
    assert (version.topic, version.stage) == ("walkout", "candidate")
    assert version.base == version.parent == registry.shipped().id
    assert set(version.metrics) == {"audit/sentiment"}
    assert np.sum(version.confusion["sentiment"]) == 30
    assert version.temperature["stance"] == registry.shipped().temperature["stance"]


def test_the_candidate_scores_and_differs_from_its_base(
    registry: Registry, result: AdaptationResult, tiny: Path
) -> None:
    texts = ["awful angry post"]
    adapted = load_scorer(registry.path(result.version.id), threads=1).score(texts)[0]
    base = load_scorer(tiny, threads=1).score(texts)[0]
    assert adapted.version == result.version.id
    assert not np.array_equal(adapted.probabilities, base.probabilities)


def test_what_labels_teach_of_a_post_is_the_same_to_the_bit_in_any_company(
    registry: Registry, result: AdaptationResult
) -> None:
    adapted = load_scorer(registry.path(result.version.id), threads=1)
    texts = [example.text for example in make_examples()]
    together = adapted.score(texts)[0].probabilities
    alone = np.concatenate([adapted.score([text])[0].probabilities for text in texts])
    assert together.tobytes() == alone.tobytes()


def test_labels_that_teach_nothing_leave_the_answers_to_the_base(
    registry: Registry, tiny: Path
) -> None:
    """They are drawn from what it says itself: whatever is learnt is worse out of fold."""
    known = load_scorer(tiny, threads=1)
    texts = [f"post number {n}" for n in range(60)]
    answers = known.score(texts)[0].probabilities
    random = np.random.default_rng(3)
    labels = [
        head("sentiment").labels[random.choice(3, p=row / row.sum())]
        for row in answers.astype(float)
    ]
    examples = [
        Example(str(n), text, "sentiment", "", label, audit=True)
        for n, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]
    made = adapt(registry, "noise", examples)
    correction = read_corrections(registry.path(made.version.id))["sentiment", ""]
    assert not correction.weights.any()
    adapted = load_scorer(registry.path(made.version.id), threads=1).score(texts)[0].probabilities
    assert (adapted.argmax(axis=1) == answers.argmax(axis=1)).all()


def test_only_what_changed_is_kept(registry: Registry, result: AdaptationResult) -> None:
    folder = registry.path(result.version.id)
    assert sum(file.stat().st_size for file in folder.glob("model*")) < 120_000
    assert "post number" not in (folder / "held_out.json").read_text()


def test_the_same_examples_in_any_order_give_the_same_version(
    registry: Registry, result: AdaptationResult
) -> None:
    again = adapt(registry, "walkout", make_examples()[::-1])
    assert again.version.id == result.version.id
    assert again.held_out == result.held_out


def test_a_champion_is_judged_by_what_it_had_not_learnt(
    registry: Registry, result: AdaptationResult
) -> None:
    registry.promote("walkout", result.version.id)
    again = adapt(registry, "walkout", make_examples())
    second = adapt(registry, "walkout", make_examples()[:-1])  # without one that is no audit
    figures = second.version.metrics["audit/sentiment"]
    expected = again.version.metrics["audit/sentiment"]
    assert figures["champion_log_loss"] == pytest.approx(expected["candidate_log_loss"], abs=1e-6)
    assert second.version.parent == result.version.id


def test_training_stops_when_asked_and_keeps_nothing(tmp_path: Path, tiny: Path) -> None:
    registry = Registry(tmp_path / "models", tiny)
    with pytest.raises(TrainingStoppedError):
        adapt(registry, "walkout", make_examples(), should_stop=lambda: True)
    assert registry.list("walkout") == [registry.shipped()]


def test_progress_climbs_to_one(tmp_path: Path, tiny: Path) -> None:
    shares: list[float] = []
    registry = Registry(tmp_path / "models", tiny)
    adapt(registry, "walkout", make_examples(), progress=lambda _, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_copies_of_a_text_fall_into_the_same_part() -> None:
    assert part_of("I walk out https://a.example/1") == part_of("i  walk out https://b.example/2")


def test_about_a_fifth_of_the_texts_is_the_frozen_test() -> None:
    parts = [part_of(f"post number {n}") for n in range(2000)]
    assert parts.count(FROZEN_TEST) / 2000 == pytest.approx(0.2, abs=0.03)
    assert set(parts) == {FROZEN_TEST, *range(FOLDS)}


def changed(**changes: object) -> Sequence[Example]:
    first, *others = make_examples()
    return [replace(first, **changes), *others]


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (changed(label="favor"), "'favor' is no label"),
        (changed(target="the walkout"), "takes no target"),
        (changed(head="stance", label="favor"), "needs a target"),
        ([*make_examples(), make_examples()[0]], "has 2 labels"),
        (make_examples(10), "10 labels of sentiment are too few"),
        ([], "0 labels"),
    ],
    ids=["label", "target given", "target missing", "twice", "few", "none"],
)
def test_examples_that_do_not_fit_are_refused(examples: list[Example], message: str) -> None:
    with pytest.raises(BadExampleError, match=message):
        checked(examples)


def test_the_gain_is_the_mean_of_the_paired_differences(result: AdaptationResult) -> None:
    figures = result.version.metrics["audit/sentiment"]
    gain = figures["champion_log_loss"] - figures["candidate_log_loss"]
    assert figures["gain"] == pytest.approx(gain)
    assert figures["gain_error"] > 0


def test_a_version_that_was_not_judged_does_not_beat_the_champion(
    result: AdaptationResult,
) -> None:
    assert beats_champion(result.version) == (False, "it has not been judged")


def test_the_champions_answers_come_along_and_say_what_is_new(result: AdaptationResult) -> None:
    keys = {example.key for example in make_examples()}
    assert set(result.champion) == set(result.new) == keys


@pytest.mark.parametrize(
    "damaged", ["model-corrections.safetensors", "version.json", "hashes.json", "new"]
)
def test_a_version_whose_files_were_changed_is_refused(
    registry: Registry, result: AdaptationResult, tmp_path: Path, damaged: str
) -> None:
    base = registry.path(result.version.base or registry.shipped().id)
    shutil.copytree(base, tmp_path / result.version.base)
    folder = tmp_path / result.version.id
    shutil.copytree(registry.path(result.version.id), folder)
    load_scorer(folder, threads=1)
    path = folder / damaged
    if damaged == "version.json":
        path.write_text(path.read_text().replace('"walkout"', '"another"'))
    elif damaged == "hashes.json":
        path.write_text("{}")
    elif damaged == "new":
        (folder / "model-02.safetensors").write_bytes(b"more")
    else:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
    with pytest.raises(ModelFilesError, match="not what it was made as"):
        load_scorer(folder, threads=1)


def test_a_changed_tokeniser_of_the_base_is_refused(
    registry: Registry, result: AdaptationResult, tmp_path: Path
) -> None:
    for name in (result.version.base, result.version.id):
        shutil.copytree(registry.folder / name, tmp_path / name)
    tokeniser = tmp_path / result.version.base / "tokenizer.json"
    tokeniser.write_text(tokeniser.read_text() + " ")
    with pytest.raises(ModelFilesError, match=r"tokenizer\.json changed"):
        load_scorer(tmp_path / result.version.id, threads=1)


def towards(target: str, count: int, *, audit: bool = True) -> list[Example]:
    return [
        Example(f"{target} {n}", f"{word} post number {n}", "stance", target, label, audit)
        for n in range(count)
        for word, label in [(("great", "favor"), ("awful", "against"), ("there", "none"))[n % 3]]
    ]


@pytest.fixture
def uneven(tmp_path: Path, tiny: Path) -> Path:
    """The tiny base with a temperature for each answer, as the shipped ones have."""
    folder = shutil.copytree(tiny, tmp_path / "uneven")
    before = read_version(folder)
    now = {name: (1.2, 1.3, 1.1)[: len(head(name).labels)] for name in before.temperature}
    made_of = content_id(sorted(folder.glob(WEIGHTS_FILES)), {"temperature": now})
    write_version(folder, replace(before, id=made_of, temperature=now))
    return folder


def test_a_label_towards_one_target_leaves_the_others_alone(tmp_path: Path, uneven: Path) -> None:
    few = towards("the board", FEWEST // 2 - 1)  # asked too rarely to learn from
    registry = Registry(tmp_path / "models", uneven)
    adapted = registry.path(
        adapt(registry, "walkout", [*towards("the walkout", 60), *few]).version.id
    )
    targets = {"walkout": "the walkout", "leadership": "the leadership", "board": "the board"}
    texts = ["awful angry post", "great news", "there is"]
    base, found = (
        {
            (one.head, one.target): one.probabilities
            for one in load_scorer(folder, threads=1).score(texts, targets)
        }
        for folder in (uneven, adapted)
    )
    changed = {asked for asked in base if not np.array_equal(base[asked], found[asked])}
    assert changed == {("stance", "walkout")}


def test_two_dozen_labels_that_all_agree_leave_a_doubt(tmp_path: Path, uneven: Path) -> None:
    examples = [replace(one, label="favor") for one in towards("the walkout", 24)]
    registry = Registry(tmp_path / "models", uneven)
    scorer = load_scorer(registry.path(adapt(registry, "w", examples).version.id), threads=1)
    texts = [f"something else, {n}" for n in range(15)]
    [found] = scorer.score(texts, {"walkout": "the walkout"}, heads=["stance"])
    assert 0.7 < np.median(found.probabilities[:, found.labels.index("favor")]) < 0.97


@pytest.mark.parametrize("random", [0, JUDGING - 1], ids=["none", "one too few"])
def test_nothing_is_learnt_of_what_cannot_be_judged(
    tmp_path: Path, tiny: Path, random: int
) -> None:
    chosen = [replace(one, id=f"c{one.id}", audit=False) for one in towards("the walkout", 40)]
    examples = [*make_examples(), *chosen, *towards("the walkout", random)]
    made = adapt(Registry(tmp_path / "models", tiny), "walkout", examples)
    assert made.changed == {("sentiment", "")}
    [check] = unjudged(examples, made.changed)
    assert check.passed
    assert check.name == "unjudged stance the walkout"
    assert f"{random} audit labels (posts drawn at random) of the 25" in check.told
    rows = held_out_rows(examples, made.held_out, made.champion)
    assert [each.head for each in rows] == ["sentiment"]


def test_what_can_be_judged_is_learnt_from_chosen_labels_too(tmp_path: Path, tiny: Path) -> None:
    examples = [*make_examples(), *towards("the walkout", JUDGING)]
    made = adapt(Registry(tmp_path / "models", tiny), "walkout", examples)
    assert made.changed == {("sentiment", ""), ("stance", "the walkout")}
    assert unjudged(examples, made.changed) == []


def test_without_any_random_labels_all_is_learnt_and_no_check_passes(
    tmp_path: Path, tiny: Path
) -> None:
    examples = [replace(one, audit=False) for one in [*make_examples(), *towards("it", 40)]]
    made = adapt(Registry(tmp_path / "models", tiny), "walkout", examples)
    assert made.changed == {("sentiment", ""), ("stance", "it")}
    assert [check.passed for check in unjudged(examples, made.changed)] == [False, False]


def test_what_the_champion_had_learnt_does_not_go_back_to_the_base_unseen(
    tmp_path: Path, tiny: Path
) -> None:
    registry, moods = Registry(tmp_path / "models", tiny), make_examples()
    before = adapt(registry, "walkout", [*moods, *towards("the walkout", JUDGING)]).version
    registry.promote("walkout", before.id)
    examples = [*moods, *towards("the walkout", JUDGING - 1)]
    [check] = unjudged(examples, adapt(registry, "walkout", examples).changed)
    assert not check.passed
    assert "stance towards 'the walkout': 24 audit labels" in check.told
    assert "its answers would change unjudged" in check.told


def test_it_answers_alike_alone_and_in_pairs(tmp_path: Path, tiny: Path) -> None:
    examples = [
        Example(str(n), f"post number {n}", "stance", "the walkout", label, audit=True)
        for n in range(40)
        for label in [("favor", "against")[n % 2]]
    ]
    registry = Registry(tmp_path / "models", tiny)
    scorer = load_scorer(registry.path(adapt(registry, "w", examples).version.id), threads=1)
    texts = [f"something number {n}" for n in range(11)]
    targets = {"a": "the walkout", "b": "something else"}
    both = scorer.score(texts, targets, heads=["stance"])
    pairs = scorer.score_pairs(texts * 2, ["the walkout"] * 11 + ["something else"] * 11)
    stance = next(one for one in pairs if one.head == "stance").probabilities
    assert stance[:11] == pytest.approx(both[0].probabilities, abs=1e-4)
    assert stance[11:] == pytest.approx(both[1].probabilities, abs=1e-4)
