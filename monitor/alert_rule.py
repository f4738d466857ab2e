"""An alert rule: its keys, and whether they fit a topic."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from classifiers.heads import head as head_named
from classifiers.heads import reported_heads
from collectors import platforms
from monitor.problem import mistake, nearest
from monitor.toml_table import Name, Table

Kind = Literal["share", "change", "drift", "volume", "spike", "silence", "budget", "jobs"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OF_KIND: Mapping[Kind, tuple[str, ...]] = {
    "share": ("head", "target", "label", "cohort", "above", "below", "hysteresis", "coverage"),
    "change": ("head", "target", "label", "cohort", "days", "coverage"),
    "drift": ("head", "target"),
    "volume": ("times", "least", "days", "coverage"),
    "spike": ("window_hours", "times", "least", "days", "coverage"),
    "silence": ("source", "hours"),
    "budget": ("source", "part"),
    "jobs": ("failures",),
}
"""The keys that each kind goes by, besides those of every rule."""
_OF_EVERY = ("name", "kind", "cool_down_hours", "grace_hours")
_FROM_FILES = ("file", "sample")
"""Where posts come from besides platforms; `silence` watches them by name alone."""


class AlertTable(Table):
    """`[[alerts]]`: what somebody wants to be told about; docs/alerts.md explains each key."""

    name: Name
    kind: Kind
    head: str = "stance"
    target: str = ""
    label: str = ""
    cohort: str = "all"
    above: float | None = Field(None, ge=0, le=1)
    below: float | None = Field(None, ge=0, le=1)
    hysteresis: float = Field(0.02, ge=0, le=1)
    coverage: float = Field(0.8, ge=0, le=1)
    days: int = Field(7, ge=3, le=60)
    times: float = Field(3.0, gt=1, le=1000)
    least: int = Field(50, ge=1)
    window_hours: int = Field(3, ge=1, le=24)
    source: str = ""
    hours: float = Field(24.0, gt=0, le=8760)
    part: float = Field(0.9, gt=0, le=1)
    failures: int = Field(3, ge=1, le=100)
    cool_down_hours: float = Field(24.0, ge=0, le=8760)
    grace_hours: float = Field(48.0, ge=0, le=8760)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind in ("share", "change") and not self.label:
            raise mistake("a rule about a share needs the label it is about", 'label = "favor"')
        if self.kind == "share" and (self.above is None) == (self.below is None):
            raise mistake("a share crosses one line", "set either above or below")
        return self


def misfits(
    rule: Mapping[str, Any], targets: Sequence[str], cohorts: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Tells which keys the kind does not go by, or name what is not there: key, message, hint.

    Args:
        rule: As written, maybe without its defaults.
        targets: The topic's, by name.
        cohorts: The topic's, by name.
    """
    kind = rule.get("kind")
    own = OF_KIND[kind] if kind in KINDS else tuple(AlertTable.model_fields)
    for key in rule:
        if key in AlertTable.model_fields and key not in (*own, *_OF_EVERY):
            yield key, f'"{kind}" does not go by it', nearest(key, own)
    for key, names in _known(rule, targets, cohorts).items():
        value = rule.get(key)
        if key in own and isinstance(value, str) and value and value not in names:
            yield key, f'there is no {key} "{value}" here', nearest(value, names)


def _known(
    rule: Mapping[str, Any], targets: Sequence[str], cohorts: Sequence[str]
) -> dict[str, Sequence[str]]:
    """What each key of a rule can name."""
    heads = [one.name for one in reported_heads()]
    known: dict[str, Sequence[str]] = {"cohort": ("all", "public", *cohorts), "head": heads}
    files = () if rule.get("kind") == "budget" else _FROM_FILES
    known["source"] = (*platforms.names(), *files)
    if rule.get("head", "stance") in heads:
        head = head_named(rule.get("head", "stance"))
        known["label"] = head.labels
        known |= {"target": targets} if head.takes_target else {}
    return known


def completed(rule: AlertTable, targets: Sequence[str]) -> dict[str, Any]:
    """Returns a rule with all defaults: about the headline's target unless it says another."""
    values = rule.model_dump()
    takes_target = any(one.name == rule.head and one.takes_target for one in reported_heads())
    if takes_target and not rule.target and "target" in OF_KIND[rule.kind]:
        values["target"] = targets[0]
    return values


def judged_by(rule: Mapping[str, Any]) -> str:
    """Returns a digest of what a rule says: of its kind and the keys that the kind goes by."""
    kind: Kind = rule["kind"]
    said = {key: rule[key] for key in ("kind", *OF_KIND[kind])}
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).hexdigest()
