"""False alarms per year of each kind of alert rule, simulated where nothing ever changes.

    python benchmarks/false_alarms.py [--years 50]

Days are drawn around a constant share (binomial, with a 95 % interval as wide as the released
ones) and a constant volume (overdispersed, weekends quieter), and go through the daemon's own
`judge` with its hysteresis and cool-down. The line of the share rule is at the true share plus
2, 4 and 6 points. Hours follow the time of day, swing from day to day and come in bursts; every
post is by somebody else, and they are counted in groups of ten as the program does. A
day's deviation from what the audit explains is drawn from its law where nothing drifts
(chi-square over its two degrees of freedom).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from monitor.alarms.evidence import DriftedDay, Evidence, Hours
from monitor.alarms.judge import judge
from monitor.alert_rule import AlertTable
from monitor.figure import Figure, Volume

SHARE, POSTS, HALF_WIDTH, EXTRA = 0.5, 400, 0.07, 0.025
FIRST = date(2020, 1, 1)
HOURLY = (4, 20, 100)
GROUP = 10
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
        _tell(name, _alarms(_rule(fields), figures, volumes), years)
    _tell("drift", _drift_alarms(_rule({"kind": "drift"}), 365 * years), years)
    for posts in HOURLY:
        spike = _rule({"kind": "spike"})
        _tell(f"spike, {posts} posts an hour", _spike_alarms(spike, 365 * years, posts), years)


def _rule(fields: dict[str, Any]) -> dict[str, Any]:
    return AlertTable.model_validate({"name": "rule", **fields}).model_dump()


def _tell(name: str, alarms: int, years: int) -> None:
    print(f"{name:32} {alarms / years:6.2f} false alarms a year")


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
    def looks() -> Iterator[Evidence]:
        for n in range(10, len(figures)):
            now = datetime.combine(FIRST + timedelta(days=n), time(6), UTC)
            part = slice(max(n - 12, 0), n)
            yield Evidence(figures[part], volumes[part], (), (), now.date(), now)

    return _begun(rule, looks())


def _drift_alarms(rule: dict[str, Any], days: int) -> int:
    deviations = np.random.default_rng(2).chisquare(2, days) / 2
    drift = [
        DriftedDay(FIRST + timedelta(days=n), "stance", "", float(one))
        for n, one in enumerate(deviations)
    ]

    def looks() -> Iterator[Evidence]:
        for n in range(2, days):
            now = datetime.combine(FIRST + timedelta(days=n), time(6), UTC)
            yield Evidence((), (), (), (), now.date(), now, drift=drift[n - 2 : n])

    return _begun(rule, looks())


def _spike_alarms(rule: dict[str, Any], days: int, mean: int) -> int:
    """Looks every hour at the last hours and the same hours of the days before."""
    chance = np.random.default_rng(3)
    hour = np.arange(24 * days)
    daily = chance.gamma(20, 1 / 20, days)[hour // 24]  # a fifth more or less
    usual = mean * daily * (1 + 0.8 * np.sin(2 * np.pi * hour / 24))
    posts = chance.negative_binomial(4, 4 / (4 + usual))
    length = rule["window_hours"]
    window = np.ones(length, dtype=np.int64)
    least = np.convolve(posts // GROUP * GROUP, window, mode="valid").tolist()
    up = np.maximum(-(-posts // GROUP), 1) * GROUP
    most = np.convolve(up, window, mode="valid").tolist()
    start = datetime.combine(FIRST, time(), UTC)

    def looks() -> Iterator[Evidence]:
        for n in range(24 * rule["days"], len(least)):
            now = start + timedelta(hours=n + length)
            earlier = tuple(most[n - 24 * k] for k in range(1, rule["days"] + 1))
            found = Hours(now, least[n], covered=True, earlier=earlier)
            yield Evidence((), (), (), (), now.date(), now, hours=lambda _, found=found: found)

    return _begun(rule, looks())


def _begun(rule: dict[str, Any], looks: Iterator[Evidence]) -> int:
    """Counts the incidents that begin."""
    alarms, lasts = 0, False
    ended = datetime.min.replace(tzinfo=UTC)
    for evidence in looks:
        now, state = evidence.now, judge(rule, evidence).state
        if lasts and state == "quiet":
            lasts, ended = False, now
        cooled = now >= ended + timedelta(hours=rule["cool_down_hours"])
        if state == "firing" and not lasts and cooled:
            lasts = True
            alarms += 1
    return alarms


if __name__ == "__main__":
    main()
