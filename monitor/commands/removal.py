"""Commands that take away: `purge` (retention) and `forget` (on request)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from collectors import platforms
from collectors.post import Deletion
from monitor.bootstrap.removal import (
    forget,
    forget_stored,
    purge,
    purge_stored,
    refuse_everywhere,
)
from monitor.commands.call import Call, with_call
from monitor.errors import ConfigurationError, MonitorError, UsageError

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application


class Identifier(click.ParamType[str]):
    """A platform or one of its ids; never quoted, as it may be a person's."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuses what no post or author can have, which would erase nothing."""
        if not value.strip():
            self.fail("it is empty", param, ctx)
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail("it is not UTF-8", param, ctx)
        return str(value)


@click.command("purge")
@with_call
def purge_command(call: Call) -> None:
    """Deletes texts and pseudonyms that are past their time; figures stay.

    Of every topic, unless one is named.
    """
    counts = _purged(call)
    posts, keys = (sum(one[what] for one in counts) for what in ("posts", "keys"))
    call.answer(
        {"posts": posts, "keys": keys},
        f"{posts:,} posts lost text and pseudonym, {keys:,} keys destroyed",
    )


def _purged(call: Call) -> list[Mapping[str, int]]:
    """What was purged of each topic."""
    app, without_file = call.app, call.app.topics_without_file()
    if call.topic_name in without_file:
        return [purge_stored(app, call.topic_name)]
    if call.topic_name is not None:
        return [purge(app, call.topic)]
    stored = [purge_stored(app, name) for name in without_file]
    return [*stored, *(purge(app, topic) for topic in app.topics.values())]


@click.command("forget")
@click.option(
    "--platform", type=Identifier(), required=True, help="Where the post or the author is."
)
@click.option(
    "--author", type=Identifier(), help="The author's id (docs/privacy.md: which, by platform)."
)
@click.option("--post", type=Identifier(), help="The platform's post id.")
@with_call
def forget_command(call: Call, platform: str, author: str | None, post: str | None) -> None:
    """Erases a post, or all posts of an author, from every topic, and refuses them from now on."""
    if (author is None) == (post is None):
        raise UsageError("give either --author or --post", hint="monitor forget --help")
    deletion = Deletion(platform.lower(), native_id=post, author=author, reason="forget")
    removed, left_out = _forget_everywhere(call.app, deletion)
    for topic, count in removed.items():
        if count:
            _name_models(call, topic)
    call.answer(removed, f"{sum(removed.values()):,} posts erased")
    if left_out:
        raise MonitorError(
            f"not erased from {', '.join(left_out)}: {call.app.settings.home / 'keys'} has not the "
            "keys of what is stored",
            hint="run it with the MONITOR_HOME that has them",
        )
    if not any(removed.values()):
        call.warn(_nothing_found(call.app, deletion))


def _nothing_found(app: Application, deletion: Deletion) -> str:
    """Says why nothing was erased, as far as it can be told without naming anybody."""
    topics = (*app.topics, *app.topics_without_file())
    if deletion.platform not in platforms.names() and not any(
        app.queries.has_posts(topic, platform=deletion.platform) for topic in topics
    ):
        return (
            "Beware: no stored post is of that platform, and none is called so; "
            f"known: {', '.join(platforms.names())}."
        )
    found = "has that id" if deletion.author is None else "is that author's, by that id"
    return (
        f"Beware: no stored post {found}. What comes later is refused all the same; "
        "docs/privacy.md (Erasure) says which id each platform goes by."
    )


def _forget_everywhere(app: Application, deletion: Deletion) -> tuple[dict[str, int], list[str]]:
    """Erased posts by topic, and the stored topics whose keys are elsewhere."""
    refuse_everywhere(app, deletion)
    removed = {topic.name: forget(app, topic, deletion) for topic in app.topics.values()}
    left_out = []
    for name in app.topics_without_file():
        try:
            removed[name] = forget_stored(app, name, deletion)
        except ConfigurationError:
            left_out.append(name)
    return removed, left_out


def _name_models(call: Call, topic: str) -> None:
    """Says which models have learned from what is gone."""
    for version, posts in sorted(call.app.queries.models_on_removed(topic).items()):
        call.say(
            f"{topic}: model {version} was trained on {posts:,} posts removed since; "
            f"`monitor retrain --topic {topic}` makes one that was not"
        )


COMMANDS = {"purge": purge_command, "forget": forget_command}
