"""A turn that was admitted, written down so that a worker in another process can carry it out."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.cache_key import Place
from chalicelib.domain.chat import ChatRequest
from chalicelib.domain.errors import UnknownModel
from chalicelib.domain.identity import Credential
from chalicelib.domain.jobs import Job, job_id, spills_in
from chalicelib.domain.turn import Ask, Caller, Memory, Opened, Reservation
from chalicelib.pipeline.cache import Sighting
from chalicelib.pipeline.run import Run
from chalicelib.pipeline.services import Services

_NOTHING: Final = Memory(key=None, plans={}, balances={}, answers={}, conversation=None)


class Order(Struct, frozen=True):
    """All that the end of a turn needs. The credential is the key's id alone: no secret is kept."""

    ask: Ask
    caller: Caller
    request: ChatRequest
    place: Place | None
    seen: Sighting
    claim: Reservation


_decoder: Final = msgspec.msgpack.Decoder(Order)


def job_of(run: Run, connection: str | None = None) -> Job:
    """`run` as work for whoever has room for it; its pieces go to a connection, if one is named."""
    principal, ask, tenant = run.opened.principal, run.opened.ask, run.opened.memory.tenant
    return Job(
        id=job_id(ask.turn_id),
        owner=principal.owner,
        line=principal.tenant_tag,
        created_at=ask.now,
        until=ask.now,
        connection=connection,
        notice=tenant is not None and tenant.webhook is not None,
        order=_order_of(run),
    )


def _order_of(run: Run) -> bytes:
    opened = run.opened
    bare = Credential(opened.principal.key_id, "")
    ask = msgspec.structs.replace(opened.ask, credential=bare, request=opened.request)
    caller = msgspec.structs.replace(opened.caller, balances={})
    order = Order(ask, caller, opened.request, opened.place, run.seen, _lined_up(run.claim))
    return msgspec.msgpack.encode(order)


def _lined_up(claim: Reservation) -> Reservation:
    """The claim, told as one that was answered from the line."""
    note = claim.note and msgspec.structs.replace(claim.note, outcome="queued")
    return msgspec.structs.replace(claim, note=note)


def resumed(job: Job, use: Services) -> Run:
    """The turn of a job as this attempt has it; `UnknownModel` where its model is not on offer any more."""
    order = _decoder.decode(job.order)
    model = use.gate.catalogue.named(order.request.model)
    if model is None:
        raise UnknownModel(order.request.model)
    opened = Opened(order.ask, order.caller, model, order.request, _NOTHING, order.place)
    purse = use.router.purse(order.claim, part=f"{job.hold}.")
    purse.patient = spills_in(job, model.wait_for_tier_seconds, use.clock()) > 0
    return Run(opened, order.seen, order.claim, purse, use)
