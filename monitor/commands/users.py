"""`monitor users` and `monitor tokens`: who may use the dashboard and the API."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import click

from monitor.commands.call import Call, table, with_call
from monitor.errors import UsageError
from monitor.passwords import digest_of, hash_password, new_secret
from monitor.store.accounts import ROLES, Role

_NAME = re.compile(r"[\w.@+-]{1,100}")
_role_option = click.option("--role", type=click.Choice(ROLES), required=True)


@click.group("users")
def users_group() -> None:
    """Who may log in: viewers see figures, annotators label posts, admins do the rest."""


@users_group.command("add")
@click.argument("name")
@_role_option
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the password (default: asked for).",
)
@with_call
def add_user(call: Call, name: str, role: Role, password_file: Path | None) -> None:
    """Adds a user; of one that is there, it changes role and password and ends their sessions."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a user's name", hint="letters, digits and . _ - + @, at most 100"
        )
    if password_file is None:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = password_file.read_text(encoding="utf-8").rstrip("\r\n")
    call.app.accounts.save_user(name, role, hash_password(password), at=call.app.clock())
    call.app.store.log("command", "user_saved", {"user": name, "role": role})
    call.answer({"name": name, "role": role}, f"{name} may log in as {role}")


@users_group.command("role")
@click.argument("name")
@_role_option
@with_call
def role_command(call: Call, name: str, role: Role) -> None:
    """Gives a user another role, at once."""
    if not call.app.accounts.set_role(name, role):
        raise _unknown(name)
    call.app.store.log("command", "user_role", {"user": name, "role": role})
    call.answer({"name": name, "role": role}, f"{name} is {role} now")


@users_group.command("remove")
@click.argument("name")
@with_call
def remove_user(call: Call, name: str) -> None:
    """Removes a user and ends their sessions; their labels stay."""
    if not call.app.accounts.remove_user(name):
        raise _unknown(name)
    call.app.store.log("command", "user_removed", {"user": name})
    call.answer({"name": name, "removed": True}, f"{name} is gone")


@users_group.command("list")
@with_call
def list_users(call: Call) -> None:
    """Names and roles."""
    rows = [asdict(user) for user in call.app.accounts.users()]
    call.answer(rows, table(rows))


@click.group("tokens")
def tokens_group() -> None:
    """What programs send to the API: `Authorization: Bearer TOKEN`."""


@tokens_group.command("add")
@click.argument("label")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@with_call
def add_token(call: Call, label: str, role: Role) -> None:
    """Makes a token and shows it, this once."""
    secret = new_secret()
    number = call.app.accounts.add_token(label, role, digest_of(secret), at=call.app.clock())
    call.app.store.log("command", "token_added", {"token": number, "role": role})
    call.warn("Keep it now: it is not stored and cannot be shown again.")
    call.answer({"id": number, "label": label, "role": role, "token": secret}, secret)


@tokens_group.command("revoke")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@with_call
def revoke_token(call: Call, number: int) -> None:
    """Takes a token's right away, at once."""
    if not call.app.accounts.revoke_token(number, at=call.app.clock()):
        raise UsageError(f"there is no token {number} in force", hint="`monitor tokens list`")
    call.app.store.log("command", "token_revoked", {"token": number})
    call.answer({"id": number, "revoked": True}, f"token {number} is worth nothing now")


@tokens_group.command("list")
@with_call
def list_tokens(call: Call) -> None:
    """What tokens there are, when they were last used, and which are revoked."""
    rows = [asdict(token) for token in call.app.accounts.tokens()]
    call.answer(rows, table(rows))


def _unknown(name: str) -> UsageError:
    return UsageError(f"there is no user {name!r}", hint="`monitor users list`")


COMMANDS = {"users": users_group, "tokens": tokens_group}
