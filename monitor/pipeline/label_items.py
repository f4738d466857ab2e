"""Posts as label files hold them: with people's answers, or waiting for some."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.labelfiles.record import Given, Item
from monitor.pipeline.classify import questions_of
from monitor.pipeline.label_review import LabelReview
from monitor.store.queries import Queries
from monitor.store.values import LabelSample, Question, StoredLabel, UnlabelledPost
from monitor.topic import Topic


def exported_items(queries: Queries, topic: Topic, *, texts: bool) -> list[Item]:
    """Returns every labelled post with its answers, sorted by day, platform and id.

    A post whose answers were chosen in several ways appears once for each.
    """
    known = (
        {
            (one.platform, one.native_id): (one.text, one.text_digest)
            for one in queries.examples(topic.name)
        }
        if texts
        else {}
    )
    grouped: dict[tuple[str, str, str], list[StoredLabel]] = {}
    for label in queries.labels(topic.name, *topic.span):
        key = (label.platform, label.native_id, label.sample)
        grouped.setdefault(key, []).append(label)
    items = []
    for (platform, native_id, sample), labels in grouped.items():
        text, digest = known.get((platform, native_id), ("", ""))
        items.append(Item(native_id, platform, text, sample, _given(labels), digest))
    return items


def _given(labels: Sequence[StoredLabel]) -> tuple[Given, ...]:
    return tuple(
        Given(
            head=label.head,
            target=label.target,
            label=label.label,
            annotator=label.annotator,
            at=label.labelled_at.isoformat(),
            decides=label.decides,
        )
        for label in labels
    )


def queue_items(
    queries: Queries,
    topic: Topic,
    review: LabelReview | None,
    *,
    choose: str,
    limit: int,
    random_part: float,
) -> tuple[list[Item], list[Question]]:
    """Returns posts that wait for answers, and the questions about them.

    Args:
        queries: Reads.
        topic: The topic.
        review: Whose conflicts or errors are to be settled; None for posts without labels.
        choose: `random`, `mixed`, `conflicts` or `errors`.
        limit: How many posts at most.
        random_part: Part of unlabelled posts that is drawn at random; the rest was chosen.
    """
    questions = questions_of(topic)
    if review is None:
        chosen = _chosen(queries, topic, round(limit * (1 - random_part)))
        posts = queries.unlabelled(
            topic.name, questions, topic.languages, limit=limit - len(chosen), days=topic.span
        )
        drawn = {(post.platform, post.native_id) for post in posts}
        others = [one for one in chosen if (one.platform, one.native_id) not in drawn]
        return [*(_item(post, post.sample) for post in posts), *others], questions
    if choose == "conflicts":
        disputed = [(one.post_id, (one.head, one.target), one.sample) for one in review.conflicts]
    else:
        disputed = [
            (one.post.post_id, (one.post.head, one.post.target), one.post.sample)
            for one in review.errors
        ]
    ids = list(dict.fromkeys(post_id for post_id, _, _ in disputed))[:limit]
    samples = {post_id: sample for post_id, _, sample in disputed}
    asked = {question for post_id, question, _ in disputed if post_id in ids}
    found = queries.posts_by_id(topic.name, ids)
    items = [_item(found[one], samples[one]) for one in ids if one in found]
    return items, [question for question in questions if question in asked]


def _chosen(queries: Queries, topic: Topic, limit: int) -> list[Item]:
    ids = queries.chosen_posts(topic.name, days=topic.span)[:limit]
    found = queries.posts_by_id(topic.name, ids)
    return [_item(found[one], "active") for one in ids if one in found]


def _item(post: UnlabelledPost, sample: LabelSample) -> Item:
    return Item(post.native_id, post.platform, post.text, sample, text_digest=post.text_digest)
