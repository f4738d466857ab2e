"""Tells whether a rule holds, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.alarms.evidence import Evidence, Finding, Rule
from monitor.alarms.operation import judge_budget, judge_jobs, judge_silence
from monitor.alarms.shares import judge_change, judge_drift, judge_share
from monitor.alarms.volume import judge_spike, judge_volume

_KINDS: Mapping[str, Callable[[Rule, Evidence], Finding]] = {
    "share": judge_share,
    "change": judge_change,
    "drift": judge_drift,
    "volume": judge_volume,
    "spike": judge_spike,
    "silence": judge_silence,
    "budget": judge_budget,
    "jobs": judge_jobs,
}


def judge(rule: Rule, evidence: Evidence) -> Finding:
    """Tells whether a rule holds, is over, or neither can be said."""
    return _KINDS[rule["kind"]](rule, evidence)
