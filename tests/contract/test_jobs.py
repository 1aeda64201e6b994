"""Jobs: kept, begun by one worker at a time, ended once, and found again when nobody looks after them."""

import itertools
import random

import msgspec
import pytest

from chalicelib.adapters.dynamodb.jobs import DynamoJobs
from chalicelib.adapters.memory.jobs import MemoryJobs
from chalicelib.domain.jobs import (
    BUCKET_SECONDS,
    BUCKETS,
    RESULT_SECONDS,
    Job,
    Line,
    Message,
    Page,
    job_id,
    pace,
    position,
)
from tests.contract.samples import NOW, OWNER
from tests.contract.stores import WRITES

LEASE = 100.0
SOON = NOW + 7.25
LATER = NOW + LEASE + 0.5
LINE = "a-tenants-tag"
HUGE = random.Random(7).randbytes(1_000_000)


def a_job(number=1, **changes):
    made = Job(
        id=job_id(f"t-{number}"),
        owner=OWNER,
        line=LINE,
        ticket=number,
        created_at=NOW + 0.125,
        until=NOW + 600.0,
        order=b"an order",
    )
    return msgspec.structs.replace(made, **changes)


def without_order(job):
    return msgspec.structs.replace(job, order=b"")


def marks():
    return map(str, itertools.count()).__next__


@pytest.fixture
def jobs(stores):
    database = getattr(stores, "database", None)
    return DynamoJobs(database, marks()) if database else MemoryJobs()


def kept(jobs, *made):
    for job in made or (a_job(),):
        jobs.put(msgspec.structs.replace(job, ticket=jobs.ticket(job.line)))


def begun(jobs, number=1, now=SOON, lease=LEASE):
    return jobs.begin(job_id(f"t-{number}"), now, now + lease)


def told(jobs, before=NOW + 10**6, now=NOW + 10**6, limit=100):
    return {message.job for message in jobs.stale(before, now, limit)}


def test_a_job_is_found_as_it_was_kept(jobs):
    job = a_job(kind="response", notice=True, connection="c-1", after=3)

    jobs.put(job)

    assert jobs.get(job.id) == without_order(job)


@pytest.mark.parametrize("name", ["job_nobody", "job_", "", "t-1", "job_" + "x" * 200])
def test_what_nobody_kept_is_unknown_to_every_call(jobs, name):
    kept(jobs, a_job(2))
    unknown = a_job(id=name, state="in_progress", attempt=1, hold=1)
    name = unknown.id

    assert jobs.get(name) is None
    assert jobs.begin(name, NOW, NOW + LEASE) is None
    assert jobs.touch(unknown, NOW + LEASE) is None
    assert jobs.cancel(name, NOW) is None
    assert jobs.follow(name, "c-1", 0) is None
    assert not jobs.defer(unknown, NOW)
    assert not jobs.end(unknown, "completed", b"", NOW)
    assert list(jobs.pages(name, 0)) == []
    assert jobs.get(name) is None


def test_the_first_of_two_jobs_with_one_name_stays(jobs):
    jobs.put(a_job())
    jobs.put(a_job(order=b"another order", line="another"))

    assert begun(jobs).order == b"an order"
    assert jobs.get(a_job().id).line == LINE


@pytest.mark.parametrize("content", [b"", b"x", b"x\x9c", bytes(range(256)), b"a" * 10**6, HUGE])
def test_orders_and_outcomes_of_any_size_come_back_as_they_were(jobs, content):
    jobs.put(a_job(order=content))
    job = begun(jobs)

    assert job.order == content
    assert jobs.end(job, "completed", content, LATER)
    assert jobs.get(job.id).outcome == content
    assert begun(jobs).order == content


def test_a_worker_that_begins_has_the_job_for_a_while(jobs):
    kept(jobs)

    job = begun(jobs)

    times = {"started_at": SOON, "lease_until": SOON + LEASE}
    assert job == a_job(state="in_progress", attempt=1, hold=1, **times)
    assert jobs.get(job.id) == without_order(job)
    assert begun(jobs, now=SOON + 1) is None
    assert begun(jobs, now=SOON + LEASE) is None


def test_the_job_of_a_silent_worker_is_anothers(jobs):
    kept(jobs)
    first = begun(jobs)

    second = begun(jobs, now=SOON + LEASE + 1)

    assert (second.attempt, second.started_at, second.order) == (2, SOON, b"an order")
    assert jobs.touch(first, LATER + LEASE) is None
    assert not jobs.defer(first, LATER)
    assert not jobs.end(first, "completed", b"late", LATER)
    assert jobs.end(second, "completed", b"in time", LATER)


def test_a_worker_that_lives_keeps_its_job_and_hears_what_changed(jobs):
    kept(jobs)
    job = begun(jobs)
    jobs.cancel(job.id, SOON)
    jobs.follow(job.id, "c-2", 5)

    held = jobs.touch(job, LATER + LEASE)

    assert held == without_order(
        msgspec.structs.replace(job, lease_until=LATER + LEASE, cancelling=True, connection="c-2", after=5)
    )
    assert begun(jobs, now=LATER) is None


def test_a_job_that_is_over_is_nobodys(jobs):
    kept(jobs)
    job = begun(jobs)
    jobs.end(job, "completed", b"done", LATER)
    ended = msgspec.structs.replace(job, state="completed", outcome=b"done", ended_at=LATER)

    assert jobs.touch(job, LATER + LEASE) is None
    assert not jobs.defer(job, LATER)
    assert begun(jobs, now=LATER + 10**6) == ended
    assert jobs.cancel(job.id, LATER + 1) == without_order(ended)
    assert jobs.follow(job.id, "c-1", 2) == without_order(ended)
    assert jobs.get(job.id) == without_order(ended)


def test_what_is_over_is_kept_for_a_day_from_then_or_from_when_nobody_waits():
    waiting = a_job()

    assert waiting.kept_until == waiting.until + RESULT_SECONDS
    assert msgspec.structs.replace(waiting, ended_at=SOON).kept_until == waiting.until + RESULT_SECONDS
    late = waiting.until + 50
    assert msgspec.structs.replace(waiting, ended_at=late).kept_until == late + RESULT_SECONDS


def test_a_job_that_was_put_back_is_begun_again_and_the_attempt_does_not_count(jobs):
    kept(jobs)
    first = begun(jobs)

    assert jobs.defer(first, LATER)

    queued = jobs.get(first.id)
    assert (queued.state, queued.attempt, queued.ticket) == ("queued", 0, 1)
    second = begun(jobs, now=SOON + 1)
    assert (second.attempt, second.started_at) == (1, SOON)
    assert not jobs.defer(first, LATER)
    assert not jobs.end(first, "completed", b"late", LATER)
    assert jobs.touch(first, LATER) is None
    assert jobs.end(second, "completed", b"", LATER)


def test_a_job_that_nobody_began_can_be_ended(jobs):
    kept(jobs)
    job = jobs.get(a_job().id)

    assert jobs.end(job, "failed", b"too late", LATER)

    assert jobs.get(job.id) == without_order(a_job(state="failed", outcome=b"too late", ended_at=LATER))
    assert jobs.line(LINE).served == 1


def test_a_job_that_was_begun_meanwhile_is_not_ended_as_a_queued_one(jobs):
    kept(jobs)
    queued = jobs.get(a_job().id)
    begun(jobs)

    assert not jobs.end(queued, "failed", b"too late", LATER)
    assert jobs.get(queued.id).state == "in_progress"


@pytest.mark.parametrize(("state", "outcome"), [("failed", b"done"), ("completed", b"other")])
def test_another_end_is_not_the_same_end(jobs, state, outcome):
    kept(jobs)
    job = begun(jobs)
    jobs.end(job, "completed", b"done", LATER)

    assert not jobs.end(job, state, outcome, LATER)
    assert jobs.end(job, "completed", b"done", LATER + 1)
    assert (jobs.get(job.id).outcome, jobs.get(job.id).ended_at) == (b"done", LATER)


def test_an_end_waits_for_who_listens_by_now(jobs):
    kept(jobs)
    job = begun(jobs)
    followed = jobs.follow(job.id, "c-1", 0)
    assert not jobs.end(job, "completed", b"", LATER)
    moved = jobs.follow(job.id, "c-1", 4)
    assert not jobs.end(followed, "completed", b"", LATER)

    assert jobs.end(moved, "completed", b"", LATER)

    assert followed == without_order(msgspec.structs.replace(job, connection="c-1"))
    assert jobs.get(job.id).after == 4


def test_a_queued_job_that_is_cancelled_is_over_and_given_with_its_order(jobs):
    kept(jobs)

    cancelled = jobs.cancel(a_job().id, SOON)

    assert cancelled == a_job(state="cancelled", ended_at=SOON)
    assert jobs.cancel(a_job().id, LATER) == without_order(cancelled)
    assert begun(jobs) == cancelled
    assert jobs.line(LINE) == Line(1, 1, {})


def test_the_worker_of_a_job_is_asked_to_stop_and_ends_it(jobs):
    kept(jobs)
    job = begun(jobs)

    asked = jobs.cancel(job.id, SOON)

    assert asked == without_order(msgspec.structs.replace(job, cancelling=True))
    assert jobs.end(job, "cancelled", b"half", LATER)
    assert jobs.get(job.id).state == "cancelled"


def test_a_job_whose_worker_died_while_it_was_to_stop_says_so_to_the_next(jobs):
    kept(jobs)
    jobs.cancel(begun(jobs).id, SOON)

    assert begun(jobs, now=LATER + LEASE).cancelling


def test_tickets_of_each_line_are_counted_from_one(jobs):
    assert [jobs.ticket(LINE) for _ in range(3)] == [1, 2, 3]
    assert jobs.ticket("another") == 1
    assert jobs.line(LINE) == Line(3)
    assert jobs.line("nobody's") == Line()


def test_a_line_moves_once_for_each_job_however_often_it_is_begun(jobs):
    kept(jobs, *(a_job(number) for number in range(1, 5)))
    stretch = int(SOON) // BUCKET_SECONDS

    jobs.defer(begun(jobs, 1), SOON)
    begun(jobs, 1)
    begun(jobs, 1, now=LATER + LEASE)
    begun(jobs, 2)
    jobs.cancel(job_id("t-3"), SOON)

    line = jobs.line(LINE)
    assert line == Line(4, 3, {stretch: 2})
    assert position(4, line) == 1


def test_a_job_that_is_begun_again_after_many_others_does_not_move_its_line_again(jobs):
    kept(jobs, *(a_job(number) for number in range(1, 35)))
    for number in range(1, 35):
        begun(jobs, number)

    assert begun(jobs, 1, now=LATER + LEASE).attempt == 2

    assert jobs.line(LINE).served == 34


def test_a_job_without_a_ticket_stands_in_no_line(jobs):
    jobs.put(a_job(ticket=0))
    jobs.put(a_job(2, ticket=0))

    begun(jobs)
    jobs.cancel(job_id("t-2"), SOON)

    assert jobs.line(LINE) == Line()


def test_a_line_remembers_the_pace_of_a_minute(jobs):
    kept(jobs, *(a_job(number) for number in range(1, 41)))

    for number in range(1, 41):
        begun(jobs, number, now=NOW + 5 * number)

    line, now = jobs.line(LINE), NOW + 200
    assert (line.served, len(line.called)) == (40, BUCKETS)
    assert pace(line, now) == pytest.approx(0.2, rel=0.15)


def test_what_nobody_took_up_is_told_once_and_again_when_nobody_does_after(jobs):
    kept(jobs, a_job(1), a_job(2, created_at=NOW + 50.0))

    assert jobs.stale(NOW, NOW + 60, 10) == []
    assert jobs.stale(NOW + 1, NOW + 60, 10) == [Message(a_job().id, LINE)]
    assert told(jobs, before=NOW + 20, now=NOW + 80) == set()
    assert told(jobs, before=NOW + 51, now=NOW + 111) == {job_id("t-2")}
    assert told(jobs, before=NOW + 61, now=NOW + 121) == {job_id("t-1")}


def test_a_job_in_a_workers_hands_is_told_when_the_worker_is_silent(jobs):
    kept(jobs)
    job = begun(jobs)

    assert told(jobs, before=job.lease_until) == set()
    jobs.touch(job, job.lease_until + 50)
    assert told(jobs, before=job.lease_until + 50) == set()
    assert told(jobs, before=job.lease_until + 51) == {job.id}
    assert begun(jobs, now=job.lease_until + 51).attempt == 2


@pytest.mark.parametrize("ending", ["end", "cancel"])
def test_a_job_that_is_over_is_told_until_it_is_closed(jobs, ending):
    kept(jobs)
    if ending == "end":
        assert jobs.end(begun(jobs), "completed", b"done", LATER)
    else:
        assert jobs.cancel(a_job().id, LATER).over
    job = jobs.get(a_job().id)

    assert told(jobs, before=LATER, now=LATER) == set()
    assert told(jobs, before=LATER + 1, now=LATER + 1) == {job.id}
    jobs.close(job)
    jobs.close(job)
    assert told(jobs) == set()
    assert jobs.get(job.id).over


def test_jobs_that_were_put_back_are_counted_by_the_minute(jobs):
    minute = NOW // 60
    for number in range(40):
        jobs.count_return(minute * 60 + number * 0.377)
    jobs.count_return(minute * 60 - 0.001)

    assert list(jobs.returns([minute + 1, minute, minute - 1, minute - 2, minute - 3])) == [0, 40, 1, 0, 0]


def test_a_job_that_was_put_back_is_told_when_its_message_is_overdue(jobs):
    kept(jobs)
    jobs.defer(begun(jobs), LATER)

    assert told(jobs, before=LATER) == set()
    assert told(jobs, before=LATER + 0.5) == {a_job().id}


def test_no_more_are_told_than_are_asked_for_and_all_in_the_end(jobs):
    kept(jobs, *(a_job(number) for number in range(1, 31)))

    found = [jobs.stale(NOW + 10, NOW + 70, 8) for _ in range(5)]

    assert [len(each) for each in found] == [8, 8, 8, 6, 0]
    assert len({message.job for each in found for message in each}) == 30


def test_pages_are_read_from_any_number_on(jobs):
    pages = [Page(1, 3, (b"a", b"b", b"c")), Page(4, 4, (b"",)), Page(5, 11, (b"x",) * 7), Page(12, 12, (b"\xff",))]
    for page in reversed(pages):
        jobs.keep(a_job(), page)
    jobs.keep(a_job(2), Page(1, 100, (b"other",) * 100))

    for after in range(13):
        assert list(jobs.pages(a_job().id, after)) == [page for page in pages if page.last > after]


def test_a_page_that_is_kept_twice_is_one(jobs):
    page = Page(1, 2, (b"a", b"b"))

    jobs.keep(a_job(), page)
    jobs.keep(a_job(), page)

    assert list(jobs.pages(a_job().id, 0)) == [page]


def test_many_large_pages_come_whole(jobs):
    pages = [Page(number, number, (HUGE[:250_000],)) for number in range(1, 11)]
    for page in pages:
        jobs.keep(a_job(), page)

    assert list(jobs.pages(a_job().id, 0)) == pages


def resent(stores, place, call):
    """The reply to one of the writes of `call` is lost, and the SDK sends it again."""
    if not hasattr(stores, "hook"):
        return call()
    sendings = itertools.count()
    with stores.hook("needs-retry", WRITES, lambda **_: 0 if next(sendings) == place else None):
        return call()


def lost(stores, place, call):
    """The reply to one of the writes is lost for good, and the caller repeats the call."""
    if hasattr(stores, "fault"):
        with stores.fault("after-call", WRITES, skip=place), pytest.raises(Exception, match="got no answer"):
            call()
    return call()


FIRST_AND_SECOND = pytest.mark.parametrize("place", [0, 1])


@FIRST_AND_SECOND
def test_a_begin_whose_reply_got_lost_is_the_workers_that_made_it(stores, jobs, place):
    kept(jobs)

    job = resent(stores, place, lambda: begun(jobs))

    assert (job.attempt, job.order) == (1, b"an order")
    assert begun(jobs) is None
    assert jobs.line(LINE) == Line(1, 1, {int(SOON) // BUCKET_SECONDS: 1})


@FIRST_AND_SECOND
def test_a_cancel_whose_reply_got_lost_still_gives_the_order(stores, jobs, place):
    kept(jobs)

    cancelled = resent(stores, place, lambda: jobs.cancel(a_job().id, SOON))

    assert cancelled == a_job(state="cancelled", ended_at=SOON)
    assert jobs.line(LINE).served == 1


@pytest.mark.parametrize("repeat", [resent, lost])
@FIRST_AND_SECOND
def test_a_put_whose_reply_got_lost_is_one_job(stores, jobs, repeat, place):
    repeat(stores, place, lambda: jobs.put(a_job()))

    assert begun(jobs).order == b"an order"


@pytest.mark.parametrize("repeat", [resent, lost])
@FIRST_AND_SECOND
def test_an_end_whose_reply_got_lost_is_known_to_be_its_own(stores, jobs, repeat, place):
    kept(jobs)
    job = begun(jobs)

    assert repeat(stores, place, lambda: jobs.end(job, "completed", b"done", LATER))

    assert jobs.get(job.id).outcome == b"done"


@pytest.mark.parametrize("repeat", [resent, lost])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_end_of_a_queued_job_whose_reply_got_lost_moves_the_line_once(stores, jobs, repeat, place):
    kept(jobs, a_job(1), a_job(2))
    job = jobs.get(a_job().id)

    assert repeat(stores, place, lambda: jobs.end(job, "failed", b"late", LATER))

    assert jobs.line(LINE) == Line(2, 1)


@pytest.mark.parametrize("repeat", [resent, lost])
@pytest.mark.parametrize(
    ("call", "field", "value"),
    [
        (lambda jobs, job: jobs.defer(job, LATER), "attempt", 0),
        (lambda jobs, job: jobs.touch(job, LATER + LEASE), "lease_until", LATER + LEASE),
        (lambda jobs, job: jobs.follow(job.id, "c-9", 7), "after", 7),
        (lambda jobs, job: jobs.cancel(job.id, SOON), "cancelling", True),
    ],
    ids=["defer", "touch", "follow", "cancel"],
)
def test_a_change_whose_reply_got_lost_happens_once(stores, jobs, repeat, call, field, value):
    kept(jobs)
    job = begun(jobs)

    assert repeat(stores, 0, lambda: call(jobs, job))

    assert getattr(jobs.get(job.id), field) == value


@pytest.mark.parametrize("repeat", [resent, lost])
def test_a_ticket_whose_reply_got_lost_is_skipped_at_most(stores, jobs, repeat):
    first = repeat(stores, 0, lambda: jobs.ticket(LINE))

    assert first in {1, 2}
    assert jobs.ticket(LINE) == first + 1


def test_a_telling_whose_reply_got_lost_is_made_up_for_later(stores, jobs):
    kept(jobs)

    found = resent(stores, 0, lambda: told(jobs, before=NOW + 1, now=NOW + 61))

    assert found | told(jobs, before=NOW + 62, now=NOW + 122) == {a_job().id}


@pytest.fixture
def on_table(on_moto):
    return on_moto, DynamoJobs(on_moto.database, marks())


def rows(stores):
    return {item["sk"]["S"]: item for item in stores.client.scan(TableName=stores.database.tables.jobs)["Items"]}


def test_everything_goes_by_itself_and_parts_after_the_job_that_names_them(on_table):
    stores, jobs = on_table
    kept(jobs)
    jobs.keep(a_job(), Page(1, 1, (b"a",)))
    jobs.end(begun(jobs), "completed", b"done", NOW + 700)

    ends = {sk.partition("#")[0]: int(item["ttl"]["N"]) for sk, item in rows(stores).items()}

    assert ends.keys() == {"job", "line", "page", "order", "outcome"}
    assert ends["job"] == NOW + 700 + RESULT_SECONDS
    assert min(ends[part] for part in ("page", "order", "outcome")) > ends["job"]
    assert ends["line"] == int(SOON) + 86_400


def test_a_line_in_which_somebody_waits_does_not_go(on_table):
    stores, jobs = on_table
    kept(jobs)
    begun(jobs)

    jobs.ticket(LINE)

    assert "ttl" not in rows(stores)["line"]


def test_a_job_whose_parts_went_is_gone(on_table):
    stores, jobs = on_table
    kept(jobs)
    job = begun(jobs)
    jobs.end(job, "completed", HUGE, LATER)
    part = next(item for sk, item in rows(stores).items() if sk.startswith("outcome#") and sk.endswith("1"))

    stores.client.delete_item(TableName=stores.database.tables.jobs, Key={name: part[name] for name in ("pk", "sk")})

    assert jobs.get(job.id) is None


def test_every_change_of_a_job_and_its_line_is_of_an_item_below_a_kilobyte(on_table):
    stores, jobs = on_table
    kept(jobs, *(a_job(number, order=HUGE, line="t" * 32, owner="o" * 64) for number in range(1, 101)))
    for number in range(1, 101):
        job = begun(jobs, number, now=NOW + number)
        jobs.follow(job.id, "c" * 64, 10**6)

    sizes = [
        sum(len(name) + len(str(next(iter(value.values())))) for name, value in item.items())
        for sk, item in rows(stores).items()
        if sk in {"job", "line"}
    ]
    assert max(sizes) < 1024


@pytest.mark.parametrize(
    ("call", "requests"),
    [
        (lambda jobs, _: jobs.ticket(LINE), {"UpdateItem": 1}),
        (lambda jobs, _: jobs.put(a_job(3)), {"BatchWriteItem": 1, "PutItem": 1}),
        (lambda jobs, _: jobs.get(a_job().id), {"GetItem": 1}),
        (lambda jobs, _: begun(jobs, 2), {"UpdateItem": 2, "BatchGetItem": 1}),
        (lambda jobs, job: jobs.touch(job, LATER), {"UpdateItem": 1}),
        (lambda jobs, job: jobs.defer(job, LATER), {"UpdateItem": 1}),
        (lambda jobs, job: jobs.end(job, "completed", b"done", LATER), {"BatchWriteItem": 1, "UpdateItem": 1}),
        (lambda jobs, job: jobs.close(job), {"UpdateItem": 1}),
        (lambda jobs, job: jobs.cancel(job.id, LATER), {"GetItem": 1, "UpdateItem": 1}),
        (lambda jobs, _: jobs.cancel(job_id("t-2"), SOON), {"GetItem": 1, "UpdateItem": 2, "BatchGetItem": 1}),
        (lambda jobs, _: jobs.line(LINE), {"GetItem": 1}),
        (lambda jobs, job: jobs.keep(job, Page(1, 1, (b"a",))), {"PutItem": 1}),
        (lambda jobs, job: list(jobs.pages(job.id, 0)), {"Query": 1}),
        (lambda jobs, job: list(jobs.pages(job.id, 9)), {"Query": 2}),
        (lambda jobs, job: jobs.follow(job.id, "c-1", 0), {"UpdateItem": 1}),
        (lambda jobs, _: told(jobs), {"Query": 16, "UpdateItem": 2}),
    ],
)
def test_each_call_costs_what_it_says(on_table, call, requests):
    stores, jobs = on_table
    kept(jobs, a_job(1), a_job(2))
    job = begun(jobs)

    with stores.counted() as calls:
        call(jobs, job)

    assert calls == requests
