"""Posts that are deleted, edited, protected or suspended on X by now, against the local server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers.x import GONE, X
from x_visitor import Clock, Visitor

from collectors.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    CollectorError,
    UnavailableError,
)

JOBS, LOOKUP = "/2/compliance/jobs", "/2/tweets"


@pytest.fixture
def site() -> Iterator[X]:
    site = X(Clock())
    yield site
    site.close()


@pytest.fixture(params=["job", "lookup"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visitor(site: X, way: str) -> Visitor:
    clock = site.now
    assert isinstance(clock, Clock)
    return Visitor(site, clock, {"compliance": way})


@pytest.mark.parametrize("reason", sorted(GONE))
def test_what_is_gone_is_removed(visitor: Visitor, reason: str) -> None:
    stays, goes = visitor.publish(2)
    visitor.collect()
    visitor.site.posts.remove(goes, reason)
    visitor.check([stays, goes])
    assert set(visitor.posts) == {stays}
    (deletion,) = visitor.deletions
    assert (deletion.platform, deletion.native_id, deletion.author) == ("x", goes, None)


def test_an_edited_post_comes_in_its_last_revision(visitor: Visitor) -> None:
    (number,) = visitor.publish(1)
    visitor.collect()
    visitor.site.posts.edit(number, "the walkout, twice", visitor.clock())
    visitor.site.posts.edit(number, "the walkout, at last", visitor.clock())
    visitor.check([number])
    (post,) = visitor.posts.values()
    assert (post.native_id, post.revision, post.text) == (number, 2, "the walkout, at last")
    assert visitor.deletions == []


def test_an_edited_post_that_was_deleted_goes(visitor: Visitor) -> None:
    (number,) = visitor.publish(1)
    visitor.collect()
    visitor.site.posts.edit(number, "the walkout, twice", visitor.clock())
    visitor.site.posts.remove(number)
    visitor.check([number])
    assert visitor.posts == {}


def test_many_posts_are_asked_after_in_batches(visitor: Visitor) -> None:
    ids = visitor.publish(250)
    for number in ids[::50]:
        visitor.site.posts.remove(number)
    visitor.check(ids)
    assert {one.native_id for one in visitor.deletions} == set(ids[::50])


def test_ids_that_are_not_of_x_are_left_out(visitor: Visitor) -> None:
    visitor.check(["file:17", "", "٣", "9" * 40])
    assert visitor.site.server.requests == []


def test_reads_are_those_that_are_billed(visitor: Visitor, way: str) -> None:
    ids = visitor.publish(20)
    visitor.check(ids)
    assert visitor.reads == visitor.site.reads == (20 if way == "lookup" else 0)


@pytest.mark.parametrize("way", ["lookup"], indirect=True)
def test_lookups_stop_before_the_cap(visitor: Visitor) -> None:
    visitor.settings["monthly_reads"] = 100
    ids = visitor.publish(300)
    with pytest.raises(BudgetExhaustedError) as raised:
        visitor.check(ids)
    assert 'sources.x.compliance = "job"' in raised.value.hint
    assert visitor.reads <= 100


@pytest.mark.parametrize("way", ["auto"], indirect=True)
def test_a_token_without_jobs_looks_posts_up(visitor: Visitor) -> None:
    visitor.site.forbidden = {"jobs"}
    (number,) = visitor.publish(1)
    visitor.site.posts.remove(number)
    visitor.check([number])
    assert len(visitor.deletions) == 1
    assert len(visitor.site.asked(LOOKUP)) == 1


@pytest.mark.parametrize("way", ["job"], indirect=True)
class TestJobs:
    def test_a_job_is_polled_with_growing_pauses(self, visitor: Visitor) -> None:
        visitor.site.jobs.polls = 6
        visitor.check(visitor.publish(1))
        assert visitor.clock.slept == [5, 10, 20, 40, 60]

    def test_a_job_that_takes_too_long_is_fetched_by_the_next_run(self, visitor: Visitor) -> None:
        visitor.site.jobs.polls = 40
        (number,) = visitor.publish(1)
        visitor.site.posts.remove(number)
        with pytest.raises(UnavailableError) as raised:
            visitor.check([number])
        assert "not finished" in str(raised.value)
        visitor.check([number])
        assert len(visitor.deletions) == 1
        assert len(visitor.site.jobs.by_id) == 1, "one job, not two"

    def test_the_result_of_an_earlier_round_is_not_taken_again(self, visitor: Visitor) -> None:
        ids = visitor.publish(2)
        visitor.check(ids)
        visitor.site.posts.remove(ids[0])
        visitor.clock.forward(hours=8)
        visitor.check(ids)
        assert [one.native_id for one in visitor.deletions] == [ids[0]]

    def test_a_job_that_is_slower_than_every_run_removes_in_the_next_round(
        self, visitor: Visitor
    ) -> None:
        visitor.site.jobs.polls = 1000
        stays, goes = visitor.publish(2)
        visitor.collect()
        visitor.site.posts.remove(goes)
        for ids in ([stays, goes], [stays, goes, *visitor.publish(1)]):
            with pytest.raises(UnavailableError):
                visitor.check(ids)
            visitor.site.jobs.finish()
            visitor.clock.forward(hours=8)
        assert [one.native_id for one in visitor.deletions] == [goes]
        assert len(visitor.site.jobs.by_id) == 2

    def test_what_a_slow_job_says_of_posts_that_are_stored_no_more_is_left_out(
        self, visitor: Visitor
    ) -> None:
        visitor.site.jobs.polls = 1000
        goes, stays = visitor.publish(2)
        visitor.site.posts.remove(goes)
        with pytest.raises(UnavailableError):
            visitor.check([stays, goes])
        visitor.site.jobs.finish()
        visitor.clock.forward(hours=8)
        with pytest.raises(UnavailableError):
            visitor.check([stays])
        assert visitor.deletions == []

    def test_results_that_x_keeps_no_more_do_not_end_a_check(self, visitor: Visitor) -> None:
        (number,) = visitor.publish(1)
        visitor.check([number])
        (job,) = visitor.site.jobs.by_id.values()
        job["download_url"] = f"{visitor.site.jobs.url}/nothing"
        visitor.site.posts.remove(number)
        visitor.clock.forward(hours=8)
        visitor.check([number])
        assert [one.native_id for one in visitor.deletions] == [number]

    def test_a_job_without_its_ids_gets_them(self, visitor: Visitor) -> None:
        (number,) = visitor.publish(1)
        visitor.site.posts.remove(number)
        visitor.site.server.fail_next("error_500", 0)
        visitor.check([number])
        (job,) = visitor.site.jobs.by_id.values()
        job["status"] = "created"
        visitor.deletions.clear()
        visitor.check([number])
        assert len(visitor.deletions) == 1

    def test_a_failed_job_is_made_anew(self, visitor: Visitor) -> None:
        ids = visitor.publish(1)
        visitor.check(ids)
        next(iter(visitor.site.jobs.by_id.values()))["status"] = "failed"
        visitor.check(ids)
        assert len(visitor.site.jobs.by_id) == 2

    def test_another_job_that_runs_is_waited_for(self, visitor: Visitor) -> None:
        visitor.check(visitor.publish(1))
        next(iter(visitor.site.jobs.by_id.values()))["status"] = "in_progress"
        with pytest.raises(UnavailableError):
            visitor.check(visitor.publish(1))

    def test_lines_that_are_no_records_are_counted(self, visitor: Visitor) -> None:
        (number,) = visitor.publish(1)
        visitor.site.posts.remove(number)
        harmless = f'{{"id": "{number}", "action": "scrub_geo"}}'.encode()
        visitor.site.jobs.extra_lines = [b"no json", b'{"id": "1", "action": "delete"}', harmless]
        visitor.check([number])
        assert [one.native_id for one in visitor.deletions] == [number]
        assert [one.reason for one in visitor.rejections] == ["not_a_removal"] * 2

    def test_a_token_without_jobs_says_so(self, visitor: Visitor) -> None:
        visitor.site.forbidden = {"jobs"}
        with pytest.raises(AuthenticationError):
            visitor.check(visitor.publish(1))

    @pytest.mark.parametrize("kind", ["error_500", "rate_limited", "hang_up", "malformed"])
    def test_failures_are_survived(self, visitor: Visitor, kind: str) -> None:
        (number,) = visitor.publish(1)
        visitor.site.posts.remove(number)
        visitor.site.server.fail_next(kind, 2)
        visitor.check([number])
        assert len(visitor.deletions) == 1


def test_an_unknown_way_is_refused(site: X) -> None:
    assert isinstance(site.now, Clock)
    with pytest.raises(CollectorError) as raised:
        Visitor(site, site.now, {"compliance": "prayer"}).check(["1"])
    assert "auto, job, lookup" in raised.value.hint
