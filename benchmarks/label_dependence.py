"""Whether the texts of a labelled set say anything about its labels.

    python benchmarks/label_dependence.py [FOLDER]

For each stance set: macro F1, on a fifth of the rows, of logistic regression on the words of text
and target that the other four fifths trained, beside the same with the training labels shuffled;
and how often rows with the same text and target have the same label. A set in which the two F1
are alike cannot be learnt, nor predicted, by anything.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

DATA = Path(__file__).parents[2] / "shared" / "data"
MOST_ROWS = 8000


def main() -> None:
    """Measure and print."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    print("set                 rows   macro F1  labels shuffled   same text, same label")
    for path in sorted([*data.glob("stance_*/train.jsonl"), *data.glob("stance_*/all.jsonl")]):
        rows = [json.loads(line) for line in path.open(encoding="utf-8")]
        order = np.random.default_rng(0).permutation(len(rows))[:MOST_ROWS]
        rows = [rows[i] for i in order]
        labels = np.array([row["label"] for row in rows])
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        features = words.fit_transform([f"{row['text']} {row['target']}" for row in rows])
        cut = len(rows) * 4 // 5
        shuffled = np.random.default_rng(1).permutation(labels[:cut])
        found, by_chance = (
            f1_score(
                labels[cut:],
                LogisticRegression(C=3, class_weight="balanced", max_iter=300)
                .fit(features[:cut], taught)
                .predict(features[cut:]),
                average="macro",
            )
            for taught in (labels[:cut], shuffled)
        )
        print(
            f"{path.parent.name:18} {len(rows):5}  {100 * found:8.1f}  {100 * by_chance:15.1f}"
            f"  {agreement(rows):>22}",
            flush=True,
        )


def agreement(rows: list[dict[str, str]]) -> str:
    """Return the share of repeated texts whose labels agree."""
    labels = defaultdict(list)
    for row in rows:
        labels[" ".join(row["text"].lower().split()), row["target"]].append(row["label"])
    repeated = [held for held in labels.values() if len(held) > 1]
    same = sum(len(set(held)) == 1 for held in repeated)
    return f"{same} of {len(repeated)}"


if __name__ == "__main__":
    main()
