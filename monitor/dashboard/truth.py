"""The known truth of bundled sample data, to compare estimates with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from monitor.figure import ALL
from monitor.topic import Topic

Known = Mapping[date, Mapping[str, float]]
"""True shares of one question by day and label."""


@dataclass(frozen=True)
class Truth:
    """True shares by (day, cohort, head, target); `all` is everybody."""

    shares: Mapping[tuple[date, str, str, str], Mapping[str, float]]

    def of(self, day: date, head: str, target: str, *, cohort: str = ALL) -> Mapping[str, float]:
        """Returns the true share of each label, nothing where none is known."""
        return self.shares.get((day, cohort, head, target), {})


def load_truth(samples: Path, topic: Topic) -> Truth | None:
    """Reads `<samples>/<topic.sample>/truth.json`; None where the topic has no sample."""
    if topic.sample is None:
        return None
    path = samples / topic.sample / "truth.json"
    if not path.is_file():
        return None
    days = json.loads(path.read_text(encoding="utf-8"))["days"]
    return Truth({_key(one): one["shares"] for one in days})


def _key(one: Mapping[str, str]) -> tuple[date, str, str, str]:
    return (date.fromisoformat(one["day"]), one["cohort"], one["head"], one["target"])
