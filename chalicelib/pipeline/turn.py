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

from chalicelib.domain.budget import Charge, standing
from chalicelib.domain.catalogue import charge
from chalicelib.domain.chat import Completion
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.estimate import counted
from chalicelib.domain.turn import (
    Ask,
    CachedAnswer,
    CacheOutcome,
    Head,
    Opened,
    Reply,
    Report,
    Reservation,
    Streamed,
)
from chalicelib.pipeline.admission import ended
from chalicelib.pipeline.relay import Relay, pieces
from chalicelib.pipeline.router import Routed
from chalicelib.pipeline.services import Services


def answer(ask: Ask, use: Services) -> Reply:
    """Answer `ask` in one piece."""
    opened = use.history.resume(use.gate.identify(ask))
    found = use.cache.lookup(opened)
    if found is not None:
        return _hit(opened, found, use)
    claim = use.admission.reserve(opened)
    _warn(claim, opened, use)
    try:
        completion, routed = use.router.complete(opened.model, opened.request)
    except TidegateError as fault:
        use.admission.abandon(claim, fault)
        raise
    completion = counted(opened.request, completion)
    _close(opened, claim, routed, use, completion=completion)
    return Reply(_head(opened, routed, _burned(opened, completion), use), completion)


def stream(ask: Ask, use: Services) -> Streamed:
    """Answer `ask` piece by piece; the ending runs when the stream does, or is closed."""
    opened = use.history.resume(use.gate.identify(ask))
    found = use.cache.lookup(opened)
    if found is not None:
        hit = _hit(opened, found, use)
        return Streamed(hit.head, pieces(hit.completion))
    claim = use.admission.reserve(opened)
    _warn(claim, opened, use)
    try:
        deltas, routed = use.router.stream(opened.model, opened.request)
    except TidegateError as fault:
        use.admission.abandon(claim, fault)
        raise
    end = partial(_end_stream, opened, claim, routed, use)
    head = _head(opened, routed, claim.charge, use)
    return Streamed(head, Relay(deltas, count=partial(counted, opened.request), end=end))


def _hit(opened: Opened, found: CachedAnswer, use: Services) -> Reply:
    claim = use.admission.charge_hit(opened, found.completion, found.target)
    _warn(claim, opened, use)
    spent = Charge(requests=1)
    head = _head(opened, Routed(found.target, 0, 0.0), spent, use)
    use.meter.record(_report(opened, head, found.completion, spent, unmetered=claim.unmetered))
    return Reply(head, found.completion)


def _close(opened: Opened, claim: Reservation, routed: Routed, use: Services, *, completion: Completion) -> None:
    burned = _burned(opened, completion)
    use.admission.settle(claim, burned, ended(claim, completion, routed.target, cut=False))
    use.cache.store(opened, completion, routed.target)
    head = _head(opened, routed, burned, use)
    use.meter.record(_report(opened, head, completion, burned, unmetered=claim.unmetered))


def _end_stream(
    opened: Opened, claim: Reservation, routed: Routed, use: Services, completion: Completion, *, cut: bool
) -> None:
    if not cut:
        _close(opened, claim, routed, use, completion=completion)
        return
    burned = _burned(opened, completion)
    use.admission.settle(claim, burned, ended(claim, completion, routed.target, cut=True))
    head = _head(opened, routed, burned, use)
    report = _report(opened, head, completion, burned, unmetered=claim.unmetered)
    use.meter.record(msgspec.structs.replace(report, error="cut"))


def _burned(opened: Opened, completion: Completion) -> Charge:
    return charge(opened.model.prices, completion.usage)


def _head(opened: Opened, routed: Routed, spent: Charge, use: Services) -> Head:
    elapsed = use.clock() - opened.ask.now - routed.model_seconds
    caller = opened.caller
    return Head(
        turn_id=opened.ask.turn_id,
        model=opened.model.id,
        created_at=int(opened.ask.now),
        cache=_outcome(opened, routed),
        target=routed.target,
        attempts=routed.attempts,
        standing=standing(caller.plan, caller.balances, spent, caller.now),
        overhead_ms=max(0, round(elapsed * 1000)),
        conversation=opened.ask.conversation,
    )


def _outcome(opened: Opened, routed: Routed) -> CacheOutcome:
    if routed.attempts == 0:
        return "hit"
    return "miss" if opened.place is not None else "bypass"


def _warn(claim: Reservation, opened: Opened, use: Services) -> None:
    if claim.unmetered:
        use.meter.unmetered(opened.caller)


def _report(opened: Opened, head: Head, completion: Completion, burned: Charge, *, unmetered: bool) -> Report:
    principal = opened.principal
    hit = head.cache == "hit"
    return Report(
        turn_id=head.turn_id,
        tenant=principal.tenant,
        user=principal.user,
        key_id=principal.key_id,
        model=head.model,
        target=head.target,
        attempts=head.attempts,
        cache=head.cache,
        input_tokens=0 if hit else completion.usage.input_tokens,
        output_tokens=0 if hit else completion.usage.output_tokens,
        usd_micros=burned.usd_micros,
        finish_reason=completion.finish_reason,
        conversation=head.conversation,
        overhead_ms=head.overhead_ms,
        unmetered=unmetered,
        request_id=opened.ask.request_id,
    )
