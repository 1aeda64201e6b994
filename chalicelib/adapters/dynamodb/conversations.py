"""Conversations: a head and its turns in one partition, and an index of the heads by owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.bodies import Packed, pack, removed_places
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import (
    BY_OWNER,
    Attributes,
    conversation_of,
    created_key,
    head_item,
    head_key,
    metadata_text,
    turn_key,
)
from chalicelib.adapters.dynamodb.transact import Action, Refusals, write
from chalicelib.adapters.dynamodb.turn_items import (
    drop_everything,
    drop_parts,
    get_item,
    put_parts,
    put_turn,
    read_one,
    read_page,
)
from chalicelib.domain.conversation import Conversation, Metadata, Removed, Turn
from chalicelib.domain.errors import Conflict, NotFound, StoreUnavailable
from chalicelib.ports import Page, TurnPage

_TRIES: Final = 12  # against writers of the same conversation


class DynamoConversations:
    """`Conversations` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, conversation: Conversation, first: Turn | None) -> None:
        """One PutItem, or one TransactWriteItems with the first turn."""
        begun = msgspec.structs.replace(conversation, last=1 if first else 0)
        head = {
            "TableName": self._database.tables.conversations,
            "Item": head_item(begun) | ({"last_id": {"S": first.id}} if first else {}),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        turn = msgspec.structs.replace(first, number=1) if first else None
        refusals = self._write({"Put": head}, pack(conversation.id, turn) if turn else None)
        if refusals and refusals[0].item != head["Item"]:
            raise Conflict(f"A conversation with id '{conversation.id}' exists already.")

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """One GetItem."""
        return conversation_of(self._head(owner, conversation_id))

    def update(self, owner: str, conversation_id: str, metadata: Metadata) -> Conversation:
        """One GetItem and one UpdateItem."""
        found = self.get(owner, conversation_id)
        update = self._of_owner(owner, conversation_id, "SET metadata = :metadata")
        update["ExpressionAttributeValues"][":metadata"] = {"S": metadata_text(metadata)}
        if write(self._database, [{"Update": update}]):
            raise NotFound("conversation", conversation_id)
        return msgspec.structs.replace(found, metadata=metadata)

    def delete(self, owner: str, conversation_id: str) -> None:
        """The head is hidden first, then nobody finds it; it goes last, so that a repetition can finish."""
        if not self.hide(owner, conversation_id):
            raise NotFound("conversation", conversation_id)
        drop_everything(self._database, conversation_id)

    def hide(self, owner: str, conversation_id: str) -> bool:
        """Take a conversation from its owner, under a name by which an erasure finds it; whether it is there."""
        update = self._of_owner(owner, conversation_id, "SET gone = :owner, #owner = :hidden REMOVE metadata")
        update["ConditionExpression"] += " OR gone = :owner"
        update["ExpressionAttributeValues"][":hidden"] = {"S": hidden(owner)}
        return not write(self._database, [{"Update": update}])

    def list(self, owner: str, page: Page) -> tuple[Sequence[Conversation], bool]:
        """One Query of the index, which follows a new conversation within moments."""
        request: dict[str, Any] = {
            "TableName": self._database.tables.conversations,
            "IndexName": BY_OWNER,
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": {"S": owner}},
            "ScanIndexForward": page.order == "asc",
            "Limit": page.limit + 1,
        }
        if page.after is not None:
            sign = ">" if page.order == "asc" else "<"
            request["KeyConditionExpression"] += f" AND created_key {sign} :after"
            after = created_key(self.get(owner, page.after))
            request["ExpressionAttributeValues"][":after"] = {"S": after}
        heads = list(islice(batch.query(self._database, request), page.limit + 1))
        return [conversation_of(head) for head in heads[: page.limit]], len(heads) > page.limit

    def append(self, owner: str, conversation_id: str, turn: Turn) -> Turn:
        """One GetItem and one TransactWriteItems, again where somebody else's turn came first."""
        for attempt in range(1, _TRIES + 1):
            head = self._head(owner, conversation_id)
            last = int(head["last"]["N"])
            if head.get("last_id") == {"S": turn.id}:
                return self.turn(conversation_id, last) or msgspec.structs.replace(turn, number=last)
            numbered = msgspec.structs.replace(turn, number=max(last + 1, turn.number))
            if not self._write(self._counting(owner, conversation_id, numbered), pack(conversation_id, numbered)):
                return numbered
            self._database.pause(attempt)
        raise StoreUnavailable(f"conversation '{conversation_id}' went on each time")

    def turns(self, conversation_id: str, page: TurnPage) -> Iterator[Turn]:
        """A Query for each page."""
        return islice(read_page(self._database, conversation_id, page), page.limit)

    def turn(self, conversation_id: str, number: int) -> Turn | None:
        """One Query."""
        return read_one(self._database, conversation_id, number)

    def remove_item(self, owner: str, conversation_id: str, number: int, place: int) -> None:
        """Rewrite the turn without the item, again where it was written meanwhile."""
        for attempt in range(1, _TRIES + 1):
            self._head(owner, conversation_id)
            stored = get_item(self._database, turn_key(conversation_id, number))
            turn = read_one(self._database, conversation_id, number)
            if stored is None or turn is None or _is_gone(turn, place):
                raise NotFound("item", f"{conversation_id}/{number}/{place}")
            packed = pack(conversation_id, turn, removed_places(stored) | {place})
            if self._rewritten(packed, stored):
                drop_parts(self._database, pack(conversation_id, turn, removed_places(stored)))
                return
            drop_parts(self._database, packed)
            self._database.pause(attempt)
        raise StoreUnavailable(f"turn {number} of '{conversation_id}' was written each time")

    def _head(self, owner: str, conversation_id: str) -> Attributes:
        head = get_item(self._database, head_key(conversation_id))
        if head is None or head.get("owner") != {"S": owner}:
            raise NotFound("conversation", conversation_id)
        return head

    def _of_owner(self, owner: str, conversation_id: str, expression: str) -> dict[str, Any]:
        """An update of the head on condition that it is the owner's."""
        return {
            "TableName": self._database.tables.conversations,
            "Key": head_key(conversation_id),
            "UpdateExpression": expression,
            "ConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": {"S": owner}},
        }

    def _counting(self, owner: str, conversation_id: str, turn: Turn) -> Action:
        """The head takes `turn` as its next one."""
        update = self._of_owner(owner, conversation_id, "SET #last = :number, last_id = :id")
        update["ConditionExpression"] += " AND #last < :number"
        update["ExpressionAttributeNames"]["#last"] = "last"
        update["ExpressionAttributeValues"] |= {
            ":number": {"N": str(turn.number)},
            ":id": {"S": turn.id},
        }
        return {"Update": update}

    def _write(self, head: Action, packed: Packed | None) -> Refusals:
        """The head together with a turn."""
        if packed is None:
            return write(self._database, [head])
        put_parts(self._database, packed)
        turn = put_turn(self._database, packed, "attribute_not_exists(pk)", {})
        refusals = write(self._database, [head, turn])
        if refusals:
            drop_parts(self._database, packed)
        return refusals

    def _rewritten(self, packed: Packed, stored: Attributes) -> bool:
        put_parts(self._database, packed)
        values = {":digest": stored["digest"], ":state": stored["state"]}
        condition = "digest = :digest AND #state = :state"
        action = put_turn(self._database, packed, condition, values)
        action["Put"]["ExpressionAttributeNames"] = {"#state": "state"}
        refusals = write(self._database, [action])
        found = refusals[0].item if refusals else packed.item
        return found is not None and found["digest"] == packed.item["digest"]  # if it was refused: sent twice


def hidden(owner: str) -> str:
    """Where an index has what was taken from an owner, until nothing is left of it."""
    return f"gone#{owner}"


def _is_gone(turn: Turn, place: int) -> bool:
    return not 0 <= place < len(turn.items) or isinstance(turn.items[place], Removed)
