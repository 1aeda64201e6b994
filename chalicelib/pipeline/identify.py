"""Who asks, and with the same read all that the turn needs to begin."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from chalicelib.domain.budget import Plan, together
from chalicelib.domain.cache_key import Place, cacheable, places
from chalicelib.domain.catalogue import Model
from chalicelib.domain.chat import ChatRequest, text_of
from chalicelib.domain.dependence import speaks_of_self
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.errors import BadRequest, Forbidden, Misconfigured, StoreUnavailable
from chalicelib.domain.identity import Credential, Pepperbox, Principal, Scope, verify
from chalicelib.domain.routing import Need, able, capabilities_of
from chalicelib.domain.turn import Ask, CacheControl, Caller, Cue, Memory, Opened
from chalicelib.ports import Keys, Known, Offer, Turns, Watch

KNOWN_SECONDS: Final = 60.0  # as long as a revoked key may go on
MOST_KNOWN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Acquaintances:
    """Keys that were let in lately under a plan that fails open: they are known while the store cannot be asked."""

    _met: OrderedDict[str, tuple[float, Memory]] = field(default_factory=OrderedDict)

    def met(self, key_id: str, memory: Memory, now: float) -> None:
        """Remember what the plan was; who was not here for longest is forgotten."""
        plain = msgspec.structs.replace(memory, answers={}, conversation=None, marks={}, targets={}, stale=True)
        self._met[key_id] = now, plain
        self._met.move_to_end(key_id)
        if len(self._met) > MOST_KNOWN:
            self._met.popitem(last=False)

    def recalled(self, cue: Cue) -> Memory | None:
        """What is remembered of a key, if that is recent, and the call needs nothing but that."""
        at, memory = self._met.get(cue.credential.key_id, (float("-inf"), None))
        return memory if cue.now - at < KNOWN_SECONDS and cue.conversation is None else None


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in who has a good key, and knows what their plan allows."""

    turns: Turns
    keys: Keys
    peppers: Pepperbox
    catalogue: Offer
    caching: bool
    watch: Watch
    cap: Callable[[str, Model], int]
    meaning: Callable[[Place], AnswerScope | None]
    fits: Known
    known: Acquaintances = field(default_factory=Acquaintances)

    def identify(self, ask: Ask) -> Opened:
        """Verify the key, resolve the model and find the exact answer's place: one round trip."""
        model, request = self._resolved(ask)
        options = self._places(ask, request)
        keys = tuple(place.key for place in options)
        scopes = tuple(scope for place in options if (scope := self.meaning(place)) is not None)
        namespace = self.fits.due(ask.credential.tenant_tag, ask.now) if scopes else None
        memory = self._recalled(
            Cue(ask.credential, ask.now, keys, ask.conversation, scopes=scopes, namespace=namespace), model
        )
        if namespace is not None:
            self.fits.heard(namespace, memory.fit, ask.now)
        caller = self._caller(ask.credential, memory, turn_id=ask.turn_id, now=ask.now)
        self.catalogue.find(model.id, caller.plan.models)
        shared = caller.plan.shares_answers and not speaks_of_self(text_of(request.messages[-1].content))
        place = options[1 if shared else 0] if options else None
        return Opened(ask, caller, model, request, memory, place)

    def caller(self, credential: Credential, *, turn_id: str, now: float, model: str | None = None) -> Caller:
        """Verify the key of a call that is no chat turn, but may ask a `model`: one round trip."""
        memory = self._recalled(Cue(credential, now), None if model is None else self.catalogue.named(model))
        return self._caller(credential, memory, turn_id=turn_id, now=now)

    def principal(self, credential: Credential, now: float, scope: Scope) -> Principal:
        """Verify the key of a call that charges nothing: one round trip."""
        return _scoped(verify(credential, self.keys.get(credential.key_id), self.peppers, now), scope)

    def vouched(self, credential: Credential, now: float, scope: Scope) -> Credential:
        """Verify a key: a credential that stands for it as long as it is good, without the token. One round trip."""
        key = self.keys.get(credential.key_id)
        _scoped(verify(credential, key, self.peppers, now), scope)
        return Credential(credential.key_id, "", key.digest if key else "")

    def stands(self, key_id: str) -> bool:
        """Whether nobody revoked a key; what was accepted from one that expired since is owed to it. One read."""
        key = self.keys.get(key_id)
        return key is not None and key.revoked_at is None

    def _caller(self, credential: Credential, memory: Memory, *, turn_id: str, now: float) -> Caller:
        principal = _scoped(verify(credential, memory.key, self.peppers, now), "chat")
        plan = together(self._plan(memory, principal.plan), self._own(memory))
        if plan.fail_open and not memory.stale:
            self.known.met(credential.key_id, memory, now)
        exact = memory.exact and not memory.stale
        return Caller(principal, plan, memory.balances, turn_id, now, exact)

    def _recalled(self, cue: Cue, model: Model | None) -> Memory:
        """What the turn needs, with what is known of the model's targets by now."""
        if model is not None:
            cue = msgspec.structs.replace(cue, targets=self.watch.due(model, cue.now))
        try:
            memory = self.turns.recall(cue)
        except StoreUnavailable:
            if (remembered := self.known.recalled(cue)) is None:
                raise
            return remembered
        if model is not None:
            self.watch.heard(model, memory.targets, cue.now)
        return memory

    def _resolved(self, ask: Ask) -> tuple[Model, ChatRequest]:
        """The model and the capped request; a fault in them is told to nobody but the owner of a good key."""
        try:
            model = self.catalogue.find(ask.request.model)
            able(model, Need(capabilities=capabilities_of(ask.request)))
            return model, self._capped(ask, model)
        except BadRequest:
            self.principal(ask.credential, ask.now, "chat")
            raise

    def _capped(self, ask: Ask, model: Model) -> ChatRequest:
        """The request with the model's own name and a cap on output that is always set."""
        _within(ask.request, model)
        cap = ask.request.max_output_tokens or self.cap(ask.credential.tenant_tag, model)
        return msgspec.structs.replace(ask.request, model=model.id, max_output_tokens=cap)

    def _own(self, memory: Memory) -> Plan | None:
        """The plan of the tenant itself, which holds for all its keys."""
        name = memory.tenant.plan if memory.tenant else None
        return None if name is None else self._plan(memory, name)

    def _plan(self, memory: Memory, name: str) -> Plan:
        return memory.plans.get(name) or self._new_plan(name)

    def _new_plan(self, name: str) -> Plan:
        """A plan that is younger than the plans that `recall` keeps for a while."""
        plan = self.keys.plans().get(name)
        if plan is None:
            raise Misconfigured(f"the plan '{name}' of a key or tenant does not exist")
        return plan

    def _places(self, ask: Ask, request: ChatRequest) -> tuple[Place, ...]:
        """The user's own place and the tenant's: which one counts is in the plan, which is not known yet."""
        bypassed = ask.left is not None or (ask.cache is not None and ask.cache.no_cache and ask.cache.no_store)
        if bypassed or not self.caching or not cacheable(request, asked=_wants(ask.cache)):
            return ()
        return places(ask.credential.tenant_tag, ask.credential.user_tag, request)


def _wants(control: CacheControl | None) -> bool:
    """Whether a caller who speaks of the cache speaks for it."""
    return control is not None and not control.no_cache and not control.no_store


def _scoped(principal: Principal, scope: Scope) -> Principal:
    if scope not in principal.scopes:
        raise Forbidden(f"This key lacks the scope '{scope}'.")
    return principal


def _within(request: ChatRequest, model: Model) -> None:
    if not model.max_output_tokens:
        raise BadRequest(f"The model `{model.id}` does not chat.", param="model", code="model_not_supported")
    if request.max_output_tokens > model.max_output_tokens:
        raise BadRequest(
            f"max_tokens is too large: {request.max_output_tokens}. "
            f"This model supports at most {model.max_output_tokens} completion tokens.",
            param="max_tokens",
        )
