"""What a request needs of a target, and which targets can do it."""

from __future__ import annotations

from typing import Final, TypeVar

from msgspec import Struct

from chalicelib.domain.catalogue import Capability, Model, Target
from chalicelib.domain.chat import ChatRequest, Image, SchemaFormat, User
from chalicelib.domain.errors import BadRequest, ContextTooLong, NoCapacity
from chalicelib.domain.estimate import REQUEST_TOKENS, likely_tokens

Outcome = TypeVar("Outcome")

_PARAMETERS: Final[dict[Capability, str]] = {
    "tools": "tools",
    "json_schema": "response_format",
    "images": "messages",
}


class Need(Struct, frozen=True):
    """What a call asks of its target: about how much input, at most how much output, and which capabilities."""

    input_tokens: int = 0
    output_tokens: int = 0
    capabilities: frozenset[Capability] = frozenset()


class Saturated(Struct, frozen=True):
    """No target can take the call now; after so many seconds one may. A value, since waiting is an answer too.

    `down` where none is full for a moment, but each is down.
    """

    model: str
    retry_after_seconds: int
    down: bool = False


def taken(outcome: Outcome | Saturated) -> Outcome:
    """The outcome of a call that a target took; `NoCapacity` for one that nobody waits for."""
    if isinstance(outcome, Saturated):
        raise NoCapacity(outcome.model, outcome.retry_after_seconds)
    return outcome


def need_of(request: ChatRequest) -> Need:
    """What `request` needs."""
    tokens = REQUEST_TOKENS + sum(likely_tokens(message) for message in request.messages)
    return Need(tokens, request.max_output_tokens, capabilities_of(request))


def capabilities_of(request: ChatRequest) -> frozenset[Capability]:
    """What a target must support. Reasoning is a wish: a target without it answers all the same."""
    images = any(
        isinstance(part, Image)
        for message in request.messages
        if isinstance(message, User) and isinstance(message.content, tuple)
        for part in message.content
    )
    wanted: dict[Capability, bool] = {
        "tools": bool(request.options.tools),
        "json_schema": isinstance(request.options.response_format, SchemaFormat),
        "images": images,
    }
    return frozenset(capability for capability, needed in wanted.items() if needed)


def able(model: Model, need: Need) -> tuple[Target, ...]:
    """The targets that support what `need` names and have a window for it; `BadRequest` where there is none."""
    capable = [each for each in model.targets if need.capabilities <= _capabilities(model, each)]
    if model.targets and not capable:
        raise _unsupported(model, need)
    roomy = tuple(each for each in capable if need.input_tokens <= _window(model, each))
    if capable and not roomy:
        raise ContextTooLong(need.input_tokens, max(_window(model, each) for each in capable))
    with_room_for_all = tuple(each for each in roomy if need.input_tokens + need.output_tokens <= _window(model, each))
    return with_room_for_all or roomy  # a cap that does not fit is the target's to cut, as it always was


def _capabilities(model: Model, target: Target) -> frozenset[Capability]:
    return model.capabilities if target.capabilities is None else target.capabilities


def _window(model: Model, target: Target) -> int:
    return target.context_tokens or model.context_tokens


def _unsupported(model: Model, need: Need) -> BadRequest:
    offered = frozenset[Capability]().union(*(_capabilities(model, each) for each in model.targets))
    lacking = sorted(need.capabilities - offered) or sorted(need.capabilities)
    return BadRequest(
        f"The model `{model.id}` does not support {' with '.join(lacking)}.",
        param=_PARAMETERS.get(lacking[0]),
        code="unsupported_capability",
    )
