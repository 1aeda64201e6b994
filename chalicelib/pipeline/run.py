"""A turn between its reservation and its end, whoever carries it out: the caller's own call, or a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from chalicelib.domain.budget import Charge, standing
from chalicelib.domain.catalogue import Model, charge
from chalicelib.domain.chat import ChatRequest, Completion
from chalicelib.domain.errors import ModelError, TidegateError
from chalicelib.domain.routing import Saturated, taken
from chalicelib.domain.turn import Head, Opened, Report, Reservation
from chalicelib.pipeline.admission import ended
from chalicelib.pipeline.cache import Sighting
from chalicelib.pipeline.routing.attempts import Routed
from chalicelib.pipeline.routing.purse import Purse
from chalicelib.pipeline.services import Services

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Run:
    """A turn between its reservation and its end."""

    opened: Opened
    seen: Sighting
    claim: Reservation
    purse: Purse
    use: Services

    def asked(
        self, ask: Callable[[Model, ChatRequest, Purse], tuple[Outcome, Routed] | Saturated]
    ) -> tuple[Outcome, Routed]:
        """What a target answers; where none does, the turn is charged for what may have been burned, or forgotten."""
        try:
            outcome, routed = taken(ask(self.opened.model, self.opened.request, self.purse))
            return outcome, _late(routed, self.purse)
        except TidegateError as fault:
            self.use.admission.abandon(self.claim, fault)
            self.use.flights.cede(self.claim)
            burned = self.claim.charge if isinstance(fault, ModelError) and fault.burned else Charge()
            routed = _late(Routed("", len(self.purse.tried), 0.0), self.purse)
            self._record(routed, Completion(), burned, type(fault).__name__)
            raise

    def end(self, routed: Routed, completion: Completion, *, cut: bool = False) -> Head:
        """Charge what was burned and remember the answer, as far as it came."""
        burned = charge(self.opened.model.prices, completion.usage)
        if not self.use.admission.settle(self.claim, burned, ended(self.claim, completion, routed.target, cut=cut)):
            self.use.meter.unmetered(self.opened.caller)
        if not cut:
            self.use.sizes.learn(self.opened.ask.credential.tenant_tag, self.opened.model, completion)
        if cut or not self.use.cache.store(self.opened, self.seen, completion, routed.target):
            self.use.flights.cede(self.claim)
        return self._record(routed, completion, burned, "cut" if cut else None)

    def _record(self, routed: Routed, completion: Completion, burned: Charge, error: str | None) -> Head:
        head = head_of(self.opened, routed, burned, self.seen, self.use)
        changes = {
            "judged": self.seen.judged,
            "cache_failed": self.seen.failed,
            "error": error,
            "unmetered": self.claim.unmetered,
            "tried": tuple(self.purse.tried),
            "lost_usd_micros": self.purse.lost_usd_micros,
            "waited_ms": round(self.purse.waited_seconds * 1000),
        }
        report = report_of(self.opened, head, completion, burned)
        self.use.meter.record(msgspec.structs.replace(report, **changes))
        return head


def _late(routed: Routed, purse: Purse) -> Routed:
    """To wait for another turn's model is no overhead of ours."""
    return msgspec.structs.replace(routed, model_seconds=routed.model_seconds + purse.waited_seconds)


def head_of(opened: Opened, routed: Routed, spent: Charge, seen: Sighting, use: Services) -> Head:
    elapsed = use.clock() - opened.ask.now - routed.model_seconds
    caller = opened.caller
    return Head(
        turn_id=opened.ask.turn_id,
        model=opened.model.id,
        created_at=int(opened.ask.now),
        cache=seen.outcome,
        similarity=seen.similarity,
        target=routed.target,
        attempts=routed.attempts,
        standing=standing(caller.plan, caller.balances, spent, caller.now),
        overhead_ms=max(0, round(elapsed * 1000)),
        conversation=opened.ask.conversation,
    )


def report_of(opened: Opened, head: Head, completion: Completion, burned: Charge) -> Report:
    principal = opened.principal
    return Report(
        turn_id=head.turn_id,
        tenant=principal.tenant,
        user=principal.user,
        key_id=principal.key_id,
        model=head.model,
        target=head.target,
        attempts=head.attempts,
        cache=head.cache,
        input_tokens=completion.usage.input_tokens,
        output_tokens=completion.usage.output_tokens,
        usd_micros=burned.usd_micros,
        finish_reason=completion.finish_reason,
        conversation=head.conversation,
        similarity=head.similarity,
        overhead_ms=head.overhead_ms,
        request_id=opened.ask.request_id,
    )
