"""What several bases know together: `python benchmarks/ensemble.py FOLDER FOLDER ...`.

For each validation set of the recipe: the set's measure and the log loss (of answers as the network
gives them, without temperatures) of each base, then of the mean of their probabilities, which is
what they would teach another one together.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from classifiers.asked import Asked, AskedPost
from classifiers.assessment import POST_TOKENS, rows_of
from classifiers.batches import encode
from classifiers.dataset import LabelledText
from classifiers.evaluation import log_loss
from classifiers.fitting import predict_logits
from classifiers.model_config import TOKENIZER_FILE
from classifiers.model_files import load_model
from classifiers.recipe import METRICS, read_recipe
from classifiers.tokenisation import Tokeniser
from classifiers.training import bf16_gains

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--config", type=Path, default=ROOT / "config/training-third.toml")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    asked = parser.parse_args()
    torch.set_num_threads(2)
    print("set", *asked.folders, "all together", sep=" | ")
    for part in read_recipe(asked.config).validation:
        rows = rows_of(part, asked.data)
        truth = np.array([row.labels[part.head] for row in rows])
        found = [_probabilities(folder, part.head, rows) for folder in asked.folders]
        told = [
            f"{100 * METRICS[part.metric](truth, each.argmax(axis=1)):.1f} "
            f"({log_loss(truth, each):.3f})"
            for each in (*found, np.mean(found, axis=0))
        ]
        print(part.title, *told, sep=" | ", flush=True)


def _probabilities(folder: Path, head: str, rows: Sequence[LabelledText]) -> NDArray[np.float32]:
    """Return one base's answers, (rows, labels)."""
    posts = [AskedPost(row.text, (Asked(row.target, row.labels),)) for row in rows]
    encoded = encode(posts, Tokeniser(folder / TOKENIZER_FILE), post_tokens=POST_TOKENS)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16_gains()):
        logits = predict_logits(load_model(folder), encoded)[head]
    answers: NDArray[np.float32] = softmax(np.stack([each.reshape(-1) for each in logits]), axis=1)
    return answers


if __name__ == "__main__":
    main()
