"""Responses that wait in line: kept as queued, and completed from what came of their jobs when somebody looks.

The job has the truth while it runs; the response has it once it was looked at after the job's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec

from chalicelib.domain.errors import NotFound, TidegateError
from chalicelib.domain.jobs import Job, job_id
from chalicelib.domain.outcomes import Done, Failed, outcome_of
from chalicelib.domain.outline import Step, outlined, retold
from chalicelib.domain.responses import Failure, StoredResponse, ended, failure_of, turn_of
from chalicelib.pipeline import work
from chalicelib.pipeline.services import Services

POLL_SECONDS: Final = 0.5
FORGOTTEN: Final = Failure("server_error", "Nobody looked for what came of this response while its job was kept.")


def keep(queued: StoredResponse, use: Services) -> None:
    """Remember a response whose job is in line; one that cannot be remembered is not worked on."""
    try:
        use.threads.keep(queued)
    except TidegateError:
        stop(queued, use)
        raise


def caught_up(response: StoredResponse, use: Services) -> StoredResponse:
    """The response as its job is by now; `NotFound` where it was deleted meanwhile."""
    if response.over:
        return response
    try:
        job = use.lane.find(response.owner, _job_of(response)).job
    except NotFound:
        return _settled(msgspec.structs.replace(response, status="failed", failure=FORGOTTEN), use)
    if not job.over:
        return msgspec.structs.replace(response, status=job.state)
    return _settled(_ended(response, job), use)


def stop(response: StoredResponse, use: Services) -> None:
    """End the job of a response, or have the worker stop that is at it."""
    with suppress(NotFound):
        work.cancel(response.owner, _job_of(response), use)


def followed(response: StoredResponse, use: Services) -> Iterator[Step | StoredResponse]:
    """What is said of a response from its beginning on, and each state that it comes to.

    It ends early where the job takes longer than a caller is kept waiting: whoever asks again goes on from there.
    """
    now, until = caught_up(response, use), use.clock() + use.lane.patience_seconds
    while now.status == "queued":
        if use.clock() > until:
            return
        now = _later(now, use)
    yield msgspec.structs.replace(beginning(now), status="in_progress")
    while not now.over:
        if use.clock() > until:
            return
        now = _later(now, use)
    yield from retold(now.output)
    yield now


def beginning(response: StoredResponse) -> StoredResponse:
    """The response as it was when it joined the line."""
    changes = {"usage": None, "reason": None, "failure": None, "completed_at": None}
    return msgspec.structs.replace(response, status="queued", output=(), **changes)


def _later(response: StoredResponse, use: Services) -> StoredResponse:
    use.lane.pause(POLL_SECONDS)
    return caught_up(response, use)


def _job_of(response: StoredResponse) -> str:
    return job_id(turn_of(response.id))


def _ended(response: StoredResponse, job: Job) -> StoredResponse:
    outcome = outcome_of(job)
    if isinstance(outcome, Failed) and job.state == "failed":
        return msgspec.structs.replace(response, status="failed", failure=failure_of(outcome.fault))
    if not isinstance(outcome, Done):
        return msgspec.structs.replace(response, status="cancelled")
    completion = outcome.completion
    whole = ended(response, completion.finish_reason, completion.usage, job.ended_at or job.created_at)
    if job.state == "cancelled":
        whole = msgspec.structs.replace(whole, status="cancelled", completed_at=None, reason=None)
    output = outlined(completion, "completed" if whole.status == "completed" else "incomplete")
    return msgspec.structs.replace(whole, output=output)


def _settled(response: StoredResponse, use: Services) -> StoredResponse:
    if not use.threads.responses.replace(response):
        raise NotFound("response", response.id)
    return response
