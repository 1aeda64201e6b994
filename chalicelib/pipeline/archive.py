"""Conversations as their owner reads and edits them between turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from chalicelib.domain.conversation import Conversation, Item, Metadata, Removed, Turn
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identity import TAG_LENGTH
from chalicelib.domain.items import item_id, locate, shown
from chalicelib.domain.regions import ALONE
from chalicelib.ports import Conversations, Fence, Page, TurnPage

Kept = TypeVar("Kept")
PAGE_BYTES: Final = 4_000_000  # of items as JSON: a Lambda answer may have 6 MB, its quotes escaped once more
TURNS_BACK: Final = 100  # that are looked through for one that a call which broke off may have added


class NewItems(Struct, frozen=True):
    """Items to be added; an earlier call of the same turn may have done so."""

    items: tuple[Item, ...]
    turn_id: str
    now: float
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Archive:
    """Every call names the owner; an unknown and a foreign conversation are the same `NotFound`."""

    conversations: Conversations
    fence: Fence = ALONE

    def create(self, conversation: Conversation, items: tuple[Item, ...], *, turn_id: str) -> Conversation:
        """Begin a conversation, with `items` as its first turn if there are any."""
        first = _turn(turn_id, conversation.created_at, items, number=1) if items else None
        self.conversations.create(conversation, first)
        return conversation

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """The conversation itself."""
        return self.conversations.get(owner, conversation_id)

    def list(self, owner: str, page: Page) -> tuple[Sequence[Conversation], bool]:
        """The owner's conversations by age, and whether there are more."""
        try:
            return self.conversations.list(owner, page)
        except NotFound as unknown:
            unknown.param = "after"
            raise

    def update(self, owner: str, conversation_id: str, metadata: Metadata) -> Conversation:
        """Replace the metadata."""
        return self.conversations.update(owner, conversation_id, metadata)

    def delete(self, owner: str, conversation_id: str) -> None:
        """Remove the conversation with all that was said in it."""
        self.conversations.delete(owner, conversation_id)

    def add_items(self, owner: str, conversation_id: str, new: NewItems) -> Sequence[Item]:
        """Append items as a turn of their own, and show them with their ids."""
        turn = self._added(owner, conversation_id, new.turn_id) if new.is_again else None
        if turn is None:
            number = self.fence.floor(owner[:TAG_LENGTH]) + 1
            turn = _turn(new.turn_id, int(new.now), new.items, number=number)
            turn = self.conversations.append(owner, conversation_id, turn)
        return shown(turn, new.now)

    def _added(self, owner: str, conversation_id: str, turn_id: str) -> Turn | None:
        """The turn of an earlier call, if it is among the newest."""
        self.conversations.get(owner, conversation_id)
        turns = self.conversations.turns(conversation_id, TurnPage(limit=TURNS_BACK))
        return next((turn for turn in turns if turn.id == turn_id), None)

    def items(self, owner: str, conversation_id: str, page: Page, *, now: float) -> tuple[Sequence[Item], bool]:
        """One page of items in the order asked for, and whether there are more: it ends early where they are large."""
        self.conversations.get(owner, conversation_id)
        start, _ = _located(page.after, "after") if page.after else (0, 0)
        turns = self.conversations.turns(conversation_id, TurnPage(start=start, order=page.order))
        return filled(_after(_items(turns, page, now), page), page.limit)

    def item(self, owner: str, conversation_id: str, item: str, *, now: float) -> Item:
        """One item."""
        self.conversations.get(owner, conversation_id)
        number, _ = _located(item)
        turn = self.conversations.turn(conversation_id, number)
        for each in shown(turn, now) if turn else ():
            if each.id == item:
                return each
        raise NotFound("item", item)

    def remove_item(self, owner: str, conversation_id: str, item: str) -> Conversation:
        """Delete one item's content for good; its neighbours keep their ids."""
        conversation = self.conversations.get(owner, conversation_id)
        number, place = _located(item)
        turn = self.conversations.turn(conversation_id, number)
        stored = turn.items[place] if turn and place < len(turn.items) else Removed()
        if turn is None or isinstance(stored, Removed) or item != item_id(stored, turn, place):
            raise NotFound("item", item)
        self.conversations.remove_item(owner, conversation_id, number, place)
        return conversation


def _turn(turn_id: str, now: int, items: tuple[Item, ...], *, number: int) -> Turn:
    return Turn(id=turn_id, number=number, created_at=now, items=items)


def _located(item: str, param: str | None = None) -> tuple[int, int]:
    found = locate(item)
    if found is None:
        raise NotFound("item", item, param=param)
    return found


def _items(turns: Iterator[Turn], page: Page, now: float) -> Iterator[Item]:
    for turn in turns:
        visible = shown(turn, now)
        yield from visible if page.order == "asc" else reversed(visible)


def _after(items: Iterator[Item], page: Page) -> Iterator[Item]:
    """The items behind the place that `page.after` names, whether or not something is still there."""
    if page.after is None:
        return items
    start, forward = _located(page.after), page.order == "asc"
    return (item for item in items if (here := locate(item.id or "")) and (here > start if forward else here < start))


def filled(items: Iterator[Kept], limit: int) -> tuple[Sequence[Kept], bool]:
    """As many items as a page holds, at least one where there is one, and whether there are more."""
    kept: list[Kept] = []
    room = PAGE_BYTES
    for item in items:
        room -= len(msgspec.json.encode(item))
        if len(kept) == limit or (kept and room < 0):
            return kept, True
        kept.append(item)
    return kept, False
