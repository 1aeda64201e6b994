"""An answer's items while they grow: what a delta opens, adds to and closes.

Prose is closed where something else begins. Calls stay open to the end, because their pieces may come in turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from chalicelib.domain.chat import Completion, Delta, ToolCallDelta
from chalicelib.domain.conversation import CallItem, ItemPart, ItemStatus, MessageItem, OutputText, Refusal
from chalicelib.domain.responses import ReasoningItem, ResponseItem

PartKind = Literal["text", "refusal", "reasoning", "arguments"]
_PROSE: Final[dict[PartKind, str]] = {"text": "message", "refusal": "message", "reasoning": "reasoning"}


class ItemOpened(Struct, frozen=True):
    """A new item, with nothing said in it yet."""

    place: int
    item: ResponseItem


class PartOpened(Struct, frozen=True):
    """A new part of an item."""

    place: int
    part: int
    kind: PartKind


class Grew(Struct, frozen=True):
    """More of a part; a call's arguments are its only one."""

    place: int
    part: int
    kind: PartKind
    text: str


class PartClosed(Struct, frozen=True):
    """A part as it ended."""

    place: int
    part: int
    kind: PartKind
    text: str


class ItemClosed(Struct, frozen=True):
    """An item as it ended."""

    place: int
    item: ResponseItem


Step = ItemOpened | PartOpened | Grew | PartClosed | ItemClosed


class _Part:
    __slots__ = ("kind", "words")

    def __init__(self, kind: PartKind) -> None:
        self.kind = kind
        self.words: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.words)


class _Draft:
    """An item while it grows."""

    __slots__ = ("call", "form", "parts", "place", "status")

    def __init__(self, place: int, form: str, call: tuple[str, str] = ("", "")) -> None:
        self.place = place
        self.form = form
        self.call = call
        self.parts: list[_Part] = [_Part("arguments")] if form == "call" else []
        self.status: ItemStatus = "in_progress"

    def item(self) -> ResponseItem:
        match self.form:
            case "call":
                call_id, name = self.call
                return CallItem(call_id=call_id, name=name, arguments=self.parts[0].text, status=self.status)
            case "reasoning":
                return ReasoningItem("".join(part.text for part in self.parts), status=self.status)
            case _:
                parts = tuple(_said(part) for part in self.parts)
                return MessageItem(role="assistant", content=parts, status=self.status)


class Outline:
    """What a stream has said so far, item by item in the order in which they began."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self._drafts: list[_Draft] = []
        self._calls: dict[int, _Draft] = {}

    def add(self, delta: Delta) -> Iterator[Step]:
        """Take in the next piece."""
        if delta.reasoning:
            yield from self._prose("reasoning", delta.reasoning)
        if delta.text:
            yield from self._prose("text", delta.text)
        if delta.refusal:
            yield from self._prose("refusal", delta.refusal)
        for call in delta.tool_calls:
            yield from self._called(call)

    def end(self, status: ItemStatus) -> Iterator[Step]:
        """Close what is open: the newest item with `status`, the others are complete."""
        for draft in self._drafts:
            yield from self._closed(draft, status if draft is self._drafts[-1] else "completed")

    def items(self) -> tuple[ResponseItem, ...]:
        """Everything so far."""
        return tuple(draft.item() for draft in self._drafts)

    def _prose(self, kind: PartKind, text: str) -> Iterator[Step]:
        draft = self._drafts[-1] if self._drafts else None
        if draft is None or draft.form != _PROSE[kind] or draft.status != "in_progress":
            yield from self._opened(_PROSE[kind])
            draft = self._drafts[-1]
        if not draft.parts or draft.parts[-1].kind != kind:
            yield from _part_closed(draft)
            draft.parts.append(_Part(kind))
            yield PartOpened(draft.place, len(draft.parts) - 1, kind)
        draft.parts[-1].words.append(text)
        yield Grew(draft.place, len(draft.parts) - 1, kind, text)

    def _called(self, call: ToolCallDelta) -> Iterator[Step]:
        if call.index not in self._calls:
            yield from self._opened("call", (call.id or "", call.name or ""))
            self._calls[call.index] = self._drafts[-1]
        draft = self._calls[call.index]
        if call.arguments:
            draft.parts[0].words.append(call.arguments)
            yield Grew(draft.place, 0, "arguments", call.arguments)

    def _opened(self, form: str, call: tuple[str, str] = ("", "")) -> Iterator[Step]:
        for draft in self._drafts:
            if draft.form != "call":
                yield from self._closed(draft, "completed")
        draft = _Draft(len(self._drafts), form, call)
        self._drafts.append(draft)
        yield ItemOpened(draft.place, draft.item())

    def _closed(self, draft: _Draft, status: ItemStatus) -> Iterator[Step]:
        if draft.status != "in_progress":
            return
        yield from _part_closed(draft)
        draft.status = status
        yield ItemClosed(draft.place, draft.item())


def retold(items: tuple[ResponseItem, ...]) -> Iterator[Step]:
    """An answer that is whole, told as if it came now."""
    outline = Outline()
    for place, item in enumerate(items):
        for delta in _deltas(item, place):
            yield from outline.add(delta)
    yield from outline.end(items[-1].status or "completed" if items else "completed")


def outlined(completion: Completion, status: ItemStatus) -> tuple[ResponseItem, ...]:
    """The items of a whole answer."""
    outline = Outline()
    calls = tuple(
        ToolCallDelta(index, call.id, call.function.name, call.function.arguments)
        for index, call in enumerate(completion.tool_calls)
    )
    whole = Delta(completion.text or "", calls, completion.refusal or "", reasoning=completion.reasoning or "")
    for _ in outline.add(whole):
        pass
    for _ in outline.end(status):
        pass
    return outline.items()


def _deltas(item: ResponseItem, place: int) -> Iterator[Delta]:
    match item:
        case ReasoningItem(text=text):
            yield Delta(reasoning=text)
        case CallItem():
            yield Delta(tool_calls=(ToolCallDelta(place, item.call_id, item.name, item.arguments),))
        case MessageItem(content=content):
            yield from (_saying(part) for part in content)
        case _:
            pass


def _saying(part: str | ItemPart) -> Delta:
    match part:
        case OutputText(text=text):
            return Delta(text)
        case Refusal(refusal=words):
            return Delta(refusal=words)
        case _:
            return Delta()  # no answer has any other part


def _part_closed(draft: _Draft) -> Iterator[Step]:
    if draft.parts:
        place, part = len(draft.parts) - 1, draft.parts[-1]
        yield PartClosed(draft.place, place, part.kind, part.text)


def _said(part: _Part) -> ItemPart:
    return Refusal(part.text) if part.kind == "refusal" else OutputText(part.text)
