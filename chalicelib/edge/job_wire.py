"""Jobs as callers see them: where work stands in line, and what came of it."""

from __future__ import annotations

from typing import Literal

import msgspec
from chalice.app import Response
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.jobs import JobState
from chalicelib.domain.outcomes import Done, Failed, outcome_of
from chalicelib.edge.chat_answer import ChatAnswer, answer_of
from chalicelib.edge.gateway import JSON, Headers
from chalicelib.edge.headers import limit_headers
from chalicelib.edge.problems import ErrorDetail, detail_of
from chalicelib.pipeline.lane import Waiting


class JobBody(Struct, frozen=True, kw_only=True):
    """A job. `position` and `eta_seconds` are there while it waits, `response` or `error` when it is over."""

    id: str
    object: Literal["job"] = "job"
    status: JobState
    created_at: int
    started_at: int | None
    ended_at: int | None
    position: int | UnsetType = UNSET
    eta_seconds: int | UnsetType = UNSET
    response: ChatAnswer | UnsetType = UNSET
    error: ErrorDetail | UnsetType = UNSET


def accepted(waiting: Waiting) -> Response:
    """202: the work was taken, and this is where to ask for it."""
    job = waiting.job
    headers: Headers = {
        "Content-Type": JSON,
        "Location": f"/v1/jobs/{job.id}",
        "Retry-After": str(max(1, waiting.eta_seconds)),
        "x-tidegate-job": job.id,
        "x-tidegate-cache": "miss",
        **limit_headers(waiting.limits),
    }
    return Response(msgspec.json.encode(job_body(waiting)).decode(), headers, 202)


def job_response(waiting: Waiting) -> Response:
    """200 with the job as it is."""
    return Response(msgspec.json.encode(job_body(waiting)).decode(), {"Content-Type": JSON})


def job_body(waiting: Waiting) -> JobBody:
    """A job by its public fields."""
    job, outcome = waiting.job, outcome_of(waiting.job)
    queued = job.state == "queued"
    return JobBody(
        id=job.id,
        status=job.state,
        created_at=int(job.created_at),
        started_at=None if queued or job.started_at is None else int(job.started_at),
        ended_at=None if job.ended_at is None else int(job.ended_at),
        position=waiting.position if queued else UNSET,
        eta_seconds=waiting.eta_seconds if queued else UNSET,
        response=answer_of(outcome.reply) if isinstance(outcome, Done) else UNSET,
        error=detail_of(outcome.fault) if job.state == "failed" and isinstance(outcome, Failed) else UNSET,
    )
