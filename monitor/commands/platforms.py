"""What `monitor doctor` tells about platforms: their terms, and which line would allow them."""

from __future__ import annotations

from typing import Any

from collectors import platforms
from collectors.source import Source
from monitor.commands.call import Call, table
from monitor.errors import ConfigurationError


def check_platforms(call: Call) -> str:
    """Tells which platforms are on.

    Raises:
        ConfigurationError: One that is on may not or cannot be read, or its terms are not kept.
    """
    names = call.app.live.names()
    problems = {name: lines for name in names if (lines := obstacles(call, name))}
    if problems:
        raise ConfigurationError(
            f"{', '.join(problems)} may not be read like this",
            hint="; ".join(line for lines in problems.values() for line in lines),
        )
    contact = call.app.settings.sources.contact
    asking = f"as {contact}" if contact else "sources.contact is empty: nobody can write to you"
    return f"on: {', '.join(names)}; {asking}; terms below" if names else "on: none; terms below"


def obstacles(call: Call, name: str) -> list[str]:
    """What has to be set before a platform may be read, each as a line of configuration."""
    live = call.app.live
    return [
        *live.unmet(name),
        *(f"{variable}=...  # a secret, in the environment" for variable in live.missing(name)),
    ]


def platform_states(call: Call) -> list[dict[str, Any]]:
    """Every platform with its terms, as they were read on a date."""
    on = call.app.live.names()
    return [_state(call, platforms.load(name), is_on=name in on) for name in platforms.names()]


def _state(call: Call, source: Source, *, is_on: bool) -> dict[str, Any]:
    policy, needed = source.policy, obstacles(call, source.name)
    enabling = [] if is_on else [f"sources.{source.name}.enabled = true"]
    return {
        "platform": source.name,
        "title": source.title,
        "state": ("blocked" if needed else "on") if is_on else "off",
        "terms": policy.url,
        "read_on": policy.read_on.isoformat(),
        "requires": [
            {"line": f"{one.key} = {one.example}", "why": one.explanation}
            for one in policy.conditions
        ],
        "delete_within_hours": policy.deletion_hours,
        "keep_at_most_days": policy.retention_days,
        "may_store": policy.may_store,
        "notes": policy.notes,
        "cannot": list(source.cannot),
        "to_allow": [*enabling, *needed],
    }


def platform_text(states: list[dict[str, Any]]) -> str:
    """The same for a person."""
    rows = [
        {
            "platform": one["platform"],
            "state": one["state"],
            "terms read": one["read_on"],
            "deletions": _hours(one["delete_within_hours"]),
            "keep": _days(one["keep_at_most_days"]),
            "terms": one["terms"],
        }
        for one in states
    ]
    details = [
        f"{one['title']} ({one['platform']}): {one['may_store']}"
        + "".join(f"\n    needs: {line}" for line in one["to_allow"])
        for one in states
    ]
    return "\n".join([table(rows), "", *details])


def _hours(hours: int | None) -> str:
    return "no deadline" if hours is None else f"within {hours} h"


def _days(days: int | None) -> str:
    return "no limit" if days is None else f"{days} days"
