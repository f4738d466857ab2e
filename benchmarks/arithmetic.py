"""What rounding costs and gains: 8-bit and 32-bit arithmetic side by side.

``python benchmarks/arithmetic.py [--base small] [--group 64]`` answers the validation sets
(``../shared/data``) with one base in 8-bit arithmetic, if the processor has it, and in 32 bits, and
prints each set's measure, how far probabilities are from those of 32 bits, and posts a second.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from classifiers.assessment import judged_rows
from classifiers.export import forms_of, runner
from classifiers.heads import head
from classifiers.judging import answers
from classifiers.model_config import TOKENIZER_FILE, read_config
from classifiers.model_files import load_model
from classifiers.openvino_engine import ARITHMETIC, GROUP_SIZE
from classifiers.recipe import METRICS, read_recipe
from classifiers.registry import BASES
from classifiers.runtime import Scorer
from classifiers.tokenisation import Ids, Tokeniser
from classifiers.version import read_version

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "config" / "training.toml"
DATA = ROOT.parent / "shared" / "data"

Answers = NDArray[np.float32]


class OneArithmetic:
    """An engine that runs a base's exported form in one arithmetic.

    Args:
        form: The exported model.
        group: So many channels of a token are rounded together.
    """

    def __init__(self, form: openvino.Model, group: int) -> None:
        self._run = runner(form, ARITHMETIC | {GROUP_SIZE: group})

    def run(self, batches: Iterator[tuple[Ids, Ids]]) -> Iterator[tuple[Answers, ...]]:
        """Yield what the model reads in each batch, in the order of the batches."""
        return (tuple(self._run(batch)) for batch in batches)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", choices=BASES, default="standard")
    parser.add_argument("--sets", nargs="+", help="only these validation sets")
    parser.add_argument("--group", type=int, default=ARITHMETIC[GROUP_SIZE], help="of channels")
    options = parser.parse_args()
    folder = BASES[options.base]
    if not DATA.is_dir():
        sys.exit(f"the validation sets are missing: {DATA} is not there")
    version, tokeniser = read_version(folder), Tokeniser(folder / TOKENIZER_FILE)
    asked = [
        part
        for part in read_recipe(RECIPE).validation
        if options.sets is None or part.name in options.sets
    ]
    sets = [(part, judged_rows(part, DATA)) for part in asked]
    forms = forms_of(load_model(folder))
    print(f"{version.id} on {openvino.Core().get_property('CPU', 'FULL_DEVICE_NAME')}")
    exact: list[Answers] = []
    for precision in reversed(forms):  # 32 bits first
        engine = OneArithmetic(forms[precision], options.group)
        scorer = Scorer(version, read_config(folder), tokeniser, engine)
        started = time.perf_counter()
        found = [answers(scorer, head(part.head), rows) for part, rows in sets]
        seconds = time.perf_counter() - started
        exact = exact or found
        print(f"\n{precision}: {sum(len(rows) for _, rows in sets) / seconds:.1f} rows a second")
        for (part, rows), ours, theirs in zip(sets, found, exact, strict=True):
            truth = np.array([row.labels[part.head] for row in rows])
            score, before = (
                100 * METRICS[part.metric](truth, said.argmax(axis=1)) for said in (ours, theirs)
            )
            apart = np.abs(ours - theirs)
            print(
                f"{part.title:44} {score:5.1f} ({score - before:+.2f}), probabilities differ by "
                f"{apart.mean():.4f} (at most {apart.max():.3f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
