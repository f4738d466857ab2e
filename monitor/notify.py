"""Delivers messages through Apprise: mail, chat, webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apprise

from monitor.errors import ConfigurationError
from monitor.observability import get_logger


class Teller:
    """Tells everybody who is to be told.

    Args:
        addresses: Apprise's URLs (`mailto://…`, `slack://…`, `json://…`); they hold secrets.

    Raises:
        ConfigurationError: One of them is none.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._apprise = apprise.Apprise()
        for number, address in enumerate(addresses, 1):
            if not self._apprise.add(address):
                raise ConfigurationError(
                    f"address {number} in MONITOR_ALERTS_URLS is not one that Apprise knows",
                    hint="see docs/alerts.md; the address is not shown here, it may hold a secret",
                )

    def tell(self, title: str, text: str, *, attachment: Path | None = None) -> bool:
        """Delivers a message to every address; returns whether all took it.

        Without an address the message is logged, and that counts as told.
        """
        if not len(self._apprise):
            get_logger().warning("alert", title=title, text=text)
            return True
        return bool(
            self._apprise.notify(
                title=title, body=text, attach=str(attachment) if attachment else None
            )
        )
