"""X's searches through tweepy, against the local server: incremental, whole, within the budget."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from servers.x import X
from x_visitor import QUERY, START, WINDOW, Clock, Visitor

from collectors.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    CollectorError,
    PolicyError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.post import Coverage, Window

RECENT, ALL = "/2/tweets/search/recent", "/2/tweets/search/all"


@pytest.fixture
def site() -> Iterator[X]:
    site = X(Clock(), page_posts=10)
    yield site
    site.close()


@pytest.fixture
def visitor(site: X) -> Visitor:
    clock = site.now
    assert isinstance(clock, Clock)
    return Visitor(site, clock)


def covered(visitor: Visitor, status: str) -> list[Coverage]:
    return [one for one in visitor.coverage if one.status == status]


def test_all_pages_come_and_the_next_run_asks_by_since_id(visitor: Visitor) -> None:
    visitor.settings["overlap"] = 2
    first = visitor.publish(25)
    visitor.collect()
    second = visitor.publish(3)
    visitor.collect()
    assert set(visitor.posts) == {*first, *second}
    asked = visitor.site.asked(RECENT)
    assert [("since_id" in one.query, "next_token" in one.query) for one in asked] == [
        (False, False),
        (False, True),
        (False, True),
        (True, False),
    ]


def test_a_run_rereads_no_more_than_the_overlap(visitor: Visitor) -> None:
    visitor.publish(100)
    visitor.collect()
    before = visitor.reads
    visitor.publish(1)
    visitor.collect()
    assert visitor.reads - before <= 61 + 1


def test_a_run_that_was_cut_short_goes_on_below(visitor: Visitor) -> None:
    visitor.publish(25)
    visitor.collect(pages=1)
    visitor.publish(1)
    visitor.collect()
    assert len(visitor.posts) == 26
    resumed = visitor.site.asked(RECENT)[1]
    assert {"since_id", "until_id"} <= resumed.query.keys()


def test_posts_are_what_the_platform_says_they_are(visitor: Visitor) -> None:
    posts = visitor.site.posts
    original = posts.add("the walkout begins", visitor.clock(), "ann", long_text="long walkout")
    reply = [{"type": "replied_to", "id": original}]
    quote = [{"type": "quoted", "id": original}]
    repost = [{"type": "retweeted", "id": original}]
    one = posts.add("walkout yes", visitor.clock(), "bob", references=reply, description="at work")
    two = posts.add("walkout no", visitor.clock(), "cid", references=quote, lang="de")
    three = posts.add("RT @ann: the walkout b…", visitor.clock(), "dan", references=repost)
    visitor.collect()
    found = visitor.posts
    assert [found[each].kind for each in (original, one, two, three)] == [
        "original",
        "reply",
        "quote",
        "repost",
    ]
    assert found[original].text == found[three].text == "long walkout"
    assert found[one].reference == original
    assert found[one].self_description == "at work"
    assert found[two].language == "de"
    assert found[one].author and found[one].author != "bob"


@pytest.mark.parametrize("generation", ["tweet", "post"])
@pytest.mark.parametrize("chosen", ["auto", "tweet", "post"])
def test_both_generations_of_field_names(visitor: Visitor, generation: str, chosen: str) -> None:
    visitor.site.generation = generation
    visitor.settings["field_names"] = chosen
    original = visitor.publish(1)[0]
    repost = [{"type": "retweeted", "id": original}]
    visitor.publish(1, references=repost)
    if chosen in ("auto", generation):
        visitor.collect()
        assert [post.kind for post in visitor.posts.values()] == ["repost", "original"]
    else:
        with pytest.raises(RefusedRequestError) as raised:
            visitor.collect()
        assert f"{chosen}.fields" in str(raised.value)


def test_a_server_that_ignores_the_names_it_does_not_know_is_found_out(visitor: Visitor) -> None:
    visitor.site.generation, visitor.site.ignores_unknown = "post", True
    published = visitor.publish(3)
    visitor.collect()
    assert set(visitor.posts) == set(published)
    assert visitor.rejections == []


def test_an_edit_is_a_revision_of_the_same_post(visitor: Visitor) -> None:
    (number,) = visitor.publish(1)
    visitor.collect()
    visitor.clock.forward(minutes=10)
    visitor.site.posts.edit(number, "the walkout, put better", visitor.clock())
    visitor.collect()
    (post,) = visitor.posts.values()
    assert (post.native_id, post.revision) == (number, 1)
    assert post.text == "the walkout, put better"
    assert post.created_at == START


def test_many_terms_are_several_queries_and_each_is_read_to_its_end(visitor: Visitor) -> None:
    terms = tuple(f"walkout{letter * 100}" for letter in "abcdefgh")
    visitor.query = replace(QUERY, terms=terms)
    ids = [visitor.site.posts.add(term, visitor.clock()) for term in terms]
    visitor.collect()
    assert set(visitor.posts) == set(ids)
    assert len({one.query["query"] for one in visitor.site.asked(RECENT)}) == 2


def test_what_was_covered_counts_for_no_more_than_the_queries_that_stay(visitor: Visitor) -> None:
    def told(terms: tuple[str, ...]) -> list[str]:
        visitor.query = replace(QUERY, terms=terms)
        visitor.publish(1)
        visitor.clock.forward(minutes=5)
        return [page.earlier for page in visitor.collect()]

    long = tuple(f"walkout{letter * 100}" for letter in "abcdefgh")
    assert set(told(("walkout",))) == {"complete"}
    others = told(long)
    assert others == ["gap", *["complete"] * (len(others) - 1)]
    assert set(told(long)) == {"complete"}
    more = told((*long, "strike"))
    assert more == ["partial", *["complete"] * (len(more) - 1)]
    assert set(told(long[:4])) == {"complete"}, "what is asked for less is asked for still"


def test_languages_can_be_left_to_the_platform(visitor: Visitor) -> None:
    visitor.settings["only_languages"] = True
    english = visitor.site.posts.add("the walkout", visitor.clock())
    visitor.site.posts.add("der walkout", visitor.clock(), lang="de")
    visitor.collect()
    assert set(visitor.posts) == {english}


def test_a_server_whose_ids_tell_no_time_is_read_whole(visitor: Visitor) -> None:
    site = X(visitor.clock, page_posts=10, by_time=False)
    other = Visitor(site, visitor.clock)
    other.publish(25)
    other.collect(pages=1)
    other.collect()
    other.publish(3)
    other.collect()
    site.close()
    assert len(other.posts) == 28


# What a search does not reach


def test_without_the_archive_what_is_too_old_is_a_gap(visitor: Visitor) -> None:
    visitor.site.posts.add("an old walkout", START - timedelta(days=15))
    recent = visitor.site.posts.add("a walkout", START - timedelta(days=5))
    visitor.collect()
    assert set(visitor.posts) == {recent}
    (gap,), (complete,) = covered(visitor, "gap"), covered(visitor, "complete")
    assert gap.reason == "beyond_recent_search"
    assert (gap.start, gap.end) == (WINDOW.start, complete.start)
    assert complete.end == START
    assert visitor.site.asked(ALL) == []


def test_a_window_that_is_out_of_reach_is_not_asked_for(visitor: Visitor) -> None:
    old = Window(START - timedelta(days=20), START - timedelta(days=15))
    visitor.collect(window=old)
    assert visitor.site.server.requests == []
    assert visitor.coverage == [Coverage(old.start, old.end, "gap", "beyond_recent_search")]


def test_a_backfill_asks_the_archive_for_its_window(visitor: Visitor) -> None:
    visitor.settings["full_archive"] = True
    old = Window(START - timedelta(days=18), START - timedelta(days=15))
    inside = [
        visitor.site.posts.add(f"walkout {n}", START - timedelta(days=16, seconds=n))
        for n in range(25)
    ]
    visitor.site.posts.add("walkout", START - timedelta(days=14))
    visitor.collect(window=old)
    assert set(visitor.posts) == set(inside)
    assert visitor.coverage == [Coverage(old.start, old.end, "complete")]
    asked = visitor.site.asked(ALL)
    assert {one.query["max_results"] for one in asked} == {"100"}
    assert len(visitor.clock.slept) == len(asked) - 1, "the archive takes a request a second"


def test_a_quiet_month_does_not_ask_the_archive(visitor: Visitor) -> None:
    visitor.settings["full_archive"] = True
    visitor.publish(2)
    visitor.collect()
    asked = len(visitor.site.asked(ALL))
    for _ in range(10):
        visitor.clock.forward(days=1)
        visitor.collect()
    assert len(visitor.site.asked(ALL)) == asked
    assert covered(visitor, "gap") == []


# Refusals


@pytest.mark.parametrize("value", [None, "", "   "])
def test_without_an_approval_nothing_is_asked(visitor: Visitor, value: str | None) -> None:
    visitor.settings["approval_reference"] = value or ""
    with pytest.raises(PolicyError) as raised:
        visitor.collect()
    assert "sources.x.approval_reference = " in raised.value.hint
    assert visitor.site.server.requests == []
    with pytest.raises(PolicyError):
        visitor.check(["1"])


def test_without_a_token_the_message_names_the_variable(visitor: Visitor) -> None:
    visitor.secrets = {}
    with pytest.raises(AuthenticationError) as raised:
        visitor.collect()
    assert "MONITOR_X_BEARER_TOKEN" in raised.value.hint


def test_a_wrong_token_stops_at_once(visitor: Visitor) -> None:
    visitor.secrets = {"bearer_token": "wrong"}
    with pytest.raises(AuthenticationError) as raised:
        visitor.collect()
    assert not raised.value.retryable
    assert "MONITOR_X_BEARER_TOKEN" in raised.value.hint
    assert "wrong" not in str(raised.value)
    assert len(visitor.site.server.requests) == 1
    assert covered(visitor, "gap")[0].reason == "refused"


def test_a_forbidden_endpoint_says_which_settings_to_change(visitor: Visitor) -> None:
    visitor.settings["full_archive"] = True
    visitor.site.forbidden = {"all"}
    with pytest.raises(AuthenticationError) as raised:
        visitor.collect()
    assert "sources.x.full_archive" in raised.value.hint


def test_requests_are_paced_by_the_headers(visitor: Visitor) -> None:
    visitor.site.limits["recent"] = 20
    visitor.publish(400)
    visitor.collect()
    assert len(visitor.posts) == 400
    statuses = len(visitor.site.asked(RECENT))
    assert statuses == 40, "no request was refused"
    assert max(visitor.clock.slept) <= 15 * 60
    assert len(visitor.clock.slept) > 2, "the last requests of a window are spread"


def test_a_429_is_waited_out_until_the_reset(visitor: Visitor) -> None:
    visitor.site.limits["recent"] = 1
    visitor.publish(5)
    visitor.collect()
    again = visitor.again()  # Another process, which knows nothing of the window.
    again.collect()
    assert len(visitor.site.asked(RECENT)) == 3
    assert 14 * 60 < sum(visitor.clock.slept) < 16 * 60


def test_one_bad_query_does_not_stop_the_others(visitor: Visitor) -> None:
    visitor.settings["query_characters"] = 600
    number = visitor.site.posts.add("walkout fine", visitor.clock())
    visitor.query = replace(QUERY, terms=("walkout" + "a" * 593, "walkout fine"))
    with pytest.raises(RefusedRequestError):
        visitor.collect()
    assert set(visitor.posts) == {number}
    assert covered(visitor, "partial")


# Costs


def test_reads_are_counted_as_the_platform_bills_them(visitor: Visitor) -> None:
    visitor.publish(25)
    visitor.collect()
    visitor.publish(4)
    visitor.collect()
    assert visitor.reads == visitor.site.reads > 29


def test_collection_stops_before_the_cap_and_says_so(visitor: Visitor) -> None:
    visitor.settings["monthly_reads"] = 60
    visitor.site.page_posts = 100
    visitor.publish(100)
    for _ in range(50):
        visitor.clock.forward(minutes=5)
        visitor.collect()
    assert visitor.reads == visitor.site.reads <= 60
    assert covered(visitor, "gap")[-1].reason == "budget"
    assert len(visitor.posts) > 0


def test_a_new_month_goes_on_where_the_old_one_stopped(visitor: Visitor) -> None:
    visitor.settings["monthly_reads"] = 60
    visitor.publish(100)
    visitor.collect()
    visitor.clock.now = START.replace(month=10, day=1, hour=0)
    visitor.reads = 0
    visitor.settings["monthly_reads"] = 1000
    visitor.settings["full_archive"] = True
    visitor.collect()
    assert len(visitor.posts) == 100
    assert covered(visitor, "complete")[-1].end >= START.replace(month=10, day=1, hour=0)


def test_from_four_fifths_on_the_rest_lasts_to_the_months_end(visitor: Visitor) -> None:
    visitor.settings["monthly_reads"] = 1000
    visitor.reads = 800
    for _ in range(60):
        visitor.publish(20)
        visitor.clock.forward(hours=12)
        visitor.collect()
        if visitor.clock() > START.replace(day=28):
            break
    used = visitor.reads - 800
    assert 100 < used <= 200, "slower, and not at once"


def test_the_plans_own_cap_is_no_failure_to_try_again(visitor: Visitor) -> None:
    visitor.site.capped = True
    with pytest.raises(BudgetExhaustedError) as raised:
        visitor.collect()
    assert not raised.value.retryable
    assert covered(visitor, "gap")[0].reason == "budget"


@pytest.mark.parametrize("kind", ["error_500", "hang_up", "malformed", "gzip_bomb"])
def test_giving_up_is_loud_and_the_next_run_makes_up_for_it(visitor: Visitor, kind: str) -> None:
    visitor.publish(5)
    visitor.site.server.fail_next(kind, times=5)
    with pytest.raises(CollectorError) as raised:
        visitor.collect()
    assert raised.value.retryable
    assert covered(visitor, "gap")
    visitor.clock.forward(minutes=5)
    visitor.collect()
    assert len(visitor.posts) == 5
    assert visitor.coverage[-1].status == "complete"
    assert visitor.coverage[-1].start == WINDOW.start or visitor.coverage[-2].status == "gap"


def test_a_server_that_says_nothing_is_given_up(visitor: Visitor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        visitor.settings |= {"base_url": address, "timeout": 0.05}
        with pytest.raises(UnavailableError):
            visitor.collect()
