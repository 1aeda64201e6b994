"""The life of a turn, told once and in order.

    identify -> resume -> lookup -+-> charge the hit -----------------------------------------+-> reply
                                  +-> board, reserve -> route -> model -> settle -> store ----+
                                        +-> wait for a turn that asks the same -> charge the hit

`identify` reads all that the turn needs in one round trip, the exact answer and the conversation included, so that a
hit is one read and one write. Every path after `reserve` ends in a settlement, a release, or a lease that keeps its
charge; the turn is remembered in the same write that settles it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import msgspec

from chalicelib.domain.budget import Charge
from chalicelib.domain.errors import Conflict
from chalicelib.domain.estimate import counted
from chalicelib.domain.turn import Ask, CachedAnswer, Opened, Reply, Reservation, Streamed
from chalicelib.pipeline.cache import Sighting
from chalicelib.pipeline.relay import Relay, pieces
from chalicelib.pipeline.routing.attempts import Routed
from chalicelib.pipeline.run import Run, head_of, report_of
from chalicelib.pipeline.services import Services


def answer(ask: Ask, use: Services) -> Reply:
    """Answer `ask` in one piece."""
    opened = use.history.resume(use.gate.identify(ask))
    run = _begun(opened, use)
    if isinstance(run, Reply):
        return run
    completion, routed = run.asked(use.router.complete)
    completion = counted(opened.request, completion)
    return Reply(run.end(routed, completion), completion)


def stream(ask: Ask, use: Services) -> Streamed:
    """Answer `ask` piece by piece; the ending runs when the stream does, or is closed."""
    opened = use.history.resume(use.gate.identify(ask))
    run = _begun(opened, use)
    if isinstance(run, Reply):
        return Streamed(run.head, pieces(run.completion))
    deltas, routed = run.asked(use.router.stream)
    relay = Relay(deltas, count=partial(counted, opened.request), end=partial(run.end, routed))
    return Streamed(head_of(opened, routed, run.claim.charge, run.seen, use), relay)


def _begun(opened: Opened, use: Services) -> Reply | Run:
    """What was answered before, or just now to another turn; else a turn of its own, reserved."""
    seen = use.cache.lookup(opened)
    if seen.answer is not None:
        return _hit(opened, seen.answer, seen, use)
    boarded = use.flights.board(opened)
    claim, waited = boarded.found, boarded.waited_seconds
    if isinstance(claim, CachedAnswer):
        with suppress(Conflict):  # a request to reserve that was refused arrived once more, late: the turn is to run
            return _hit(opened, claim, Sighting(claim, "hit"), use, waited)
        claim = use.admission.reserve(opened)
    _warn(claim, opened, use)
    run = Run(opened, seen, claim, use.router.purse(claim, waited), use)
    if opened.ask.left is not None:
        run.purse.make_up()
    return run


def _hit(opened: Opened, found: CachedAnswer, seen: Sighting, use: Services, waited: float = 0.0) -> Reply:
    claim = use.admission.charge_hit(opened, found.completion, found.target)
    _warn(claim, opened, use)
    use.cache.record(seen)
    spent = Charge(requests=1)
    head = head_of(opened, Routed(found.target, 0, waited), spent, seen, use)
    report = report_of(opened, head, found.completion, spent)
    changes = {"input_tokens": 0, "output_tokens": 0, "waited_ms": round(waited * 1000), "unmetered": claim.unmetered}
    use.meter.record(msgspec.structs.replace(report, **changes))
    return Reply(head, found.completion)


def _warn(claim: Reservation, opened: Opened, use: Services) -> None:
    if claim.unmetered:
        use.meter.unmetered(opened.caller)
