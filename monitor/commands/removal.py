"""Commands that take away: `purge` (retention) and `forget` (on request)."""

from __future__ import annotations

import click

from collectors.post import Deletion
from monitor.commands.call import Call, with_call
from monitor.errors import UsageError


@click.command("purge")
@with_call
def purge_command(call: Call) -> None:
    """Deletes texts and pseudonyms that are past their time; figures stay."""
    counts = call.app.purge(call.topic)
    call.answer(dict(counts), f"{counts['posts']:,} posts lost text and pseudonym")


@click.command("forget")
@click.option("--platform", required=True, help="Where the post or the author is.")
@click.option("--author", help="The platform's author id (as the source delivers it).")
@click.option("--post", help="The platform's post id.")
@with_call
def forget_command(call: Call, platform: str, author: str | None, post: str | None) -> None:
    """Erases a post, or all posts of an author, from every topic, and refuses them from now on."""
    if (author is None) == (post is None):
        raise UsageError("give either --author or --post", hint="monitor forget --help")
    deletion = Deletion(platform.lower(), native_id=post, author=author, reason="forget")
    removed = {topic.name: call.app.forget(topic, deletion) for topic in call.app.topics.values()}
    call.answer(removed, f"{sum(removed.values()):,} posts erased")


COMMANDS = {"purge": purge_command, "forget": forget_command}
