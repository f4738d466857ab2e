"""How the released figures of the sample corpus stand to its known truth.

    python benchmarks/sample_truth.py

Runs the built-in topic once in a folder of its own and prints, per question, the part of released
cells whose 95 % interval holds the truth, and the mean error of corrected and plain shares.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

CONFIG = Path(__file__).parent.parent / "config"
MONITOR = Path(sys.executable).parent / "monitor"
TRUTH = CONFIG / "samples/facebook-walkout-2020/truth.json"


def main() -> None:
    truth = {
        (d["day"], d["cohort"], d["head"], d["target"]): d["shares"]
        for d in json.loads(TRUTH.read_text(encoding="utf-8"))["days"]
    }
    with tempfile.TemporaryDirectory() as home:
        environ = os.environ | {"MONITOR_HOME": home, "MONITOR_CONFIG": str(CONFIG)}
        subprocess.run([MONITOR, "run", "--until-idle"], env=environ, check=True)
        export = [MONITOR, "export", "aggregates", "--format", "json"]
        figures = json.loads(subprocess.check_output(export, env=environ))
    compared = defaultdict(list)
    for figure in figures:
        key = (figure["day"], figure["cohort"], figure["head"], figure["target"])
        if figure["share"] is not None and key in truth:
            compared[figure["head"], figure["target"]].append((figure, truth[key][figure["label"]]))
    every = [pair for pairs in compared.values() for pair in pairs]
    for question, pairs in [*compared.items(), (("all", ""), every)]:
        print(f"{'/'.join(filter(None, question)):28} {summary(pairs)}")


def summary(pairs: list[tuple[dict[str, float], float]]) -> str:
    held = sum(figure["low"] <= true <= figure["high"] for figure, true in pairs) / len(pairs)
    corrected = sum(abs(figure["share"] - true) for figure, true in pairs) / len(pairs)
    plain = sum(abs(figure["share_raw"] - true) for figure, true in pairs) / len(pairs)
    return f"{len(pairs):4} cells, held {held:.1%}, error {corrected:.3f}, plain {plain:.3f}"


if __name__ == "__main__":
    main()
