"""The life of a turn that waited in line, told from where a worker takes it up.

    begin -> route -> model -> end (the outcome is kept) -> settle -> store
       └── saturated: back into the line

The outcome is kept before the turn is charged. So whoever finds a job that is over charges it again, which changes
nothing where it was charged before: a worker may die at any line of this story, and any message may come twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from chalicelib.domain.errors import JobExpired, ModelUnavailable, QueueUnavailable, StoreUnavailable, TidegateError
from chalicelib.domain.estimate import counted
from chalicelib.domain.jobs import Job, Message, Poison
from chalicelib.domain.outcomes import Done, Failed, failed, outcome_of
from chalicelib.domain.routing import Saturated
from chalicelib.pipeline.lane import Waiting, is_worn_out
from chalicelib.pipeline.orders import resumed
from chalicelib.pipeline.run import Run
from chalicelib.pipeline.services import Services

EXPIRED: Final = "The job waited in line for longer than anybody waits for it."
WORN_OUT: Final = "The workers that tried to answer it ended before they could."


def complete(message: Message, use: Services) -> None:
    """Do the work that a message names, or find it done: one effect, however often and wherever it is called."""
    if message.errand == "notice":
        use.notices.tell(message)
        return
    job = use.lane.begin(message)
    if job is None:
        return
    run = resumed(job, use)
    if job.over:
        close(job, run)
        use.notices.announce(job)
    elif job.cancelling:
        _stop(job, run)
    elif use.clock() > job.until:
        _fail(job, run, JobExpired(EXPIRED))
        raise Poison("too old")
    elif is_worn_out(job) or (job.attempt > 1 and not run.purse.forfeit()):
        _fail(job, run, ModelUnavailable(WORN_OUT))
    else:
        _answer(job, run, use)


def cancel(owner: str, job_id: str, use: Services) -> Waiting:
    """End a job that waits, and give its charge back; or have the worker stop that is at it. How it is now."""
    job = use.lane.cancel(owner, job_id)
    if job.state == "cancelled" and job.order:
        close(job, resumed(job, use))
        with suppress(QueueUnavailable):  # its message is still to come, and finds it over
            use.notices.announce(job)
    return use.lane.standing(job)


def close(job: Job, run: Run) -> None:
    """Charge a job that is over, as it ended; once, however often."""
    outcome = outcome_of(job)
    if isinstance(outcome, Done):
        run.settle(outcome.completion, outcome.head.target, cut=outcome.cut)
    else:
        run.abandon(burned=outcome is not None and outcome.burned)


def _answer(job: Job, run: Run, use: Services) -> None:
    try:
        outcome = run.tried(use.router.complete)
    except StoreUnavailable:
        raise  # nothing is known of the turn: the message comes again
    except TidegateError as fault:
        _fail(job, run, fault)
        return
    if isinstance(outcome, Saturated):
        use.lane.defer(job, outcome.retry_after_seconds)
        return
    completion, routed = outcome
    completion = counted(run.opened.request, completion)
    head = run.head(routed, run.burned(completion))
    if use.lane.end(job, "cancelled" if job.cancelling else "completed", Done(head, completion)):
        run.end(routed, completion)
        use.notices.announce(job)


def _stop(job: Job, run: Run) -> None:
    """End a job that nobody wants any more, before a model was asked."""
    stopped = Failed("Cancelled", "The job was cancelled.", burned=job.attempt > 1)
    if run.use.lane.end(job, "cancelled", stopped):
        run.abandon(burned=stopped.burned)
        run.use.notices.announce(job)


def _fail(job: Job, run: Run, fault: TidegateError) -> None:
    if run.use.lane.end(job, "failed", failed(fault)):
        run.fail(fault)
        run.use.notices.announce(job)
