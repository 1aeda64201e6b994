"""The life of a turn, told once and in order.

    identify -> resume -> lookup -+-> charge the hit ------------------------------+-> reply
                                  +-> reserve -> route -> model -> settle -> store -+

`identify` reads all that the turn needs in one round trip, the exact answer and the conversation included, so that a
hit is one read and one write. Every path after `reserve` ends in a settlement, a release, or a lease that keeps its
charge; the turn is remembered in the same write that settles it.
"""

from __future__ import annotations

from functools import partial

import msgspec

from chalicelib.domain.budget import Charge
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
    seen = use.cache.lookup(opened)
    if seen.answer is not None:
        return _hit(opened, seen.answer, seen, use)
    run = _reserved(opened, seen, use)
    completion, routed = run.asked(use.router.complete)
    completion = counted(opened.request, completion)
    return Reply(run.end(routed, completion), completion)


def stream(ask: Ask, use: Services) -> Streamed:
    """Answer `ask` piece by piece; the ending runs when the stream does, or is closed."""
    opened = use.history.resume(use.gate.identify(ask))
    seen = use.cache.lookup(opened)
    if seen.answer is not None:
        hit = _hit(opened, seen.answer, seen, use)
        return Streamed(hit.head, pieces(hit.completion))
    run = _reserved(opened, seen, use)
    deltas, routed = run.asked(use.router.stream)
    relay = Relay(deltas, count=partial(counted, opened.request), end=partial(run.end, routed))
    return Streamed(head_of(opened, routed, run.claim.charge, seen, use), relay)


def _hit(opened: Opened, found: CachedAnswer, seen: Sighting, use: Services) -> Reply:
    claim = use.admission.charge_hit(opened, found.completion, found.target)
    _warn(claim, opened, use)
    spent = Charge(requests=1)
    head = head_of(opened, Routed(found.target, 0, 0.0), spent, seen, use)
    report = report_of(opened, head, found.completion, spent)
    use.meter.record(msgspec.structs.replace(report, input_tokens=0, output_tokens=0, unmetered=claim.unmetered))
    return Reply(head, found.completion)


def _reserved(opened: Opened, seen: Sighting, use: Services) -> Run:
    claim = use.admission.reserve(opened)
    _warn(claim, opened, use)
    return Run(opened, seen, claim, use.router.purse(claim), use)


def _warn(claim: Reservation, opened: Opened, use: Services) -> None:
    if claim.unmetered:
        use.meter.unmetered(opened.caller)
