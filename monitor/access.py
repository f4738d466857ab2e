"""From where the dashboard may be reached without a login: this machine alone."""

from __future__ import annotations

from monitor.errors import ConfigurationError
from monitor.settings import Settings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def refuse_open_door(settings: Settings, *, has_users: bool) -> None:
    """Makes sure that what others can reach asks for a login.

    Raises:
        ConfigurationError: The dashboard would listen for others, and nobody could log in.
    """
    host = settings.dashboard.host
    if host in LOOPBACK or has_users or settings.access.proxy_header:
        return
    raise ConfigurationError(
        f"the dashboard would listen on {host} for everybody, and there are no users",
        hint="`monitor users add NAME --role admin` makes the first; "
        "without users use MONITOR_DASHBOARD__HOST=127.0.0.1",
    )
