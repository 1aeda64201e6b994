"""Conversations in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.conversation import Conversation, Metadata, Removed, Turn
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.ports import Page, TurnPage


class MemoryConversations:
    """`Conversations` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def create(self, conversation: Conversation, first: Turn | None) -> None:
        """An equal conversation is a repetition."""
        begun = msgspec.structs.replace(conversation, last=1 if first else 0)
        with self._shelf.lock:
            if self._shelf.heads.get(conversation.id, begun) != begun:
                raise Conflict(f"A conversation with id '{conversation.id}' exists already.")
            self._shelf.heads[conversation.id] = begun
            turns = self._shelf.turns.setdefault(conversation.id, {})
            if first is not None:
                turns[1] = msgspec.structs.replace(first, number=1)

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """The head."""
        with self._shelf.lock:
            return self._shelf.head(owner, conversation_id)

    def update(self, owner: str, conversation_id: str, metadata: Metadata) -> Conversation:
        """The head with other metadata."""
        with self._shelf.lock:
            head = self._shelf.head(owner, conversation_id)
            self._shelf.heads[conversation_id] = msgspec.structs.replace(head, metadata=metadata)
            return self._shelf.heads[conversation_id]

    def delete(self, owner: str, conversation_id: str) -> None:
        """Head and turns at once."""
        with self._shelf.lock:
            self._shelf.head(owner, conversation_id)
            del self._shelf.heads[conversation_id]
            del self._shelf.turns[conversation_id]

    def list(self, owner: str, page: Page) -> tuple[Sequence[Conversation], bool]:
        """Sorted anew for each page."""
        with self._shelf.lock:
            after = _age(self._shelf.head(owner, page.after)) if page.after is not None else None
            mine = [head for head in self._shelf.heads.values() if head.owner == owner]
        mine.sort(key=_age, reverse=page.order == "desc")
        if after is not None:
            mine = [head for head in mine if (_age(head) > after) == (page.order == "asc") and _age(head) != after]
        listed = [msgspec.structs.replace(head, last=0) for head in mine[: page.limit]]
        return listed, len(mine) > page.limit

    def append(self, owner: str, conversation_id: str, turn: Turn) -> Turn:
        """The newest turn with the same id is a repetition."""
        with self._shelf.lock:
            head = self._shelf.head(owner, conversation_id)
            turns = self._shelf.turns[conversation_id]
            if head.last in turns and turns[head.last].id == turn.id:
                return turns[head.last]
            numbered = msgspec.structs.replace(turn, number=max(head.last + 1, turn.number))
            turns[numbered.number] = numbered
            self._shelf.heads[conversation_id] = msgspec.structs.replace(head, last=numbered.number)
            return numbered

    def turns(self, conversation_id: str, page: TurnPage) -> Iterator[Turn]:
        """The turns as they are when asked for."""
        with self._shelf.lock:
            turns = sorted(self._shelf.turns.get(conversation_id, {}).items())
        if page.order == "asc":
            chosen = [turn for number, turn in turns if number >= page.start]
        else:
            chosen = [turn for number, turn in reversed(turns) if not page.start or number <= page.start]
        return islice(iter(chosen), page.limit)

    def turn(self, conversation_id: str, number: int) -> Turn | None:
        """The turn with that number."""
        with self._shelf.lock:
            return self._shelf.turns.get(conversation_id, {}).get(number)

    def remove_item(self, owner: str, conversation_id: str, number: int, place: int) -> None:
        """The place stays."""
        with self._shelf.lock:
            self._shelf.head(owner, conversation_id)
            turn = self._shelf.turns[conversation_id].get(number)
            if turn is None or place >= len(turn.items) or isinstance(turn.items[place], Removed):
                raise NotFound("item", f"{conversation_id}/{number}/{place}")
            items = (*turn.items[:place], Removed(), *turn.items[place + 1 :])
            self._shelf.turns[conversation_id][number] = msgspec.structs.replace(turn, items=items)


def _age(conversation: Conversation) -> tuple[int, str]:
    return conversation.created_at, conversation.id
