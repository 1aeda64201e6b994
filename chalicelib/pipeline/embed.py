"""Embeddings: the same reserve and settle as a turn, with nothing to remember."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import Charge, Standing, standing
from chalicelib.domain.catalogue import charge
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import BadRequest, TidegateError
from chalicelib.domain.estimate import covered, texts_bound
from chalicelib.domain.identity import Credential
from chalicelib.domain.report import Report
from chalicelib.domain.routing import taken
from chalicelib.domain.turn import Caller, Left
from chalicelib.pipeline.routing.attempts import Routed
from chalicelib.pipeline.routing.purse import Purse
from chalicelib.pipeline.services import Services
from chalicelib.ports import Embedded


class EmbedAsk(Struct, frozen=True):
    """Texts to embed. `dimensions` None is the model's own number."""

    credential: Credential
    model: str
    texts: tuple[str, ...]
    turn_id: str
    now: float
    dimensions: int | None = None
    request_id: str = ""
    left: Left | None = None


class Embeddings(Struct, frozen=True):
    """Vectors with what their headers tell."""

    turn_id: str
    model: str
    target: str
    embedded: Embedded
    standing: Standing


def embed(ask: EmbedAsk, use: Services) -> Embeddings:
    """Embed `ask.texts`: identify -> reserve -> model -> settle."""
    caller = use.gate.caller(ask.credential, turn_id=ask.turn_id, now=ask.now, model=ask.model)
    model = use.gate.catalogue.find(ask.model, caller.plan.models)
    if not model.dimensions:
        raise BadRequest(f"The model `{model.id}` does not embed.", param="model", code="model_not_supported")
    bound = Usage(input_tokens=texts_bound(ask.texts))
    claim = use.admission.reserve_plain(caller, charge(model.prices, bound), ask.left, model=model.id)
    if claim.unmetered:
        use.meter.unmetered(caller)
    purse = use.router.purse(claim)
    if ask.left is not None:
        purse.make_up()
    try:
        embedded, routed = taken(use.router.embed(model, ask.texts, ask.dimensions, purse))
    except TidegateError as fault:
        use.admission.abandon(claim, burned=fault.burned)
        raise
    embedded = Embedded(embedded.vectors, covered(embedded.input_tokens, bound.input_tokens))
    burned: Charge = charge(model.prices, Usage(input_tokens=embedded.input_tokens))
    if not use.admission.settle(claim, burned, output_tokens=0):
        use.meter.unmetered(caller)
    report = _report(ask, caller, routed, purse)
    spent = {"input_tokens": embedded.input_tokens, "usd_micros": burned.usd_micros, "unmetered": claim.unmetered}
    use.meter.record(msgspec.structs.replace(report, model=model.id, **spent))
    left = standing(caller.plan, caller.balances, burned, ask.now)
    return Embeddings(ask.turn_id, model.id, routed.target, embedded, left)


def _report(ask: EmbedAsk, caller: Caller, routed: Routed, purse: Purse) -> Report:
    principal = caller.principal
    return Report(
        turn_id=ask.turn_id,
        tenant=principal.tenant,
        user=principal.user,
        key_id=principal.key_id,
        model=ask.model,
        target=routed.target,
        attempts=routed.attempts,
        request_id=ask.request_id,
        tried=tuple(purse.tried),
        lost_usd_micros=purse.lost_usd_micros,
        operation="embeddings",
    )
