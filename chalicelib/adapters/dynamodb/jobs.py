"""Jobs over DynamoDB: each changes by one conditional UpdateItem, which a repetition recognises by what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

import msgspec

from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.job_items import (
    Value,
    attribute,
    body_of,
    job_item,
    job_key,
    job_of,
    line_key,
    line_of,
    message_of,
    page_item,
    page_key,
    page_of,
    pages_end,
)
from chalicelib.adapters.dynamodb.job_table import JobTable
from chalicelib.adapters.dynamodb.lines import count_call, give_ticket
from chalicelib.adapters.dynamodb.returns import count_return, returns_in
from chalicelib.adapters.dynamodb.table import LEASE_SHARDS, Attributes, primary
from chalicelib.domain.errors import StoreBusy, StoreUnavailable
from chalicelib.domain.jobs import Job, JobState, Line, Message, Page

_TRIES: Final = 8  # how often a job may change hands while it is cancelled
_QUEUED: Final[dict[str, Value]] = {":queued": "queued"}
_RUNNING: Final[dict[str, Value]] = {":running": "in_progress"}
_HELD: Final = "#state = :running AND #hold = :hold"


class DynamoJobs:
    """`Jobs` over DynamoDB. `mark` gives a word that no other call has: a begin whose reply got lost knows its own."""

    def __init__(self, database: Database, mark: Callable[[], str]) -> None:
        self._database = database
        self._table = JobTable(database)
        self._mark = mark

    def ticket(self, line: str) -> int:
        """One UpdateItem."""
        return give_ticket(self._database, line)

    def put(self, job: Job) -> None:
        """One PutItem, after a BatchWriteItem for the order."""
        order = body_of(job, "order", job.order)
        self._table.put_parts(order)
        with suppress(Unmet):
            self._table.put(job_item(job, order.name), "attribute_not_exists(pk)")

    def get(self, job_id: str) -> Job | None:
        """One GetItem, and one BatchGetItem where there is an outcome."""
        item = self._table.item(job_key(job_id))
        return self._table.whole(item, "outcome") if item else None

    def begin(self, job_id: str, now: float, lease_until: float) -> Job | None:
        """One UpdateItem and one BatchGetItem for the order; the first time one UpdateItem of the line."""
        mark = self._mark()
        changes = "SET #state = :running, #attempt = #attempt + :one, #hold = #hold + :one, #lease_until = :until, "
        changes += "#open_since = :until, #started_at = if_not_exists(#started_at, :now), #mark = :mark"
        free = "#state = :queued OR (#state = :running AND #lease_until < :now)"
        values: dict[str, Value] = {":one": 1, ":until": lease_until, ":now": now, ":mark": mark, **_QUEUED, **_RUNNING}
        try:
            item = self._table.update(job_id, changes, free, values)
        except Unmet as unmet:
            if unmet.item is None:
                return None
            item = unmet.item
            if job_of(item).over:
                return self._table.whole(item, "order", "outcome")
            if item.get("mark") != attribute(mark):
                return None
        job = self._table.whole(item, "order")
        if job is not None and job.hold == 1:
            count_call(self._database, job, now, called=True)
        return job

    def touch(self, job: Job, lease_until: float) -> Job | None:
        """One UpdateItem."""
        values: dict[str, Value] = {":until": lease_until, ":hold": job.hold, **_RUNNING}
        try:
            return job_of(self._table.update(job.id, "SET #lease_until = :until, #open_since = :until", _HELD, values))
        except Unmet:
            return None

    def defer(self, job: Job, due: float) -> bool:
        """One UpdateItem; what is found queued under its own hold was put back before."""
        values: dict[str, Value] = {":due": due, ":zero": 0, ":one": 1, ":hold": job.hold, **_QUEUED, **_RUNNING}
        changes = "SET #state = :queued, #attempt = #attempt - :one, #lease_until = :zero, #due = :due, "
        changes += "#open_since = :due"
        try:
            self._table.update(job.id, changes, _HELD, values)
        except Unmet as unmet:
            return _has(unmet.item, state="queued", hold=job.hold)
        return True

    def count_return(self, now: float) -> None:
        """One UpdateItem."""
        with suppress(StoreUnavailable):
            count_return(self._database, now)

    def returns(self, minutes: Sequence[int]) -> Sequence[int]:
        """One BatchGetItem, of at most 25 minutes."""
        return returns_in(self._database, minutes)

    def end(self, job: Job, state: JobState, outcome: bytes, now: float) -> bool:
        """One UpdateItem, after a BatchWriteItem for the outcome; one of the line where nobody began it."""
        ended = msgspec.structs.replace(job, state=state, ended_at=now)
        body = body_of(ended, "outcome", outcome)
        self._table.put_parts(body)
        values: dict[str, Value] = {":was": job.state, ":hold": job.hold, ":after": job.after}
        listens = "attribute_not_exists(#connection)"
        if job.connection is not None:
            listens, values[":connection"] = "#connection = :connection", job.connection
        condition = f"#state = :was AND #hold = :hold AND #after = :after AND {listens}"
        try:
            self._finish(ended, body.name, condition, values)
        except Unmet as unmet:
            if not _has(unmet.item, state=state, hold=job.hold, outcome=body.name):
                return False
        self._leave(job, now)
        return True

    def close(self, job: Job) -> None:
        """One UpdateItem."""
        with suppress(Unmet):
            condition = "attribute_exists(#open_shard) AND #hold = :hold"
            self._table.update(job.id, "REMOVE #open_shard, #open_since", condition, {":hold": job.hold})

    def cancel(self, job_id: str, now: float) -> Job | None:
        """One GetItem and one UpdateItem; where it was queued, one BatchGetItem, and one UpdateItem of its line."""
        for attempt in range(1, _TRIES + 1):
            item = self._table.item(job_key(job_id))
            job = job_of(item) if item else None
            if item is None or job is None:
                return None
            if job.over:
                return self._table.whole(item, "outcome")
            with suppress(Unmet):
                return self._cancel_queued(job, now) if job.state == "queued" else self._ask_to_stop(job)
            self._database.pause(attempt)
        raise StoreBusy("the job changed hands each time that it was to be cancelled")

    def line(self, name: str) -> Line:
        """One GetItem."""
        return line_of(self._table.item(line_key(name)) or {})

    def stale(self, before: float, now: float, limit: int) -> Sequence[Message]:
        """A Query for each shard of the open jobs, and an UpdateItem for each that is found."""
        found = (each for shard in LEASE_SHARDS for each in self._table.open_before(shard, before, limit))
        return [message_of(each) for each in islice(found, limit) if self._tell(each, now)]

    def keep(self, job: Job, page: Page) -> None:
        """One PutItem."""
        self._table.put(page_item(job, page))

    def pages(self, job_id: str, after: int) -> Iterator[Page]:
        """A Query; another before it where the beginning is left out, for the page that it falls into."""
        first = page_key(job_id, 1)
        if after:
            before = islice(self._table.between(first, page_key(job_id, after + 1), backwards=True), 1)
            first = next((primary(item) for item in before), first)
        found = self._table.between(first, pages_end(job_id))
        yield from (page for page in map(page_of, found) if page.last > after)

    def follow(self, job_id: str, connection: str, after: int) -> Job | None:
        """One UpdateItem, and a BatchGetItem where it is over."""
        values: dict[str, Value] = {":connection": connection, ":after": after, **_QUEUED, **_RUNNING}
        changes = "SET #connection = :connection, #after = :after"
        try:
            return job_of(self._table.update(job_id, changes, "#state IN (:queued, :running)", values))
        except Unmet as unmet:
            return self._table.whole(unmet.item, "outcome") if unmet.item else None

    def _cancel_queued(self, job: Job, now: float) -> Job | None:
        mark = self._mark()
        cancelled = msgspec.structs.replace(job, state="cancelled", ended_at=now)
        values: dict[str, Value] = {":was": "queued", ":hold": job.hold, ":mark": mark}
        nothing = body_of(cancelled, "outcome", b"")
        try:
            item = self._finish(cancelled, nothing.name, "#state = :was AND #hold = :hold", values, ", #mark = :mark")
        except Unmet as unmet:
            if unmet.item is None or not _has(unmet.item, state="cancelled", mark=mark):
                raise
            item = unmet.item
        self._leave(job, now)
        return self._table.whole(item, "order")

    def _ask_to_stop(self, job: Job) -> Job:
        values: dict[str, Value] = {":yes": True, **_RUNNING}
        return job_of(self._table.update(job.id, "SET #cancelling = :yes", "#state = :running", values))

    def _finish(
        self, ended: Job, outcome: str, condition: str, values: Mapping[str, Value], further: str = ""
    ) -> Attributes:
        """Let a job be over; it stays in the index of open ones until it is closed."""
        changes = (
            f"SET #state = :state, #ended_at = :now, #outcome = :outcome, #ttl = :ttl, #open_since = :now{further}"
        )
        end = {":state": ended.state, ":now": ended.ended_at or 0.0, ":outcome": outcome, ":ttl": int(ended.kept_until)}
        return self._table.update(ended.id, changes, condition, {**values, **end})

    def _leave(self, job: Job, now: float) -> None:
        """A job that ended is ahead of nobody; one that was begun left its line then."""
        if not job.hold:
            count_call(self._database, job, now, called=False)

    def _tell(self, found: Attributes, now: float) -> bool:
        """Whether nobody told of it, or took it up, since it was found."""
        values: dict[str, Value] = {":found": float(found["open_since"]["N"]), ":now": now}
        try:
            self._table.update(message_of(found).job, "SET #open_since = :now", "#open_since = :found", values)
        except Unmet:
            return False
        return True


def _has(item: Attributes | None, **values: Value) -> bool:
    """Whether an item is there and says so."""
    return item is not None and all(item.get(name) == attribute(value) for name, value in values.items())
