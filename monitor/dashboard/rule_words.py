"""What an alert rule waits for, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.alarms.evidence import Rule
from monitor.dashboard import words


def rule_words(rule: Rule) -> str:
    """Returns what a rule waits for."""
    return _OF_KIND[rule["kind"]](rule)


def _about(rule: Rule) -> str:
    about = f"share “{words.label_word(rule['label'])}”"
    about += f" towards {rule['target']}" if rule["target"] else ""
    return about + (f" of {rule['cohort']}" if rule["cohort"] != "all" else "")


def _share(rule: Rule) -> str:
    side = "above" if rule["above"] is not None else "below"
    return f"{_about(rule)}: its whole interval {side} {words.percent(rule[side])}"


def _change(rule: Rule) -> str:
    return f"{_about(rule)}: two days clearly beyond each of the {rule['days']} days before"


def _drift(rule: Rule) -> str:
    towards = f" towards {rule['target']}" if rule["target"] else ""
    return f"the audit labels do not explain the scores of {rule['head']}{towards} for two days"


def _volume(rule: Rule) -> str:
    usual = f"the usual posts of {rule['days']} days"
    return f"{rule['times']:g} times {usual}, {rule['least']} at least"


def _spike(rule: Rule) -> str:
    usual = f"the posts of the same hours of {rule['days']} days before"
    hours = words.counted(rule["window_hours"], "hour")
    return f"in {hours}, {rule['times']:g} times {usual}, {rule['least']} at least"


def _silence(rule: Rule) -> str:
    return f"no post from {rule['source'] or 'a source'} for {rule['hours']:g} hours"


def _budget(rule: Rule) -> str:
    source = rule["source"] or "a source"
    return f"{source} has used {words.percent(rule['part'])} of the month's reads, or will use all"


def _jobs(rule: Rule) -> str:
    return f"a job fails {rule['failures']} times in a row"


_OF_KIND: Mapping[str, Callable[[Rule], str]] = {
    "share": _share,
    "change": _change,
    "drift": _drift,
    "volume": _volume,
    "spike": _spike,
    "silence": _silence,
    "budget": _budget,
    "jobs": _jobs,
}
