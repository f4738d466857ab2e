"""What several bases know together: `python benchmarks/ensemble.py FOLDER FOLDER ...`.

For each validation set of the recipe: the set's measure and the log loss (of answers as the network
gives them, without temperatures) of each base, then of the mean of their probabilities, which is
what they would teach another one together.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax

from classifiers.assessment import Predictor, judged_rows
from classifiers.evaluation import log_loss
from classifiers.model_config import TOKENIZER_FILE
from classifiers.model_files import load_model
from classifiers.recipe import METRICS, read_recipe
from classifiers.tokenisation import Tokeniser
from classifiers.training_run import bf16_gains

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--config", type=Path, default=ROOT / "config/training-eighth.toml")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    asked = parser.parse_args()
    torch.set_num_threads(2)
    bases = [
        Predictor(load_model(folder), Tokeniser(folder / TOKENIZER_FILE))
        for folder in asked.folders
    ]
    half_precision = bf16_gains()
    print("set", *asked.folders, "all together", sep=" | ")
    for part in read_recipe(asked.config).validation:
        rows = judged_rows(part, asked.data)
        truth = np.array([row.labels[part.head] for row in rows])
        with torch.autocast("cpu", torch.bfloat16, enabled=half_precision):
            found = [softmax(base.logits(rows)[part.head], axis=1) for base in bases]
        told = [
            f"{100 * METRICS[part.metric](truth, each.argmax(axis=1)):.1f} "
            f"({log_loss(truth, each):.3f})"
            for each in (*found, np.mean(found, axis=0))
        ]
        print(part.title, *told, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
