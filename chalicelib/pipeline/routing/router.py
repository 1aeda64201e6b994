"""The model's side of a turn: which target is asked, and what is made of its failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.domain.catalogue import Model
from chalicelib.domain.chat import ChatRequest, Completion, Delta, Usage
from chalicelib.domain.errors import ModelError, ModelGarbled
from chalicelib.domain.regions import ALONE
from chalicelib.domain.routing import Need, Saturated, need_of
from chalicelib.domain.transcript import Transcript
from chalicelib.domain.turn import Reservation
from chalicelib.pipeline.routing.attempts import Attempts, Routed
from chalicelib.pipeline.routing.landing import CHARACTERS_A_TOKEN, Landing, begun
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.purse import Purse
from chalicelib.pipeline.routing.route import Flight, Route
from chalicelib.ports import ChatModel, Clock, Embedded, Embedder, Fence, Turns


@dataclass(frozen=True, slots=True)
class Router:
    """Asks targets until one answers, within `deadline_seconds`; clients of targets never try again by themselves.

    Each call returns `Saturated` where no target can take it now, and raises the last target's `ModelError`, or
    `BadRequest` where a target calls the request invalid. The purse pays for every attempt but the first.
    """

    open_chat: Callable[[str], ChatModel]
    open_embedder: Callable[[str], Embedder]
    pool: Pool
    turns: Turns
    clock: Clock
    deadline_seconds: float
    fence: Fence = ALONE

    def purse(self, claim: Reservation, waited_seconds: float = 0.0, part: str = "") -> Purse:
        """What pays for the attempts of the turn that `claim` is for."""
        return Purse(self.turns, claim, self.fence, waited_seconds=waited_seconds, part=part)

    def complete(self, model: Model, request: ChatRequest, purse: Purse) -> tuple[Completion, Routed] | Saturated:
        """The whole answer of the first target that gives one."""
        if model.hedge_after_ms is not None:
            streamed = self.stream(model, request, purse)
            return streamed if isinstance(streamed, Saturated) else (_gathered(streamed[0]), streamed[1])

        def ask(flight: Flight) -> Completion:
            completion = self.open_chat(flight.target.uri).complete(request, flight.patience)
            flight.done(completion.usage, self.clock())
            return completion

        return Attempts(self._route(model, need_of(request), purse), ask, purse, self.clock).outcome()

    def stream(self, model: Model, request: ChatRequest, purse: Purse) -> tuple[Iterator[Delta], Routed] | Saturated:
        """A stream whose first piece has arrived, so that no later fault can be answered by another target."""

        def ask(flight: Flight) -> Landing:
            return begun(self.open_chat(flight.target.uri).stream(request, flight.patience), flight, self.clock)

        after = None if model.hedge_after_ms is None else model.hedge_after_ms / 1000
        route = self._route(model, need_of(request), purse)
        return Attempts(route, ask, purse, self.clock, close=Landing.close, hedge_seconds=after).outcome()

    def embed(
        self, model: Model, texts: Sequence[str], dimensions: int | None, purse: Purse
    ) -> tuple[Embedded, Routed] | Saturated:
        """The vectors of the first target that gives them."""

        def ask(flight: Flight) -> Embedded:
            embedded = self.open_embedder(flight.target.uri).embed(texts, dimensions, flight.patience)
            flight.done(Usage(input_tokens=embedded.input_tokens), self.clock())
            return embedded

        likely = min(sum(map(len, texts)) // CHARACTERS_A_TOKEN, model.context_tokens)  # a text too long is told by it
        return Attempts(self._route(model, Need(input_tokens=likely), purse), ask, purse, self.clock).outcome()

    def _route(self, model: Model, need: Need, purse: Purse) -> Route:
        deadline = self.clock() + self.deadline_seconds - purse.waited_seconds
        return Route(self.pool, model, need, deadline, patient=purse.patient)


def _gathered(deltas: Iterator[Delta]) -> Completion:
    """A stream as a whole answer; one that broke has burned tokens."""
    transcript = Transcript()
    try:
        for delta in deltas:
            transcript.add(delta)
    except ModelError as fault:
        raise ModelGarbled(fault.message) from fault
    return transcript.completion()
