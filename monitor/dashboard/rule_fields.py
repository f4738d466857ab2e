"""The fields of the form that an alert rule is made with, and what is typed into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from classifiers.heads import reported_heads
from collectors import platforms
from monitor import problem
from monitor.alert_rule import OF_KIND, AlertTable, Kind, completed, misfits
from monitor.dashboard import words
from monitor.problem import Problem
from monitor.topic import Topic

KIND_WORDS: Mapping[Kind, str] = {
    "share": "a share crosses a line with its whole interval",
    "change": "a share changes for two days or more",
    "drift": "the audit labels do not explain the scores any more",
    "volume": "many more posts a day than usual",
    "spike": "many more posts than in the same hours of earlier days",
    "silence": "a source falls silent",
    "budget": "a source is, or will be, over its budget",
    "jobs": "a job fails again and again",
}
_OF_ALL = ("cool_down_hours", "grace_hours")
_NO_GRACE = ("silence", "budget", "jobs")
_PERCENT = ("above", "below", "hysteresis", "coverage", "part")
_WHOLE = ("days", "least", "window_hours", "failures")
_TITLES = {
    "head": "Question",
    "target": "Target (of a stance)",
    "label": "Answer",
    "cohort": "Who",
    "above": "Above, in percent",
    "below": "Or below, in percent",
    "hysteresis": "Over once it comes back by, in points",
    "coverage": "Only days (hours) collected to, in percent",
    "days": "Days before to compare with",
    "times": "Times the usual",
    "least": "And posts at least",
    "window_hours": "Length, in hours",
    "source": "Source",
    "hours": "Nothing for, in hours",
    "part": "Part of the month's reads used, in percent",
    "failures": "Failures in a row",
    "cool_down_hours": "Quiet after an end, in hours",
    "grace_hours": "Closed without new figures after, in hours",
}


@dataclass(frozen=True, slots=True)
class RuleField:
    """One field: a number to type, or one of `options` (value, title) to choose."""

    name: str
    title: str
    value: str
    options: tuple[tuple[str, str], ...] = ()


def rule_fields(kind: Kind, topic: Topic, values: Mapping[str, Any]) -> list[RuleField]:
    """Returns the fields of a kind's form, filled with a rule's values."""
    names = (*OF_KIND[kind], *(one for one in _OF_ALL if one not in _left_out(kind)))
    return [RuleField(n, _TITLES[n], _shown(n, values), _options(n, topic)) for n in names]


def defaults(kind: Kind, topic: Topic) -> dict[str, Any]:
    """Returns the values that a new rule of a kind starts with."""
    fields = {name: one.default for name, one in AlertTable.model_fields.items()}
    named = {"kind": kind, "name": "", "target": topic.targets[0].name, "label": "favor"}
    line = {"above": 0.5} if kind == "share" else {}
    return fields | named | line


def read_rule(
    typed: Mapping[str, str], topic: Topic
) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Checks what was typed as a topic file's rule is checked.

    Returns:
        The rule and no problem, or None and every problem.
    """
    raw, problems = _converted(typed)
    if any(one.name == raw.get("head") and not one.takes_target for one in reported_heads()):
        raw.pop("target", None)
    found: AlertTable | None = None
    try:
        found = AlertTable.model_validate(raw)
    except ValidationError as exc:
        problems += problem.problems_of(exc, AlertTable, problem.dotted, manual="docs/alerts.md")
    targets = [one.name for one in topic.targets]
    wrong = misfits(raw, targets, [one.name for one in topic.cohorts])
    problems += [Problem(key, message, hint) for key, message, hint in wrong]
    if found is None or problems:
        return None, problems
    return completed(found, targets), []


def _converted(typed: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """Turns texts into the types of a topic file; what is empty is left to its default."""
    raw: dict[str, Any] = {}
    problems = []
    for name, text in typed.items():
        if not text.strip():
            continue
        try:
            raw[name] = _value(name, text.strip())
        except ValueError:
            told = f"{text[:40]!r} is not a number"
            problems.append(Problem(_TITLES.get(name, name), told, "write it in digits"))
    return raw, problems


def _value(name: str, text: str) -> Any:
    if name in _WHOLE:
        return int(text)
    if name in _PERCENT:
        return round(float(text) / 100, 6)
    if name in ("times", "hours", "cool_down_hours", "grace_hours"):
        return float(text)
    return text


def _shown(name: str, values: Mapping[str, Any]) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if name in _PERCENT and isinstance(value, float):
        return f"{100 * value:g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _options(name: str, topic: Topic) -> tuple[tuple[str, str], ...]:
    heads = sorted(reported_heads(), key=lambda one: one.name != "stance")
    found: dict[str, Sequence[tuple[str, str]]] = {
        "head": [(one.name, words.head_word(one.name)) for one in heads],
        "target": [(one.name, one.text) for one in topic.targets],
        "label": [(label, words.label_word(label)) for head in heads for label in head.labels],
        "cohort": [("all", "everybody"), *((c, c) for c in _cohorts(topic))],
        "source": [("", "any"), *((one, one) for one in platforms.names())],
    }
    return tuple(found.get(name, ()))


def _cohorts(topic: Topic) -> list[str]:
    return ["public", *(one.name for one in topic.cohorts)] if topic.cohorts else []


def _left_out(kind: Kind) -> tuple[str, ...]:
    return ("grace_hours",) if kind in _NO_GRACE else ()
