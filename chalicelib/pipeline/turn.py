"""The life of a turn, told once and in order.

    identify -> resume -> lookup -+-> charge the hit -----------------------------------------+-> reply
                                  +-> board, reserve -> route -> model -> settle -> store ----+
                                        |                 +-> saturated: into the line, wait -+ or the job
                                        +-> wait for a turn that asks the same -> charge the hit

`identify` reads all that the turn needs in one round trip, the exact answer and the conversation included, so that a
hit is one read and one write. Every path after `reserve` ends in a settlement, a release, or a lease that keeps its
charge; the turn is remembered in the same write that settles it. Where nothing limits the caller and nothing is to be
remembered, `reserve` writes nothing, and `settle` is the one write.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import msgspec

from chalicelib.domain.budget import Charge
from chalicelib.domain.errors import Conflict, TidegateError
from chalicelib.domain.estimate import counted
from chalicelib.domain.jobs import Job, job_id
from chalicelib.domain.outcomes import Done, Failed, outcome_of
from chalicelib.domain.routing import Saturated
from chalicelib.domain.turn import Ask, CachedAnswer, Opened, Reply, Reservation, Streamed
from chalicelib.pipeline.cache import Sighting
from chalicelib.pipeline.flights import Boarded
from chalicelib.pipeline.lane import Waiting
from chalicelib.pipeline.orders import job_of
from chalicelib.pipeline.relay import Relay, pieces
from chalicelib.pipeline.routing.attempts import Routed
from chalicelib.pipeline.run import Run, head_of, report_of
from chalicelib.pipeline.services import Services


def answer(ask: Ask, use: Services) -> Reply | Waiting:
    """Answer `ask` in one piece; a job where its caller does not wait until a model can take it."""
    run = _begun(ask, use)
    if isinstance(run, Reply):
        return run
    outcome = None if _waits(ask) else run.asked(use.router.complete)
    if outcome is None or isinstance(outcome, Saturated):
        return _lined_up(run, use, outcome)
    completion, routed = outcome
    completion = counted(run.opened.request, completion)
    return Reply(run.end(routed, completion), completion)


def stream(ask: Ask, use: Services) -> Streamed | Waiting:
    """Answer `ask` piece by piece; the ending runs when the stream does, or is closed."""
    run = _begun(ask, use)
    if isinstance(run, Reply):
        return replayed(run)
    outcome = None if _waits(ask) else run.asked(use.router.stream)
    if outcome is None or isinstance(outcome, Saturated):
        found = _lined_up(run, use, outcome)
        return found if isinstance(found, Waiting) else replayed(found)
    deltas, routed = outcome
    count, end = partial(counted, run.opened.request), partial(run.end, routed)
    relay = Relay(deltas, count=count, end=end, late=lambda: use.clock() >= ask.until)
    return Streamed(run.head(routed, run.claim.charge), relay)


def enqueue(
    ask: Ask, use: Services, connection: str | None = None, accepted: Callable[[str], object] = str
) -> Reply | Job:
    """Answer from the cache, or put `ask` into the line at once; its pieces go to a connection, if one is named.

    Before a worker may send the first, what the job is called is `accepted`.
    """
    run = _begun(ask, use)
    if isinstance(run, Reply):
        return run
    run = _held(run, use)
    accepted(job_id(ask.turn_id))
    return _job(run, use, connection)


def replayed(reply: Reply) -> Streamed:
    """A whole answer as a stream."""
    return Streamed(reply.head, pieces(reply.completion))


def _begun(ask: Ask, use: Services) -> Reply | Run:
    """What was answered before, or just now to another turn; else a turn of its own, reserved."""
    opened = use.history.resume(use.gate.identify(ask))
    use.admission.turn_away(opened)
    seen = use.cache.lookup(opened)
    if seen.answer is not None:
        return _hit(opened, seen.answer, seen, use)
    boarded = Boarded(use.admission.reserve(opened), opened) if _waits(ask) else use.flights.board(opened)
    claim, opened, waited = boarded.found, boarded.opened, boarded.waited_seconds
    if isinstance(claim, CachedAnswer):
        with suppress(Conflict):  # a request to reserve that was refused arrived once more, late: the turn is to run
            return _hit(opened, claim, Sighting(claim, "hit"), use, waited)
        claim = use.admission.reserve(opened)
    _warn(claim, opened, use)
    run = Run(opened, seen, claim, use.router.purse(claim, waited), use)
    if ask.left is not None and ask.left.job is None:
        run.purse.make_up()
    return run


def _waits(ask: Ask) -> bool:
    """Whether the turn is to stand in line without being tried, or does so already."""
    return ask.prefer.respond_async or (ask.left is not None and ask.left.job is not None)


def _lined_up(run: Run, use: Services, why: Saturated | None) -> Reply | Waiting:
    """Stand in line for as long as the caller waits: the answer, or where the turn stands by then."""
    run = _held(run, use)
    job = use.lane.watch(_job(run, use), run.opened.ask.prefer, down=why is not None and why.down)
    outcome = outcome_of(job)
    if isinstance(outcome, Done):
        return outcome.reply
    if isinstance(outcome, Failed):
        raise outcome.fault
    if job.over:
        raise Conflict("The job was cancelled.")
    limits = run.head(Routed("", 0, 0.0), run.claim.charge).standing
    return msgspec.structs.replace(use.lane.standing(job), limits=limits)


def _held(run: Run, use: Services) -> Run:
    """The turn with its charge held, as it must be where another process is to carry it out."""
    if not run.claim.deferred:
        return run
    claim = use.admission.hold(run.claim, run.opened.caller)
    _warn(claim, run.opened, use)
    return replace(run, claim=claim)


def _job(run: Run, use: Services, connection: str | None = None) -> Job:
    left = run.opened.ask.left
    if left is not None and left.job is not None:
        return left.job
    try:
        job = use.lane.join(job_of(run, connection))
    except TidegateError as fault:
        run.fail(fault)
        raise
    run.queued()
    return job


def _hit(opened: Opened, found: CachedAnswer, seen: Sighting, use: Services, waited: float = 0.0) -> Reply:
    claim = use.admission.charge_hit(
        opened, found.completion, found.target, cache=seen.outcome, similarity=seen.similarity
    )
    _warn(claim, opened, use)
    use.cache.record(seen)
    spent = Charge(requests=1)
    head = head_of(opened, Routed(found.target, 0, waited), spent, seen, use)
    report = report_of(opened, head, found.completion, spent, use.meter)
    changes = {"input_tokens": 0, "output_tokens": 0, "waited_ms": round(waited * 1000), "unmetered": claim.unmetered}
    use.meter.record(msgspec.structs.replace(report, **changes))
    return Reply(head, found.completion)


def _warn(claim: Reservation, opened: Opened, use: Services) -> None:
    if claim.unmetered:
        use.meter.unmetered(opened.caller)
