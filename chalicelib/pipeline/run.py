"""A turn between its reservation and its end, whoever carries it out: the caller's own call, or a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from chalicelib.domain.budget import Charge, standing
from chalicelib.domain.catalogue import Model, charge
from chalicelib.domain.chat import ChatRequest, Completion
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.report import Report
from chalicelib.domain.routing import Saturated
from chalicelib.domain.turn import Head, Opened, Reservation
from chalicelib.pipeline.admission import ended
from chalicelib.pipeline.cache import Sighting
from chalicelib.pipeline.routing.attempts import Routed
from chalicelib.pipeline.routing.purse import Purse
from chalicelib.pipeline.services import Services
from chalicelib.ports import Meter

Outcome = TypeVar("Outcome")
Asking = Callable[[Model, ChatRequest, Purse], tuple[Outcome, Routed] | Saturated]


@dataclass(frozen=True, slots=True)
class Run:
    """A turn between its reservation and its end."""

    opened: Opened
    seen: Sighting
    claim: Reservation
    purse: Purse
    use: Services

    def tried(self, ask: Asking[Outcome]) -> tuple[Outcome, Routed] | Saturated:
        """What a target answers; the turn is left as it is where none does."""
        outcome = ask(self.opened.model, self.opened.request, self.purse)
        return outcome if isinstance(outcome, Saturated) else (outcome[0], _late(outcome[1], self.purse))

    def asked(self, ask: Asking[Outcome]) -> tuple[Outcome, Routed] | Saturated:
        """What a target answers; where one failed, the turn is ended."""
        try:
            return self.tried(ask)
        except TidegateError as fault:
            self.fail(fault)
            raise

    def fail(self, fault: TidegateError) -> None:
        """End without an answer: charged for what may have been burned, or forgotten."""
        self.abandon(burned=fault.burned)
        burned = self.claim.charge if fault.burned else Charge()
        routed = _late(Routed("", len(self.purse.tried), 0.0), self.purse)
        self._record(self.head(routed, burned), Completion(), burned, type(fault).__name__)

    def abandon(self, *, burned: bool) -> None:
        """End the claim without an answer, and let another lead. Repeating it changes nothing."""
        self.use.admission.abandon(self.claim, burned=burned)
        self.use.flights.cede(self.claim)

    def end(self, routed: Routed, completion: Completion, *, cut: bool = False) -> Head:
        """Charge what was burned and remember the answer, as far as it came."""
        self.settle(completion, routed.target, cut=cut)
        if not cut:
            self.use.sizes.learn(self.opened.ask.credential.tenant_tag, self.opened.model, completion)
        burned = self.burned(completion)
        return self._record(self.head(routed, burned), completion, burned, "cut" if cut else None)

    def settle(self, completion: Completion, target: str, *, cut: bool) -> None:
        """Charge and remember. Repeating it changes nothing."""
        turn = ended(self.claim, completion, target, cut=cut)
        burned, output = self.burned(completion), completion.usage.output_tokens
        if not self.use.admission.settle(self.claim, burned, turn, output_tokens=output):
            self.use.meter.unmetered(self.opened.caller)
        if cut or not self.use.cache.store(self.opened, self.seen, completion, target):
            self.use.flights.cede(self.claim)

    def burned(self, completion: Completion) -> Charge:
        """What the answer cost."""
        return charge(self.opened.model.prices, completion.usage)

    def head(self, routed: Routed, spent: Charge) -> Head:
        """What is known of the answer before its first piece."""
        return head_of(self.opened, routed, spent, self.seen, self.use)

    def queued(self) -> None:
        """Say that the turn stands in line."""
        head = self.head(Routed("", len(self.purse.tried), 0.0), Charge())
        self._record(head, Completion(), Charge(), None, queued=True)

    def _record(
        self, head: Head, completion: Completion, burned: Charge, error: str | None, *, queued: bool = False
    ) -> Head:
        changes = {
            "judged": self.seen.judged,
            "cache_failed": self.seen.failed,
            "error": error,
            "queued": queued,
            "unmetered": self.claim.unmetered,
            "tried": tuple(self.purse.tried),
            "lost_usd_micros": self.purse.lost_usd_micros,
            "waited_ms": round(self.purse.waited_seconds * 1000),
        }
        report = report_of(self.opened, head, completion, burned, self.use.meter)
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
        question=seen.question,
        target=routed.target,
        attempts=routed.attempts,
        standing=standing(caller.plan, caller.balances, spent, caller.now),
        overhead_ms=max(0, round(elapsed * 1000)),
        conversation=opened.ask.conversation,
    )


def report_of(opened: Opened, head: Head, completion: Completion, burned: Charge, meter: Meter) -> Report:
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
        question=meter.words(opened.ask.request.messages[-1].content),
        answer=meter.words(completion.text),
    )
