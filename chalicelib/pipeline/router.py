"""The model's side of a turn: targets tried in order until one answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct

from chalicelib.domain.catalogue import Model
from chalicelib.domain.chat import ChatRequest, Completion, Delta
from chalicelib.domain.errors import BadRequest, ModelError, ModelGarbled, ModelRejected
from chalicelib.ports import ChatModel, Clock, Embedded, Embedder

Outcome = TypeVar("Outcome")


class Routed(Struct, frozen=True):
    """Which target answered, at which attempt, and how long the model took to its answer or first piece."""

    target: str
    attempts: int
    model_seconds: float


@dataclass(frozen=True, slots=True)
class Router:
    """Chooses targets; the only owner of second attempts."""

    open_chat: Callable[[str], ChatModel]
    open_embedder: Callable[[str], Embedder]
    clock: Clock

    def complete(self, model: Model, request: ChatRequest) -> tuple[Completion, Routed]:
        """The answer of the first target that gives one; the last target's `ModelError` if none does."""
        return self._first(model, lambda uri: self.open_chat(uri).complete(request))

    def stream(self, model: Model, request: ChatRequest) -> tuple[Iterator[Delta], Routed]:
        """A stream whose first piece has arrived, so that no later fault can be answered by another target."""
        return self._first(model, lambda uri: _begun(self.open_chat(uri).stream(request)))

    def embed(self, model: Model, texts: Sequence[str], dimensions: int | None) -> tuple[Embedded, Routed]:
        """The vectors of the first target that gives them."""
        return self._first(model, lambda uri: self.open_embedder(uri).embed(texts, dimensions))

    def _first(self, model: Model, ask: Callable[[str], Outcome]) -> tuple[Outcome, Routed]:
        fault: ModelError = ModelError("The model has no target.")
        started = self.clock()
        for attempt, target in enumerate(sorted(model.targets, key=lambda each: each.tier), start=1):
            try:
                outcome = ask(target.uri)
            except ModelError as failed:
                fault = fault if fault.burned else failed  # what may have burned tokens must not be forgotten
                if isinstance(failed, ModelRejected):
                    break
            else:
                return outcome, Routed(target.uri.partition("?")[0], attempt, self.clock() - started)
        if isinstance(fault, ModelRejected):
            raise BadRequest(fault.message, code="model_rejected") from fault
        raise fault


def _begun(deltas: Iterator[Delta]) -> Iterator[Delta]:
    first = next(deltas, None)
    if first is None:
        raise ModelGarbled("The model ended its answer before it began.")
    return _Begun(first, deltas)


class _Begun(Iterator[Delta]):
    """A stream with its first piece put back; a class, since a generator that never ran cannot be closed."""

    __slots__ = ("_first", "_rest")

    def __init__(self, first: Delta, rest: Iterator[Delta]) -> None:
        self._first: Delta | None = first
        self._rest = rest

    def __next__(self) -> Delta:
        first, self._first = self._first, None
        return first if first is not None else next(self._rest)

    def close(self) -> None:
        """End the call to the target."""
        if (close := getattr(self._rest, "close", None)) is not None:
            close()
