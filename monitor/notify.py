"""Delivers messages through Apprise: mail, chat, webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import apprise
from apprise.plugins.slack import NotifySlack, SlackMode

from monitor.errors import ConfigurationError
from monitor.observability import get_logger


class Teller:
    """Tells everybody who is to be told.

    Args:
        addresses: Apprise's URLs (`mailto://…`, `slack://…`, `json://…`); they hold secrets. One
            that is none keeps no message from the others: `check` says so.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        # Led elsewhere, a message is asked for instead of delivered: that looks like success.
        asset = apprise.AppriseAsset(http_redirects=False)
        self._apprises: list[apprise.Apprise] = []
        self._unknown: list[int] = []
        self._taken: dict[str, set[int]] = {}
        for number, address in enumerate(addresses, 1):
            one = apprise.Apprise(asset=asset)
            if one.add(address):
                self._apprises.append(one)
            else:
                self._unknown.append(number)

    @property
    def addresses(self) -> int:
        """How many addresses there are."""
        return len(self._apprises) + len(self._unknown)

    @property
    def takers_of_files(self) -> int:
        """How many of them take a file with a message."""
        return sum(map(_takes_files, self._apprises))

    def check(self) -> None:
        """Looks whether every address is one.

        Raises:
            ConfigurationError: One of them is none.
        """
        for number in self._unknown:
            raise ConfigurationError(
                f"address {number} in MONITOR_ALERTS_URLS is not one that Apprise knows",
                hint="see docs/alerts.md; the address is not shown here, it may hold a secret",
            )

    def tell(
        self, title: str, text: str, *, message: str = "", attachment: Path | None = None
    ) -> bool:
        """Delivers a message to every address that is one; returns whether all took it.

        Without any address the message is logged, and that counts as told.

        Args:
            title: Its heading.
            text: What it says.
            message: Names it: tried again, those who have taken it are left out. Words do not
                name one, since another alert may have the same.
            attachment: A file that goes with it; addresses that take none are left out.
        """
        if not self._apprises:
            get_logger().warning("alert", title=title, text=text)
            return not self._unknown
        taken = self._taken.setdefault(message, set()) if message else set[int]()
        attach = str(attachment) if attachment else None
        if attach:
            taken |= {n for n, one in enumerate(self._apprises) if not _takes_files(one)}
        for number, one in enumerate(self._apprises):
            if number not in taken and one.notify(title=title, body=text, attach=attach):
                taken.add(number)
        if len(taken) < len(self._apprises):
            return False
        self._taken.pop(message, None)
        return True


def _takes_files(address: apprise.Apprise) -> bool:
    """Slack does where a bot speaks; its webhooks drop a file without an error."""
    return all(
        service.attachment_support and (not isinstance(service, NotifySlack) or _is_bot(service))
        for service in address
    )


def _is_bot(slack: NotifySlack) -> bool:
    return bool(slack.mode == SlackMode.BOT)


@cache
def teller_of(addresses: tuple[str, ...]) -> Teller:
    """Gives the teller of these addresses: the same again, as it knows who has taken what."""
    return Teller(addresses)
