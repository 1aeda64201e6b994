"""A response that is still coming, as the server-sent events that OpenAI's SDKs put together again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from chalicelib.domain.outline import Grew, ItemClosed, ItemOpened, PartClosed, PartKind, PartOpened, Step
from chalicelib.domain.responses import ResponseItem, StoredResponse, item_id
from chalicelib.edge.gateway import Headers, StreamedResponse
from chalicelib.edge.headers import head_headers
from chalicelib.edge.responses_reply import item_body, queued_headers, response_body
from chalicelib.edge.responses_request import BEFORE_ALL
from chalicelib.edge.responses_wire import RefusalOut, TextOut, Thought
from chalicelib.pipeline.responses import Answering, Following

Fields = dict[str, Any]

_NAMES: Final[dict[PartKind, str]] = {
    "text": "response.output_text",
    "refusal": "response.refusal",
    "reasoning": "response.reasoning_text",
    "arguments": "response.function_call_arguments",
}
_WHOLE: Final[dict[PartKind, str]] = {
    "text": "text",
    "refusal": "refusal",
    "reasoning": "text",
    "arguments": "arguments",
}
"""Where an event that ends a part has all of its words."""


def streamed(found: Answering | Following, after: int = BEFORE_ALL) -> StreamedResponse:
    """The response as events, those behind the number `after`; a fault on the way is in the last of them."""
    return StreamedResponse(ResponseEvents(found.begun, found.steps, after), _headers(found))


def _headers(found: Answering | Following) -> Headers:
    if isinstance(found, Answering):
        return {**head_headers(found.head)}
    return queued_headers(found.queued) if found.queued else {}


class ResponseEvents(Iterator[bytes]):
    """Numbered events of a response. `close` ends the turn early."""

    __slots__ = ("_after", "_begun", "_ended", "_ids", "_next", "_number", "_steps")

    def __init__(self, begun: StoredResponse, steps: Iterator[Step | StoredResponse], after: int) -> None:
        """The response as it begins comes before the model's first piece."""
        self._begun = begun
        self._steps = steps
        self._after = after
        self._number = 0
        self._ended = False
        self._ids: dict[int, str] = {}
        self._next: deque[bytes] = deque()
        for name in ("created", begun.status):
            self._tell(f"response.{name}", {"response": response_body(begun)})

    def __next__(self) -> bytes:
        """The next event, whole."""
        while not self._next:
            step = next(self._steps)
            if isinstance(step, StoredResponse):
                self._ended = step.over
                self._tell(f"response.{_ending(step)}", {"response": response_body(step)})
            else:
                self._take(step)
        return self._next.popleft()

    @property
    def over(self) -> bool:
        """Whether the last event was read."""
        return self._ended and not self._next

    def close(self) -> None:
        """Stop reading; the turn is settled with what came."""
        self._next.clear()
        if (close := getattr(self._steps, "close", None)) is not None:
            close()

    def _take(self, step: Step) -> None:
        match step:
            case ItemOpened(place=place, item=item):
                self._tell("response.output_item.added", self._item(place, item))
            case PartOpened(kind=kind):
                self._tell("response.content_part.added", self._at(step) | {"part": _part(kind, "")})
            case Grew(kind=kind, text=text):
                self._tell(f"{_NAMES[kind]}.delta", self._at(step) | {"delta": text} | _logprobs(kind))
            case PartClosed():
                self._end(step)
            case ItemClosed(place=place, item=item):
                self._tell("response.output_item.done", self._item(place, item))

    def _end(self, step: PartClosed) -> None:
        """The part's words once more, and the part; a call has no parts."""
        kind, text = step.kind, step.text
        self._tell(f"{_NAMES[kind]}.done", self._at(step) | {_WHOLE[kind]: text} | _logprobs(kind))
        if kind != "arguments":
            self._tell("response.content_part.done", self._at(step) | {"part": _part(kind, text)})

    def _item(self, place: int, item: ResponseItem) -> Fields:
        """An item with the id that it will have in the response."""
        known = self._ids[place] = item_id(item, self._begun.id, len(self._begun.input) + place)
        return {"output_index": place, "item": item_body(msgspec.structs.replace(item, id=known))}

    def _at(self, step: PartOpened | Grew | PartClosed) -> Fields:
        place: Fields = {"item_id": self._ids[step.place], "output_index": step.place}
        return place if step.kind == "arguments" else {**place, "content_index": step.part}

    def _tell(self, name: str, fields: Fields) -> None:
        if self._number > self._after:
            data = msgspec.json.encode({"type": name, **fields, "sequence_number": self._number})
            self._next.append(b"event: " + name.encode() + b"\ndata: " + data + b"\n\n")
        self._number += 1


def _ending(response: StoredResponse) -> str:
    """The event for a state that a response came to; there is none for one that was cancelled."""
    return "failed" if response.status == "cancelled" else response.status


def _part(kind: PartKind, text: str) -> TextOut | RefusalOut | Thought:
    match kind:
        case "refusal":
            return RefusalOut(text)
        case "reasoning":
            return Thought(text)
        case _:
            return TextOut(text)


def _logprobs(kind: PartKind) -> Fields:
    return {"logprobs": ()} if kind == "text" else {}
