"""Models: who answers, who embeds, what is on offer, and what is known of each target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from chalicelib.domain.allowance import Block
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Model, Quota
from chalicelib.domain.chat import ChatRequest, Completion, Delta


class ChatModel(Protocol):
    """One target that answers chats.

    Raises the `ModelError` that says what the router may do. Never retries. A fault after the first piece of a
    stream is raised from the iterator; closing the iterator ends the call to the target. `patience` is how many
    seconds the router waits for the whole answer, or for a stream's first piece, where that is less than the target's
    own limit; then it is `ModelTimeout`.
    """

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """The whole answer, with the usage that the target counted."""

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """The answer piece by piece; usage comes with or after the last piece."""


class Embedded(Struct, frozen=True):
    """Vectors as float32 in little-endian bytes, one for each text, and the tokens that were counted."""

    vectors: tuple[bytes, ...]
    input_tokens: int


class Embedder(Protocol):
    """One target that turns texts into vectors."""

    def embed(self, texts: Sequence[str], dimensions: int | None, patience: float | None = None) -> Embedded:
        """A vector for each text in order. `dimensions` shortens them where the model can (else `ModelRejected`).

        `patience` is as for a `ChatModel`.
        """


class Targets(Protocol):
    """What all processes know of each target, by name; a turn reads the breakers by `Turns.recall`."""

    def breakers(self, names: Sequence[str]) -> Mapping[str, Breaker]:
        """Each target's breaker, read consistently; a closed one where nobody moved it."""

    def move(self, name: str, breaker: Breaker) -> Breaker:
        """Replace the breaker of the version before `breaker`'s; the one that holds afterwards.

        That is another where another process moved it first.
        """

    def lease(self, name: str, minute: int, block: Block, quota: Quota) -> bool:
        """Take `block` out of a minute's quota, or say that it does not fit. `minute` is epoch seconds over 60."""


class Watch(Protocol):
    """Who wants to know of breakers, so that they are read together with what a turn begins with."""

    def due(self, model: Model, now: float) -> tuple[str, ...]:
        """The names of the model's targets whose breakers are to be read again."""

    def heard(self, model: Model, breakers: dict[str, Breaker], now: float) -> None:
        """Take in what was read."""


class Offer(Protocol):
    """The models on offer now; a `Catalogue` is one that never changes."""

    def find(self, name: str, allowed: tuple[str, ...] | None = None) -> Model:
        """The model called `name` that a plan allows (None allows all), or `UnknownModel`."""

    def named(self, name: str) -> Model | None:
        """The model called `name`, whoever may use it."""

    def allowed(self, allowed: tuple[str, ...] | None) -> tuple[Model, ...]:
        """The models that a plan allows."""
