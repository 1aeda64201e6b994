"""How a tenant hears that a job is over: a message in the queue, and a worker that posts until it arrives.

    announce -> (queue) -> tell -> the tenant's server
                  ^          └── it did not take it: again, later and later
                  └──────────────┘

A message that comes twice is told twice, as the same event under the same id: the receiver knows the second for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import msgspec

from chalicelib.domain.jobs import Job, Message, Poison
from chalicelib.domain.notices import Told, body_of, event_of, wait_seconds
from chalicelib.domain.webhooks import Webhook, signed
from chalicelib.ports import Clock, JobQueue, Jobs, Keys
from chalicelib.ports.notices import Post, Record

MOST_DELAY: Final = 900  # what the queue can wait; longer waits are several


@dataclass(frozen=True, slots=True)
class Notices:
    """Tells tenants of the ends of their jobs, at least once; whoever ends a job waits for nobody's server."""

    jobs: Jobs
    keys: Keys
    queue: JobQueue
    post: Post
    record: Record
    clock: Clock

    def announce(self, job: Job) -> None:
        """Have the tenant told that a job is over, if it is to be. Called before the job's own message is done."""
        if job.notice:
            self.queue.send(Message(job.id, job.line, "notice"))

    def tell(self, message: Message) -> None:
        """Post a job's end to its tenant, or see to it that it is posted later. `Poison` where there is no such job."""
        if message.due > self.clock():
            self._later(message)
            return
        job = self.jobs.get(message.job)
        if job is None:
            raise Poison("no such job")
        if job.line != message.line:
            raise Poison("another tenant's job")
        tenant = self.keys.tagged_tenant(job.line)
        if job.over and tenant is not None and tenant.webhook is not None:
            self._post(job, tenant.webhook, message, tenant.tenant)

    def _post(self, job: Job, webhook: Webhook, message: Message, tenant: str) -> None:
        event, tries = event_of(job), message.tries + 1
        body = body_of(event)
        posted = self.post(webhook.url, signed(webhook, event.id, body, self.clock()), body)
        wait = wait_seconds(tries, posted)
        if wait is not None:
            self._later(msgspec.structs.replace(message, tries=tries, due=ceil(self.clock()) + wait))
        self.record(Told(event.id, event.type, tenant, tries, posted, wait))

    def _later(self, message: Message) -> None:
        self.queue.send(message, delay_seconds=min(MOST_DELAY, max(1, ceil(message.due - self.clock()))))
