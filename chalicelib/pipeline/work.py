"""The life of a turn that waited in line, told from where a worker takes it up.

    begin -> route -> model -> end (the outcome is kept) -> settle -> store -> close
       │        └── for a connection, piece by piece: see `trip`
       └── saturated: back into the line

The outcome is kept before the turn is charged. So whoever finds a job that is over charges it again, which changes
nothing where it was charged before: a worker may die at any line of this story, and any message may come twice. Until
a job is closed, its message is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

import msgspec

from chalicelib.domain.chat import Completion, Delta
from chalicelib.domain.errors import JobExpired, ModelUnavailable, QueueUnavailable, StoreUnavailable, TidegateError
from chalicelib.domain.estimate import counted
from chalicelib.domain.jobs import MOST_ATTEMPTS, Job, JobState, Message, Poison, spills_in
from chalicelib.domain.outcomes import Done, Failed, Outcome, failed, outcome_of, packed
from chalicelib.domain.routing import Saturated
from chalicelib.domain.turn import Head
from chalicelib.pipeline.ahead import Call
from chalicelib.pipeline.gathering import TOUCH_SECONDS, Gathering
from chalicelib.pipeline.lane import Waiting, is_worn_out
from chalicelib.pipeline.orders import resumed
from chalicelib.pipeline.routing.attempts import Routed
from chalicelib.pipeline.run import Run
from chalicelib.pipeline.services import Services
from chalicelib.pipeline.trip import Trip

Streamed: TypeAlias = tuple[Iterator[Delta], Routed] | Saturated
Asked: TypeAlias = Call[Streamed]

EXPIRED: Final = "The job waited in line for longer than anybody waits for it."
WORN_OUT: Final = "The workers that tried to answer it ended before they could."
BROKEN_OFF: Final = "The worker that was answering it ended in the middle."


def complete(message: Message, use: Services) -> None:
    """Do the work that a message names, or find it done: one effect, however often and wherever it is called."""
    if message.errand == "notice":
        use.notices.tell(message)
        return
    if message.errand == "erasure":
        use.eraser.go_on(message.job, partial(cancel, use=use))
        return
    job = use.lane.begin(message)
    if job is None:
        return
    run = resumed(job, use)
    if job.over:
        _charge(job, run)
        _close(job, use)
    else:
        _take_up(job, run, use)


def _take_up(job: Job, run: Run, use: Services) -> None:
    """Answer a job that this attempt holds, unless nobody may hear it, or it is too late, or was tried too often."""
    if job.cancelling or not use.gate.stands(run.opened.principal.key_id):
        _stop(job, run, burned=job.attempt > 1)
    elif use.clock() > job.until:
        _fail(job, run, JobExpired(EXPIRED))
        raise Poison("too old")
    elif job.attempt > 1 and (said := use.courier.said(job)) is not None:
        _break_off(job, run, said)
    elif is_worn_out(job) or (job.attempt > 1 and not run.purse.forfeit()):
        _fail(job, run, ModelUnavailable(WORN_OUT))
    else:
        _answer(job, run, use)


def cancel(owner: str, job_id: str, use: Services) -> Waiting:
    """End a job that waits, and give its charge back; or have the worker stop that is at it. How it is now."""
    job = use.lane.cancel(owner, job_id)
    if job.state == "cancelled" and job.order:
        _charge(job, resumed(job, use))
        with suppress(QueueUnavailable):  # its message is still to come, and finds it over
            _close(job, use)
        _tell(job, use)
    return use.lane.standing(job)


def _charge(job: Job, run: Run) -> None:
    """Charge a job that is over, as it ended; once, however often."""
    outcome = outcome_of(job)
    if isinstance(outcome, Done):
        run.settle(outcome.completion, outcome.head.target, cut=outcome.cut)
    elif outcome is not None and outcome.said is not None:
        run.settle(outcome.said, outcome.target, cut=True)
    else:
        run.abandon(burned=outcome is not None and outcome.burned)


def _answer(job: Job, run: Run, use: Services) -> None:
    if job.connection is not None:
        _stream(job, run, use)
        return
    outcome = _asked(job, run)
    if outcome is None:
        return
    deltas, routed = outcome
    said = Gathering(job, use.lane)
    said.gather(deltas)
    if said.fault is not None and said.job.hold < MOST_ATTEMPTS and run.purse.forfeit():
        use.lane.defer(said.job, 1)  # nobody heard it: it may be answered anew
    elif not said.is_lost:
        _close_up(said, run, routed, use)


def _close_up(said: Gathering, run: Run, routed: Routed, use: Services) -> None:
    """End a job whose answer was gathered, as far as it came."""
    completion = counted(run.opened.request, said.completion)
    done = Done(run.head(routed, run.burned(completion)), completion, cut=not said.is_whole)
    outcome = done if said.fault is None else failed(said.fault, completion, routed.target)
    state: JobState = "failed" if said.fault is not None else "cancelled" if said.is_stopped else "completed"
    over = _over(said.job, state, outcome, use)
    if over is not None:
        run.end(routed, completion, cut=not said.is_whole)
        _close(over, use)
        if over.connection is not None:  # somebody came to listen meanwhile
            use.courier.replay(over.connection, over, over.after)


def _stream(job: Job, run: Run, use: Services) -> None:
    """Answer piece by piece: an answer that breaks is charged as far as it came, and none comes after it."""
    outcome = _asked(job, run)
    if outcome is None:
        return
    deltas, routed = outcome
    trip = Trip(job, run.head(routed, run.claim.charge), use.courier)
    trip.ride(deltas)
    completion = counted(run.opened.request, trip.completion)
    state, result = _result(trip, completion, run.head(routed, run.burned(completion)))
    trip.deliver()
    while not use.lane.end(trip.job, state, result):
        if not trip.listen():
            return
    over = msgspec.structs.replace(trip.job, state=state, outcome=packed(result))
    try:
        run.end(routed, completion, cut=not trip.is_whole)
        _close(over, use)
    finally:
        _tell(over, use, trip.last)


def _result(trip: Trip, completion: Completion, head: Head) -> tuple[JobState, Outcome]:
    if trip.fault is not None:
        return "failed", failed(trip.fault, completion, head.target)
    return "cancelled" if trip.is_stopped else "completed", Done(head, completion, cut=not trip.is_whole)


def _asked(job: Job, run: Run) -> tuple[Iterator[Delta], Routed] | None:
    """What a target answers; None where the job is over instead, back in the line, or another's."""
    call = Call(partial(run.tried, run.use.router.stream))
    if not _awaited(call, job, run):
        return None
    try:
        outcome = call.result()
    except StoreUnavailable:
        raise  # nothing is known of the turn: the message comes again
    except TidegateError as fault:
        _fail(job, run, fault)
        return None
    if isinstance(outcome, Saturated):
        patience = spills_in(job, run.opened.model.wait_for_tier_seconds, run.use.clock())
        run.use.lane.defer(job, min(outcome.retry_after_seconds, patience or outcome.retry_after_seconds))
        return None
    return outcome


def _awaited(call: Asked, job: Job, run: Run) -> bool:
    """Wait for a call as long as its answer is wanted from this worker; a job that is cancelled meanwhile is over."""
    while not call.wait(TOUCH_SECONDS):
        held = run.use.lane.hold(job)
        if held is not None and not held.cancelling:
            continue
        _leave(call, run)
        if held is not None:
            _stop(held, run, burned=True)
        return False
    return True


def _leave(call: Asked, run: Run) -> None:
    """Have no further target asked, and the one that is asked stopped as soon as it says something."""
    run.purse.closed = True
    call.leave(_close_late)


def _close_late(outcome: Streamed) -> None:
    if not isinstance(outcome, Saturated) and (close := getattr(outcome[0], "close", None)) is not None:
        close()


def _over(job: Job, state: JobState, outcome: Outcome, use: Services) -> Job | None:
    """End a job, whoever listens to it by now: how it is then, or None where another worker has it."""
    while not use.lane.end(job, state, outcome):
        held = use.lane.hold(job)
        if held is None:
            return None
        job = held
    return msgspec.structs.replace(job, state=state, outcome=packed(outcome))


def _close(over: Job, use: Services) -> None:
    """What is left to do with a job that was charged. Repeating it changes nothing."""
    use.notices.announce(over)
    use.lane.close(over)


def _tell(over: Job, use: Services, last: int = 0) -> None:
    if over.connection is not None:
        use.courier.finish(over.connection, over, last)


def _stop(job: Job, run: Run, *, burned: bool) -> None:
    """End a job that nobody wants any more, before a model said anything; it may have burned tokens all the same."""
    stopped = Failed("Cancelled", "The job was cancelled.", burned=burned)
    _end(job, "cancelled", stopped, run, partial(run.abandon, burned=burned))


def _break_off(job: Job, run: Run, said: Completion) -> None:
    """End an answer whose worker died in the middle of it: what was heard of it is not said again in other words."""
    said = counted(run.opened.request, said)
    broken = failed(ModelUnavailable(BROKEN_OFF), said)
    _end(job, "failed", broken, run, partial(run.end, Routed("", 0, 0.0), said, cut=True))


def _fail(job: Job, run: Run, fault: TidegateError) -> None:
    _end(job, "failed", failed(fault), run, partial(run.fail, fault))


def _end(job: Job, state: JobState, outcome: Outcome, run: Run, charge: Callable[[], object]) -> None:
    """Keep an outcome, charge it, and tell whoever listens; unless another worker has the job."""
    over = _over(job, state, outcome, run.use)
    if over is not None:
        charge()
        _close(over, run.use)
        _tell(over, run.use)
