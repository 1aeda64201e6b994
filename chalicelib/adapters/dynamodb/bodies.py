"""Turns as items: JSON, compressed where that saves a write unit, cut in parts where an item is too small.

A turn's item holds the first part and names the digest of the whole; further parts carry the digest in their
key and are written before the turn's item, so that a reader never sees a turn without them. A turn that is
written anew has another digest, hence other parts; those of the old body go afterwards. Parts that were written for
a turn that is still to be answered go by their time to live, as nobody knows when the last request that names them
arrives: those of a turn that is cut are kept.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.adapters.dynamodb.table import Attributes, part_key, turn_key
from chalicelib.domain.conversation import Removed, Turn

COMPRESSED_BYTES: Final = 1024
PART_BYTES: Final = 350_000  # an item may have 400 KB, keys and names included

_turn = msgspec.json.Decoder(Turn)


class Packed(Struct, frozen=True):
    """A turn ready to be written: its item, and the parts that go before it."""

    item: Attributes
    parts: tuple[Attributes, ...]
    number: int


class Torn(Struct, frozen=True):
    """A turn whose parts were replaced while they were read: read it again."""

    number: int


def pack(conversation_id: str, turn: Turn, removed: frozenset[int] = frozenset()) -> Packed:
    """The items of `turn`, without the content of the items at the places `removed`."""
    body = packed_bytes(msgspec.json.encode(without(turn, removed)))
    digest = hashlib.sha256(body).hexdigest()[:16]
    parts = tuple(
        {
            **part_key(conversation_id, turn.number, turn.id, digest, place),
            "body": {"B": body[start:][:PART_BYTES]},
        }
        for place, start in enumerate(range(PART_BYTES, len(body), PART_BYTES), start=1)
    )
    item: Attributes = {
        **turn_key(conversation_id, turn.number),
        "turn_id": {"S": turn.id},
        "state": {"S": turn.state},
        "digest": {"S": digest},
        "body": {"B": body[:PART_BYTES]},
    }
    if parts:
        item["parts"] = {"N": str(len(parts))}
    if removed:
        item["removed"] = {"NS": [str(place) for place in sorted(removed)]}
    return Packed(item, parts, turn.number)


def digest_of(packed: Packed) -> Attributes:
    """What the record of a large turn says of its parts, so that they can be found without the turn."""
    return {"parts": packed.item["parts"], "digest": packed.item["digest"]} if packed.parts else {}


def parts_of(record: Attributes) -> list[Attributes]:
    """The keys of the parts that such a record tells of."""
    place = record["conversation"]["S"], int(record["number"]["N"]), record["turn_id"]["S"]
    count = int(record["parts"]["N"]) if "parts" in record else 0
    return [part_key(*place, record["digest"]["S"], number) for number in range(1, count + 1)]


def packed_bytes(text: bytes) -> bytes:
    """`text`, compressed if it is long; JSON never begins as zlib does."""
    return zlib.compress(text) if len(text) > COMPRESSED_BYTES else text


def unpacked_bytes(body: bytes) -> bytes:
    """The inverse of `packed_bytes`."""
    return zlib.decompress(body) if body[:1] == b"x" else body


def without(turn: Turn, places: frozenset[int]) -> Turn:
    """The turn with nothing but the place left of the items at `places`."""
    if not places:
        return turn
    items = tuple(Removed() if place in places else item for place, item in enumerate(turn.items))
    return msgspec.structs.replace(turn, items=items)


def removed_places(item: Attributes) -> frozenset[int]:
    """Which items of a stored turn were deleted."""
    return frozenset(int(place) for place in item.get("removed", {"NS": []})["NS"])


def unpack(items: Iterable[Attributes]) -> Iterator[Turn | Torn]:
    """The turns among `items`, which are in key order or against it; `Torn` where parts are missing."""
    pending: list[Attributes] = []
    for item in items:
        if pending and _number(item) != _number(pending[0]):
            yield from _joined(pending)
            pending = []
        if item["sk"]["S"].count("#") == 1 and "parts" not in item:
            yield _decoded(item, item["body"]["B"])  # nearly always: without waiting for what comes next
        else:
            pending.append(item)
    yield from _joined(pending)


def _joined(items: list[Attributes]) -> Iterator[Turn | Torn]:
    """At most one turn, from its item and parts in any order; parts of other digests are left out."""
    head = next((item for item in items if "digest" in item), None)
    if head is None:
        return
    mine = f"#{head['turn_id']['S']}#{head['digest']['S']}#"
    parts = sorted((item for item in items if mine in item["sk"]["S"]), key=lambda item: str(item["sk"]["S"]))
    if len(parts) < int(head["parts"]["N"]):
        yield Torn(_number(head))
    else:
        yield _decoded(head, b"".join(item["body"]["B"] for item in (head, *parts)))


def _decoded(head: Attributes, body: bytes) -> Turn:
    turn = _turn.decode(unpacked_bytes(body))
    state = head["state"]["S"]
    return turn if turn.state == state else msgspec.structs.replace(turn, state=state)


def _number(item: Attributes) -> int:
    return int(item["sk"]["S"][5:15])
