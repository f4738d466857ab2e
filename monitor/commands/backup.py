"""`monitor backup` and `monitor restore`: everything that cannot be made again, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from monitor.bootstrap.backups import backup_step, restore_step
from monitor.commands.call import Call, with_call
from monitor.errors import UsageError
from monitor.sealing import write_new_key

_SHOWN = 5


@click.command("backup")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--keys/--no-keys",
    "with_keys",
    default=None,
    help="Whether the keys of pseudonyms come along (default: where it is encrypted).",
)
@click.option(
    "--keep", type=click.IntRange(min=1), help="Remove all but this one and the newest N-1 others."
)
@click.option(
    "--new-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Make a key to encrypt with, write it into this file, and do nothing else.",
)
@with_call
def backup_command(
    call: Call, folder: Path | None, with_keys: bool | None, keep: int | None, new_key: Path | None
) -> None:
    """Copies database, keys, models and configuration into a new file in FOLDER, checked."""
    if new_key is not None:
        public = write_new_key(new_key)
        call.answer(
            {"key": str(new_key), "public": public},
            f"{new_key} opens and locks; keep it elsewhere. This locks only: {public}",
        )
        return
    if folder is None:
        raise UsageError("say which folder the backup goes into", hint="monitor backup --help")
    made = backup_step(call.app).backup(folder, with_keys=with_keys, keep=keep)
    if not made.sealed:
        call.say("It is not encrypted: whoever reads the file reads the posts. See --new-key.")
    if not made.keys:
        call.say("The keys of pseudonyms are not in it: keep home/keys apart, or give --keys.")
    if made.left_out:
        call.say(_left_out(made.left_out))
    words = (
        f"{made.path}: {made.size / 1e6:.1f} MB, {made.files} files, "
        f"{made.rows.get('posts', 0):,} posts, {made.keys} keys, "
        f"{'encrypted' if made.sealed else 'not encrypted'}, "
        f"{'read back and compared' if made.read_back else 'checked before it was locked'}"
    )
    call.answer(asdict(made), words + (f"; {made.dropped} older removed" if made.dropped else ""))


@click.command("restore")
@click.argument("backup", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--check", "only_check", is_flag=True, help="Read it whole, and write nothing.")
@with_call
def restore_command(call: Call, backup: Path, only_check: bool) -> None:
    """Puts a backup back into an empty home; refuses to overwrite anything."""
    held = restore_step(call.app).restore(backup, only_check=only_check)
    call.answer(
        {**asdict(held), "written": not only_check},
        f"{backup.name} of {held.created_at}, program {held.program}: {held.files} files, "
        f"{held.rows.get('posts', 0):,} posts, {held.keys} keys; "
        + ("sound, nothing written" if only_check else "restored"),
    )
    if only_check:
        return
    if held.beside:
        call.say(f"{held.beside} configuration file(s) differ: see home/restored-config.")
    if not held.keys:
        call.say("Put home/keys back before collecting: without them authors are counted anew.")
    call.say(
        f"What was deleted, forgotten or revoked after {held.created_at} is back: repeat "
        "`monitor forget`, `monitor users` and `monitor tokens` of that time, and run "
        "`monitor purge`."
    )


def _left_out(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (
        "Not in it, as a backup holds only plain files whose names are of letters, digits and "
        f"_ . @ + -: {', '.join(names[:_SHOWN])}{more}. Rename what you need, and back up again."
    )


COMMANDS = {"backup": backup_command, "restore": restore_command}
