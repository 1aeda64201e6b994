"""What the semantic cache decided and learned, as items of the table `entries`; nothing else builds their keys."""

from __future__ import annotations

import hashlib
from typing import Final
from zlib import crc32

import msgspec

from chalicelib.adapters.dynamodb.table import FOREVER, Attributes
from chalicelib.domain.entries import Purge
from chalicelib.domain.lessons import Course, Feedback, Ruling
from chalicelib.domain.verdicts import Calibration, Namespace

KEPT_SECONDS: Final = 7 * 86_400
IDLE_SECONDS: Final = 90 * 86_400  # after which a namespace without decisions starts anew
SHARDS: Final = 16

_ruling = msgspec.msgpack.Decoder(Ruling)
_feedback = msgspec.msgpack.Decoder(Feedback)
_course = msgspec.msgpack.Decoder(Course)
_fit = msgspec.msgpack.Decoder(Calibration)
_purges = msgspec.msgpack.Decoder(tuple[Purge, ...])
_label = msgspec.json.Decoder(tuple[str, str, str])


def decision_key(tenant: str, turn_id: str) -> Attributes:
    """Where the decision of a turn is, and what was said of it in the call with such an id."""
    return {"pk": {"S": f"decisions#{tenant}"}, "sk": {"S": turn_id}}


def namespace_shards() -> list[dict[str, str]]:
    """The partitions with all namespaces."""
    return [{"S": f"namespaces#{shard}"} for shard in range(SHARDS)]


def namespace_key(namespace: Namespace) -> Attributes:
    """Where a namespace's fit is: the item that shows that there is such a namespace."""
    shard = crc32(namespace.tenant.encode()) % SHARDS
    return {"pk": {"S": f"namespaces#{shard}"}, "sk": {"S": f"{namespace.tenant}#{_digest(namespace)}"}}


def course_key(namespace: Namespace) -> Attributes:
    """Where all is that its fit comes from; no turn reads it."""
    return {"pk": {"S": f"lessons#{namespace.tenant}"}, "sk": {"S": _digest(namespace)}}


def purges_key(tenant: str) -> Attributes:
    return {"pk": {"S": f"purges#{tenant}"}, "sk": {"S": "all"}}


def floor_key(answer: str) -> Attributes:
    """Where the floor of the answer with that exact key is."""
    return {"pk": {"S": f"floor#{answer}"}, "sk": {"S": "floor"}}


def label(namespace: Namespace) -> dict[str, str]:
    """One text for each namespace, whatever is in its parts."""
    return {"S": msgspec.json.encode(msgspec.structs.astuple(namespace)).decode()}


def namespace_of(item: Attributes) -> Namespace:
    """The namespace behind its item."""
    return Namespace(*_label.decode(item["label"]["S"]))


def ruling_item(ruling: Ruling) -> Attributes:
    return {
        **decision_key(ruling.scope.tenant, ruling.id),
        "ruling": {"B": msgspec.msgpack.encode(ruling)},
        "request_id": {"S": ruling.request_id},
        "ttl": {"N": str(ruling.at + KEPT_SECONDS)},
    }


def feedback_item(feedback: Feedback) -> Attributes:
    ruling = feedback.ruling
    return {
        **decision_key(ruling.scope.tenant, feedback.id),
        "feedback": {"B": msgspec.msgpack.encode(feedback)},
        "ttl": {"N": str(ruling.at + KEPT_SECONDS)},
    }


def ruling_of(item: Attributes) -> Ruling:
    """The decision in an item, with the user's word if there is one."""
    ruling = _ruling.decode(item["ruling"]["B"])
    return msgspec.structs.replace(ruling, correct=item["correct"]["BOOL"]) if "correct" in item else ruling


def told_in(item: Attributes) -> Ruling | Feedback | None:
    """What an item of a tenant's decisions tells; None where another release wrote it in a way of its own."""
    try:
        return ruling_of(item) if "ruling" in item else _feedback.decode(item["feedback"]["B"])
    except (KeyError, msgspec.MsgspecError):
        return None


def fit_in(item: Attributes | None, namespace: Namespace) -> Calibration | None:
    """The fit that turns read; None where there is none of this namespace, or none that can be read."""
    if item is None or item.get("label") != label(namespace):
        return None
    try:
        return _fit.decode(item["fit"]["B"])
    except (KeyError, msgspec.MsgspecError):
        return None


def course_in(item: Attributes) -> Course | None:
    """All that was learned; None where nobody can read it."""
    try:
        return _course.decode(item["course"]["B"])
    except (KeyError, msgspec.MsgspecError):
        return None


def purges_in(item: Attributes | None) -> tuple[Purge, ...]:
    """What was purged of a tenant; everything, where nobody can read what."""
    if item is None:
        return ()
    try:
        return _purges.decode(item["purges"]["B"])
    except (KeyError, msgspec.MsgspecError):
        return (Purge(item["pk"]["S"].partition("#")[2], before=FOREVER),)


def _digest(namespace: Namespace) -> str:
    return hashlib.sha256(label(namespace)["S"].encode()).hexdigest()[:32]
