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
    host, access = settings.dashboard.host, settings.access
    is_local = host in LOOPBACK and not access.https
    if is_local or has_users or access.proxy_header:
        return
    behind = "behind a proxy (access.https) " if access.https else ""
    raise ConfigurationError(
        f"the dashboard would listen on {host} {behind}for everybody, and there are no users",
        hint="`monitor users add NAME --role admin` makes the first; "
        "without users use MONITOR_DASHBOARD__HOST=127.0.0.1, and no proxy",
    )
