"""Conversations, their turns, and the items that OpenAI's Conversations API shows of them.

A conversation is a sequence of turns; a turn is what was said in one exchange, as a tuple of items, and is stored as
one record. An item's id names its turn's place and its own place in the turn, so that no index is needed to find it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from chalicelib.domain.chat import ImageAddress, Usage, Wire
from chalicelib.domain.report import CacheOutcome

TurnState = Literal["open", "done", "cut"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]
Metadata = dict[str, str]


class InputText(Wire, frozen=True, tag="input_text", tag_field="type"):
    """Text that was given to the model."""

    text: str


class InputImage(Wire, frozen=True, tag="input_image", tag_field="type"):
    """An image that was given to the model."""

    image_url: ImageAddress
    detail: Literal["auto", "low", "high"] = "auto"
    file_id: None = None


class OutputText(Struct, frozen=True, forbid_unknown_fields=True, tag="output_text", tag_field="type"):
    """Text that the model wrote. Its empty fields are sent too, since SDKs read them."""

    text: str
    annotations: tuple[Any, ...] = ()
    logprobs: tuple[Any, ...] | None = None


class Refusal(Wire, frozen=True, tag="refusal", tag_field="type"):
    """The model's words for declining."""

    refusal: str


ItemPart = InputText | InputImage | OutputText | Refusal


class Origin(Struct, frozen=True, omit_defaults=True):
    """Where an answer is from, as its turn remembers it: `id` is the answer's own, `usage` what was burned for it."""

    id: str
    model: str
    cache: CacheOutcome = "miss"
    target: str = ""
    similarity: float | None = None
    usage: Usage | None = None


class MessageItem(Wire, frozen=True, tag="message", tag_field="type"):
    """Something said. `tidegate` is told of the answer of a turn, and never stored."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[ItemPart, ...]
    id: str | None = None
    status: ItemStatus | None = None
    tidegate: Origin | None = None


class CallItem(Wire, frozen=True, tag="function_call", tag_field="type"):
    """A function call that the model asked for."""

    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: ItemStatus | None = None


class CallOutputItem(Wire, frozen=True, tag="function_call_output", tag_field="type"):
    """What a called function returned."""

    call_id: str
    output: str | tuple[InputText, ...]
    id: str | None = None
    status: ItemStatus | None = None


class Removed(Wire, frozen=True, tag="removed", tag_field="type"):
    """Where an item was deleted: it keeps the place, so that the ids of its neighbours stay true."""


Item = MessageItem | CallItem | CallOutputItem


class Conversation(Struct, frozen=True, omit_defaults=True):
    """A conversation without its turns. `last` is the number of its newest turn, 0 for none."""

    id: str
    owner: str
    created_at: int
    metadata: Metadata = {}
    last: int = 0


class Turn(Struct, frozen=True, omit_defaults=True):
    """One exchange. `items` hold what came in and, unless the turn is `open`, what was answered.

    `number` counts from 1 within the conversation; `id` is unique everywhere. `lease_until` is the epoch second
    after which an open turn is known to have been cut. `cache` and `similarity` tell of a hit.
    """

    id: str
    number: int
    created_at: int
    items: tuple[Item | Removed, ...]
    state: TurnState = "done"
    model: str = ""
    target: str = ""
    usage: Usage | None = None
    lease_until: int = 0
    cache: CacheOutcome = "miss"
    similarity: float | None = None


class TurnRef(Struct, frozen=True):
    """Where a turn stands."""

    conversation: str
    number: int
