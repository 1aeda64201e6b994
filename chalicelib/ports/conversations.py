"""Conversations, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from chalicelib.domain.conversation import Conversation, Metadata, Turn


class Page(Struct, frozen=True):
    """Which part of a list: at most `limit` after the id `after`, in time's order or against it."""

    limit: int = 20
    after: str | None = None
    order: Literal["asc", "desc"] = "desc"


class TurnPage(Struct, frozen=True):
    """Turns of a conversation: from number `start` (inclusive; 0 is the end that comes first) in an order."""

    start: int = 0
    order: Literal["asc", "desc"] = "desc"
    limit: int | None = None


class Conversations(Protocol):
    """Conversations of one owner each. An unknown and a foreign conversation are both `NotFound`."""

    def create(self, conversation: Conversation, first: Turn | None) -> None:
        """Store a new conversation, with its first items if there are any."""

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """The conversation, read consistently."""

    def update(self, owner: str, conversation_id: str, metadata: Metadata) -> Conversation:
        """Replace the metadata."""

    def delete(self, owner: str, conversation_id: str) -> None:
        """Remove the conversation and every turn of it; from the first moment on it is `NotFound`.

        After `StoreUnavailable` the owner may repeat it, to remove what was left.
        """

    def list(self, owner: str, page: Page) -> tuple[Sequence[Conversation], bool]:
        """Conversations by age, and whether there are more. An unknown `after` is `NotFound`.

        Their `last` is 0: a list does not follow every turn.
        """

    def append(self, owner: str, conversation_id: str, turn: Turn) -> Turn:
        """Add items as a turn of their own at the end; the turn with the number that it was given, its own or a later.

        Repeated while it is the newest turn, it changes nothing.
        """

    def turns(self, conversation_id: str, page: TurnPage) -> Iterator[Turn]:
        """Turns from `page.start` on, fetched page by page as they are asked for. Whose they are, `get` says."""

    def turn(self, conversation_id: str, number: int) -> Turn | None:
        """One turn, or None."""

    def remove_item(self, owner: str, conversation_id: str, number: int, place: int) -> None:
        """Delete one item's content for good. `NotFound` where it is not there."""
