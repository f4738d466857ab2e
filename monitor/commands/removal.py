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
    call.answer(
        dict(counts),
        f"{counts['posts']:,} posts lost text and pseudonym, {counts['keys']:,} keys destroyed",
    )


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
    for topic, count in removed.items():
        if count:
            _name_models(call, topic)
    call.answer(removed, f"{sum(removed.values()):,} posts erased")


def _name_models(call: Call, topic: str) -> None:
    """Says which models have learned from what is gone."""
    for version, posts in sorted(call.app.queries.models_on_removed(topic).items()):
        call.say(
            f"{topic}: model {version} was trained on {posts:,} posts removed since; "
            f"`monitor retrain --topic {topic}` makes one that was not"
        )


COMMANDS = {"purge": purge_command, "forget": forget_command}
