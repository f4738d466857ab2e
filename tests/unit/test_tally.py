from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.pipeline.aggregate import tally_day
from monitor.store.values import VOLUME, CellKey, DayPost, DayPrediction

LABELS = ("negative", "neutral", "positive")

answers = st.sampled_from(LABELS).map(
    lambda label: (DayPrediction("sentiment", "", "v1", label, (5000, 3000, 2000)),)
)
posts = st.builds(
    DayPost,
    id=st.integers(1, 10_000),
    platform=st.sampled_from(["x", "mastodon"]),
    cohort=st.sampled_from(["employees", "public"]),
    language=st.sampled_from(["en", "und"]),
    kind=st.sampled_from(["original", "reply", "quote", "repost"]),
    author=st.one_of(st.none(), st.sampled_from([f"{n:032x}" for n in range(30)])),
    predictions=st.one_of(st.just(()), answers),
)


@given(st.lists(posts, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_posts_makes_no_difference(day: list[DayPost], random: object) -> None:
    shuffled = list(day)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tally_day(shuffled) == tally_day(day)


@given(st.lists(posts, max_size=60))
def test_every_post_is_counted_in_exactly_one_volume_cell(day: list[DayPost]) -> None:
    volume = [tally for key, tally in tally_day(day).items() if key.head == VOLUME]
    assert sum(tally.posts + tally.reposts for tally in volume) == len(day)


@given(st.lists(posts, max_size=60))
def test_label_counts_add_up_to_scored_opinions(day: list[DayPost]) -> None:
    scored = [tally for key, tally in tally_day(day).items() if key.head == "sentiment"]
    opinions = [post for post in day if post.kind != "repost" and post.predictions]
    assert sum(tally.posts for tally in scored) == len(opinions)
    assert all(sum(tally.label_counts.values()) == tally.posts for tally in scored)
    assert all(sum(tally.soft_sums.values()) == 10_000 * tally.posts for tally in scored)


def test_a_repost_is_volume_and_no_opinion() -> None:
    answer = (DayPrediction("sentiment", "", "v1", "positive", (0, 0, 10_000)),)
    repost = DayPost(1, "x", "public", "en", "repost", "a" * 32, answer)
    tallies = tally_day([repost])
    assert list(tallies) == [CellKey("x", "public", "en", VOLUME, "", "")]
    (volume,) = tallies.values()
    assert (volume.posts, volume.reposts, len(volume.authors)) == (0, 1, 0)


def test_a_volume_s_authors_are_those_of_opinions() -> None:
    reposts = [DayPost(n, "x", "public", "en", "repost", f"{n:032x}", ()) for n in range(11)]
    opinion = DayPost(11, "x", "public", "en", "original", "a" * 32, ())
    (volume,) = tally_day([*reposts, opinion]).values()
    assert (volume.posts, volume.reposts, volume.authors) == (1, 11, {"a" * 32})
