"""Many workers over the same jobs, on engines that hold under concurrency: one of them has each, once."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from chalicelib.adapters.dynamodb.jobs import DynamoJobs
from chalicelib.domain.jobs import Job, job_id
from tests.contract.samples import NOW, OWNER
from tests.contract.stores import dynamo_stores

WORKERS = 8
ROUNDS = 12
LEASE = 100.0
LINE = "a-tenants-tag"
HUGE = random.Random(7).randbytes(800_000)


@pytest.fixture
def jobs(endpoint):
    stores = dynamo_stores(endpoint, concurrent=True)
    return DynamoJobs(stores.database, map(str, itertools.count()).__next__)


def at_once(*calls):
    """All calls at one moment, each in a thread of its own; what each gives."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def queued(jobs, number, **changes):
    job = Job(
        id=job_id(f"t-{number}"),
        owner=OWNER,
        line=LINE,
        ticket=jobs.ticket(LINE),
        created_at=float(NOW),
        until=NOW + 600.0,
        order=b"an order",
    )
    jobs.put(msgspec.structs.replace(job, **changes))
    return jobs.get(job.id)


def running(jobs, number):
    return jobs.begin(queued(jobs, number).id, NOW + 1.0, NOW + LEASE)


def test_tickets_given_at_once_are_all_different(jobs):
    given = at_once(*[lambda: [jobs.ticket(LINE) for _ in range(25)]] * WORKERS)

    assert sorted(itertools.chain(*given)) == list(range(1, 25 * WORKERS + 1))
    assert jobs.line(LINE).tickets == 25 * WORKERS


def test_of_many_workers_one_begins_a_job_and_the_line_moves_once(jobs):
    for number in range(1, ROUNDS + 1):
        job = queued(jobs, number)

        begun = at_once(*[lambda job=job: jobs.begin(job.id, NOW + 1.0, NOW + LEASE)] * WORKERS)

        assert [each.attempt for each in begun if each] == [1]
        assert jobs.line(LINE).served == number


def test_of_many_workers_one_takes_over_from_a_silent_one(jobs):
    for number in range(1, ROUNDS + 1):
        job = running(jobs, number)

        begun = at_once(*[lambda job=job: jobs.begin(job.id, NOW + LEASE + 1, NOW + 2 * LEASE)] * WORKERS)

        assert [each.attempt for each in begun if each] == [2]


def test_of_a_cancel_and_a_begin_either_is_first_and_both_know(jobs):
    for number in range(1, ROUNDS + 1):
        job = queued(jobs, number)

        cancelled, begun = at_once(
            lambda job=job: jobs.cancel(job.id, NOW + 1.0), lambda job=job: jobs.begin(job.id, NOW + 1.0, NOW + LEASE)
        )

        stored = jobs.get(job.id)
        if stored.state == "cancelled":
            assert (begun.state, cancelled.order) == ("cancelled", b"an order")
        else:
            assert (begun.state, stored.state, stored.cancelling) == ("in_progress", "in_progress", True)
            assert (cancelled.cancelling, cancelled.order) == (True, b"")
        assert jobs.line(LINE).served == number


def test_of_many_cancels_one_ends_a_job(jobs):
    for number in range(1, ROUNDS + 1):
        job = queued(jobs, number)

        cancelled = at_once(*[lambda job=job: jobs.cancel(job.id, NOW + 1.0)] * WORKERS)

        assert {each.state for each in cancelled} == {"cancelled"}
        assert [each.order for each in cancelled].count(b"an order") == 1
        assert jobs.line(LINE).served == number


def test_who_follows_a_job_that_ends_is_told_of_the_end_or_keeps_it_from_ending(jobs):
    for number in range(1, ROUNDS + 1):
        job = running(jobs, number)

        ended, followed = at_once(
            lambda job=job: jobs.end(job, "completed", b"done", NOW + 2.0),
            lambda job=job: jobs.follow(job.id, "c-1", 0),
        )

        assert ended == followed.over
        assert followed.outcome == (b"done" if ended else b"")
        assert followed.connection == (None if ended else "c-1")


def test_a_job_ends_once_whoever_ends_it(jobs):
    for number in range(1, ROUNDS + 1):
        first = running(jobs, number)
        second = jobs.begin(first.id, NOW + LEASE + 1, NOW + 2 * LEASE)
        ends = [(job, bytes([place])) for place, job in enumerate((first, second) * (WORKERS // 2))]

        ended = at_once(*[lambda job=job, text=text: jobs.end(job, "completed", text, NOW + 2.0) for job, text in ends])

        assert ended.count(True) == 1
        job, text = ends[ended.index(True)]
        assert (job.hold, jobs.get(job.id).outcome) == (2, text)


def test_a_reader_never_sees_half_an_outcome(jobs):
    for number in range(1, 4):
        job = running(jobs, number)

        seen = at_once(
            lambda job=job: jobs.end(job, "completed", HUGE, NOW + 2.0),
            *[lambda job=job: [jobs.get(job.id) for _ in range(10)]] * 3,
        )

        for each in itertools.chain(*seen[1:]):
            assert each.outcome == (HUGE if each.over else b"")
        assert jobs.get(job.id).outcome == HUGE


def test_a_job_is_put_back_or_told_that_it_is_to_stop(jobs):
    for number in range(1, ROUNDS + 1):
        job = running(jobs, number)

        deferred, cancelled = at_once(
            lambda job=job: jobs.defer(job, NOW + 9.0), lambda job=job: jobs.cancel(job.id, NOW + 1.0)
        )

        assert deferred
        stored = jobs.get(job.id)
        assert (stored.state, stored.cancelling) in {("cancelled", False), ("queued", True)}
        assert cancelled.over == stored.over


def test_sweeps_at_once_tell_of_each_job_once(jobs):
    for number in range(1, 41):
        queued(jobs, number)

    told = at_once(*[lambda: jobs.stale(NOW + 10.0, NOW + 70.0, 100)] * 4)

    assert sorted(message.job for message in itertools.chain(*told)) == sorted(job_id(f"t-{n}") for n in range(1, 41))
    assert jobs.stale(NOW + 70.0, NOW + 130.0, 100) == []


def test_a_job_that_is_begun_while_it_is_told_of_is_not_lost(jobs):
    for number in range(1, ROUNDS + 1):
        job = queued(jobs, number)

        begun, _ = at_once(
            lambda job=job: jobs.begin(job.id, NOW + 11.0, NOW + LEASE), lambda: jobs.stale(NOW + 10.0, NOW + 11.0, 100)
        )

        assert begun.attempt == 1
        assert job.id in {each.job for each in jobs.stale(NOW + LEASE + 1, NOW + LEASE + 2, 100)}


def test_a_line_whose_tickets_are_called_by_many_at_once_counts_each(jobs):
    made = [queued(jobs, number) for number in range(1, 161)]
    shares = [made[place::WORKERS] for place in range(WORKERS)]

    at_once(*[lambda mine=mine: [jobs.begin(job.id, NOW + 1.0, NOW + LEASE) for job in mine] for mine in shares])

    line = jobs.line(LINE)
    assert (line.tickets, line.served, sum(line.called.values())) == (160, 160, 160)
