"""False alarms per year of each kind of alert rule, simulated where nothing ever changes.

    python benchmarks/false_alarms.py [--years 50]

Days are drawn around a constant share (binomial, with a 95 % interval as wide as the released
ones) and a constant volume (overdispersed, weekends quieter), and go through the daemon's own
`judge` with its hysteresis and cool-down. The line of the share rule is at the true share plus
2, 4 and 6 points.
"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from monitor.alarm import Evidence, judge
from monitor.figure import Figure, Volume
from monitor.topic_file import AlertTable

SHARE, POSTS, HALF_WIDTH, EXTRA = 0.5, 400, 0.07, 0.025
FIRST = date(2020, 1, 1)
RULES: dict[str, dict[str, Any]] = {
    "share, line 2 points above": {"kind": "share", "label": "favor", "above": SHARE + 0.02},
    "share, line 4 points above": {"kind": "share", "label": "favor", "above": SHARE + 0.04},
    "share, line 6 points above": {"kind": "share", "label": "favor", "above": SHARE + 0.06},
    "change": {"kind": "change", "label": "favor"},
    "volume, three times the usual": {"kind": "volume"},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--years", type=int, default=50)
    years = parser.parse_args().years
    figures, volumes = _days(365 * years)
    print(f"{years} years without any change, {POSTS} posts a day, interval ±{HALF_WIDTH:.2f}")
    for name, fields in RULES.items():
        rule = AlertTable.model_validate({"name": "rule", **fields}).model_dump()
        print(f"{name:32} {_alarms(rule, figures, volumes) / years:6.2f} false alarms a year")


def _days(count: int) -> tuple[list[Figure], list[Volume]]:
    """The error of a share: sampling, and what correction and the day's own weather add."""
    chance = np.random.default_rng(1)
    error = np.sqrt(SHARE * (1 - SHARE) / POSTS + EXTRA**2)
    shares = np.clip(SHARE + chance.normal(0, error, count), HALF_WIDTH, 1 - HALF_WIDTH)
    weekly = np.where(np.arange(count) % 7 < 5, 1.0, 0.6)
    posts = chance.negative_binomial(8, 8 / (8 + POSTS * weekly))
    figures, volumes = [], []
    for n in range(count):
        day = FIRST + timedelta(days=n)
        cell = ("t", day, "all", "all", "all")
        low, high = float(shares[n]) - HALF_WIDTH, float(shares[n]) + HALF_WIDTH
        about = ("stance", "", "favor", "v", POSTS, 300)
        share = float(shares[n])
        figures.append(Figure(*cell, *about, share, share, low, high, 1.0, True, None))
        volumes.append(Volume(*cell, int(posts[n]), 0, 300, 0, 1.0, None))
    return figures, volumes


def _alarms(rule: dict[str, Any], figures: list[Figure], volumes: list[Volume]) -> int:
    alarms, lasts = 0, False
    ended = datetime.min.replace(tzinfo=UTC)
    for n in range(10, len(figures)):
        now = datetime.combine(FIRST + timedelta(days=n), time(6), UTC)
        part = slice(max(n - 12, 0), n)
        evidence = Evidence(figures[part], volumes[part], (), (), now.date(), now)
        state = judge(rule, evidence).state
        if lasts and state == "quiet":
            lasts, ended = False, now
        cooled = now >= ended + timedelta(hours=rule["cool_down_hours"])
        if state == "firing" and not lasts and cooled:
            lasts = True
            alarms += 1
    return alarms


if __name__ == "__main__":
    main()
