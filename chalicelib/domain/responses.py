"""Responses: one turn each, as what was asked, what came in and what came of it, with the thread that it continues.

A response's items have no ids of their own in store: an item's id names its turn and its place, first the input's
places, then the output's, so that it is known before the first word and stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from chalicelib.domain.chat import Assistant, FinishReason, Message, Options, ToolResult, Usage, Wire
from chalicelib.domain.conversation import CallItem, CallOutputItem, Item, ItemStatus, MessageItem, Metadata
from chalicelib.domain.errors import BadRequest, JobFailed, TidegateError

ResponseStatus = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
Reason = Literal["max_output_tokens", "content_filter"]
FailureCode = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]

PREFIX: Final = "resp_"
KEPT_SECONDS: Final = 30 * 86_400
MOST_BEFORE: Final = 100  # responses of a thread that the next one can look back on: what one read takes


class ReasoningItem(Wire, frozen=True, tag="reasoning", tag_field="type"):
    """What a model showed of the way to its answer; no model is sent it again."""

    text: str
    id: str | None = None
    status: ItemStatus | None = None


ResponseItem = Item | ReasoningItem


class Failure(Struct, frozen=True):
    """Why there is no whole answer, in OpenAI's codes."""

    code: FailureCode
    message: str


class Asked(Struct, frozen=True, omit_defaults=True):
    """What a caller said of a response beside its input, which is told again with it.

    `previous` is the response that this one continues, `conversation` the conversation; never both.
    """

    options: Options = Options()
    instructions: str | None = None
    max_output_tokens: int | None = None
    metadata: Metadata = {}
    previous: str | None = None
    conversation: str | None = None
    truncation: Literal["auto", "disabled"] = "disabled"
    store: bool = True
    background: bool = False
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


class StoredResponse(Struct, frozen=True, omit_defaults=True):
    """One response. `thread` are the ids of those that it continues, oldest first. Times are epoch seconds.

    `reason` says why it is incomplete, None where the model broke off without saying so.
    """

    id: str
    owner: str
    created_at: int
    expires_at: int
    model: str
    asked: Asked
    input: tuple[ResponseItem, ...]
    output: tuple[ResponseItem, ...] = ()
    status: ResponseStatus = "in_progress"
    usage: Usage | None = None
    reason: Reason | None = None
    failure: Failure | None = None
    completed_at: int | None = None
    thread: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing will come of it any more but what is there."""
        return self.status not in {"queued", "in_progress"}


def response_id(turn_id: str) -> str:
    """What the response of a turn is called."""
    return f"{PREFIX}{turn_id}"


def turn_of(response: str) -> str:
    """The turn that a response is of."""
    return response.removeprefix(PREFIX)


_REASONS: Final[dict[FinishReason, Reason]] = {"length": "max_output_tokens", "content_filter": "content_filter"}
_CODES: Final[dict[str, FailureCode]] = {
    "BadRequest": "invalid_prompt",
    "LimitExceeded": "rate_limit_exceeded",
    "ModelRejected": "invalid_prompt",
    "ModelThrottled": "rate_limit_exceeded",
    "NoCapacity": "rate_limit_exceeded",
}
_KINDS: Final = {MessageItem: "msg", CallItem: "fc", CallOutputItem: "fco", ReasoningItem: "rs"}


def item_id(item: ResponseItem, response: str, place: int) -> str:
    """The id of the item at `place` of a response, its output counted behind its input."""
    return f"{_KINDS[type(item)]}_{turn_of(response)}{place:03x}"


def shown_input(response: StoredResponse) -> tuple[ResponseItem, ...]:
    """What came in, each item with its id."""
    return _shown(response.input, response.id, 0)


def shown_output(response: StoredResponse) -> tuple[ResponseItem, ...]:
    """What came of it, each item with its id."""
    return _shown(response.output, response.id, len(response.input))


def _shown(items: tuple[ResponseItem, ...], response: str, first: int) -> tuple[ResponseItem, ...]:
    return tuple(
        msgspec.structs.replace(item, id=item_id(item, response, place), status=item.status or "completed")
        for place, item in enumerate(items, first)
    )


def failure_of(fault: TidegateError) -> Failure:
    """What a reader of the response is told of a fault."""
    kind = fault.kind if isinstance(fault, JobFailed) else type(fault).__name__
    message = "The gateway is misconfigured." if kind == "Misconfigured" else fault.message
    return Failure(_CODES.get(kind, "server_error"), message)


def spoken(response: StoredResponse) -> tuple[Item, ...]:
    """What a model may be sent of a response: all but the reasoning."""
    items = (*response.input, *response.output)
    return tuple(item for item in items if not isinstance(item, ReasoningItem))


def ended(begun: StoredResponse, why: FinishReason | None, usage: Usage | None, now: float) -> StoredResponse:
    """How a response ended, its output aside; None is for a model that broke off."""
    if why in {"stop", "tool_calls"}:
        return msgspec.structs.replace(begun, status="completed", usage=usage, completed_at=int(now))
    reason = _REASONS.get(why) if why is not None else None
    return msgspec.structs.replace(begun, status="incomplete", usage=usage, reason=reason)


def check_results(earlier: Sequence[Message], fresh: Sequence[Message]) -> None:
    """`BadRequest` where something new is the result of a call that nobody made."""
    said = (message for message in (*earlier, *fresh) if isinstance(message, Assistant))
    calls = {call.id for message in said for call in message.tool_calls or ()}
    for message in fresh:
        if isinstance(message, ToolResult) and message.tool_call_id not in calls:
            words = f"No tool call found for function call output with call_id {message.tool_call_id[:100]}."
            raise BadRequest(words, param="input")
