"""Jobs and lines in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from threading import RLock
from typing import Any

import msgspec

from chalicelib.domain.jobs import BUCKET_SECONDS, BUCKETS, Job, JobState, Line, Message, Page


class MemoryJobs:
    """`Jobs` in plain dicts behind one lock."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._jobs: dict[str, Job] = {}
        self._lines: dict[str, Line] = {}
        self._pages: dict[str, dict[int, Page]] = {}
        self._open_since: dict[str, float] = {}
        self._returns: Counter[int] = Counter()

    def ticket(self, line: str) -> int:
        """One more than were given out."""
        with self._lock:
            known = self.line(line)
            self._lines[line] = msgspec.structs.replace(known, tickets=known.tickets + 1)
            return known.tickets + 1

    def put(self, job: Job) -> None:
        """The first one stays."""
        with self._lock:
            if job.id not in self._jobs:
                self._jobs[job.id] = job
                self._open_since[job.id] = job.created_at

    def get(self, job_id: str) -> Job | None:
        """The job without its order."""
        with self._lock:
            job = self._jobs.get(job_id)
            return msgspec.structs.replace(job, order=b"") if job else None

    def begin(self, job_id: str, now: float, lease_until: float) -> Job | None:
        """Under the lock, like every change."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.over:
                return job
            if job.state == "in_progress" and job.lease_until >= now:
                return None
            if not job.hold:
                self._move(job, now)
            self._open_since[job_id] = lease_until
            started = now if job.started_at is None else job.started_at
            counts = {"attempt": job.attempt + 1, "hold": job.hold + 1}
            return self._change(job, state="in_progress", lease_until=lease_until, started_at=started, **counts)

    def touch(self, job: Job, lease_until: float) -> Job | None:
        """The lease alone changes."""
        with self._lock:
            if self._held(job) is None:
                return None
            self._open_since[job.id] = lease_until
            return _bare(self._change(self._jobs[job.id], lease_until=lease_until))

    def defer(self, job: Job, due: float) -> bool:
        """True as well where it was put back before, and nobody began it since."""
        with self._lock:
            held = self._held(job)
            if held is None:
                known = self._jobs.get(job.id)
                return known is not None and (known.state, known.hold) == ("queued", job.hold)
            self._open_since[job.id] = due
            self._change(held, state="queued", attempt=held.attempt - 1, due=due, lease_until=0.0)
            return True

    def count_return(self, now: float) -> None:
        """By the minute."""
        with self._lock:
            self._returns[int(now) // 60] += 1

    def returns(self, minutes: Sequence[int]) -> Sequence[int]:
        """As they were counted."""
        return [self._returns[minute] for minute in minutes]

    def end(self, job: Job, state: JobState, outcome: bytes, now: float) -> bool:
        """The same end by the same attempt is a repetition."""
        with self._lock:
            known = self._jobs.get(job.id)
            if known is None or known.hold != job.hold:
                return False
            if known.over:
                return (known.state, known.outcome) == (state, outcome)
            if (known.state, known.connection, known.after) != (job.state, job.connection, job.after):
                return False
            self._end(known, state, outcome, now)
            return True

    def close(self, job: Job) -> None:
        """It is open no more."""
        with self._lock:
            self._open_since.pop(job.id, None)

    def cancel(self, job_id: str, now: float) -> Job | None:
        """At once where nobody holds it."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.over:
                return self.get(job_id)
            if job.state == "queued":
                return self._end(job, "cancelled", b"", now)
            return _bare(self._change(job, cancelling=True))

    def line(self, name: str) -> Line:
        """As it is."""
        with self._lock:
            return self._lines.get(name, Line())

    def stale(self, before: float, now: float, limit: int) -> Sequence[Message]:
        """The oldest first."""
        with self._lock:
            since = sorted((since, job_id) for job_id, since in self._open_since.items() if since < before)
            found = [job_id for _, job_id in since[:limit]]
            self._open_since.update(dict.fromkeys(found, now))
            return [Message(job_id, self._jobs[job_id].line) for job_id in found]

    def keep(self, job: Job, page: Page) -> None:
        """By its first number."""
        with self._lock:
            self._pages.setdefault(job.id, {})[page.first] = page

    def pages(self, job_id: str, after: int) -> Iterator[Page]:
        """Those that were there when the first was asked for."""
        with self._lock:
            kept = sorted(self._pages.get(job_id, {}).items())
        yield from (page for _, page in kept if page.last > after)

    def follow(self, job_id: str, connection: str, after: int) -> Job | None:
        """Unless it is over."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.over:
                return self.get(job_id)
            return _bare(self._change(job, connection=connection, after=after))

    def _held(self, job: Job) -> Job | None:
        """The job as it is, where its worker has it still."""
        known = self._jobs.get(job.id)
        return known if known and (known.state, known.hold) == ("in_progress", job.hold) else None

    def _end(self, job: Job, state: JobState, outcome: bytes, now: float) -> Job:
        if not job.hold:
            self._move(job, None)
        self._open_since[job.id] = now
        return self._change(job, state=state, outcome=outcome, ended_at=now)

    def _change(self, job: Job, **changes: Any) -> Job:
        self._jobs[job.id] = changed = msgspec.structs.replace(job, **changes)
        return changed

    def _move(self, job: Job, called_at: float | None) -> None:
        """One ticket less is ahead of the others; None where nobody called it."""
        if not job.ticket:
            return
        known = self.line(job.line)
        called = dict(known.called)
        if called_at is not None:
            newest = int(called_at) // BUCKET_SECONDS
            called[newest] = called.get(newest, 0) + 1
            called = {each: count for each, count in called.items() if each > newest - BUCKETS}
        self._lines[job.line] = msgspec.structs.replace(known, served=known.served + 1, called=called)


def _bare(job: Job) -> Job:
    return msgspec.structs.replace(job, order=b"", outcome=b"")
