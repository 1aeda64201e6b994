"""Several writes that all happen or none, tried again while other transactions are in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from chalicelib.adapters.dynamodb.client import Cancelled, Database, Unmet
from chalicelib.adapters.dynamodb.table import Attributes
from chalicelib.domain.errors import StoreBusy, StoreUnavailable

Action = dict[str, dict[str, Any]]
"""One member of TransactWriteItems: its kind and its request."""

ATTEMPTS: Final = 12
_SINGLE: Final = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}
_CONFLICT: Final = "TransactionConflict"
_PASSING: Final = {_CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"}
_UNMET: Final = "ConditionalCheckFailed"


class Refusal(Struct, frozen=True):
    """A condition that did not hold, and the item that it found, if there was one."""

    item: Attributes | None = None


Refusals = dict[int, Refusal]
"""By the action's place; empty where everything was written."""


def write(database: Database, actions: Sequence[Action], *, shared: bool = True) -> Refusals:
    """Write all of it, or tell whose conditions were in the way; `StoreBusy` if others are always in it.

    `shared` False makes one writer of several with the same actions the only one that is told of success.
    """
    operation, request = _request(actions, shared=shared)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            database.call(operation, request)
        except Unmet as unmet:
            return {0: Refusal(unmet.item)}
        except Cancelled as cancelled:
            if not _is_passing(cancelled):
                return _refusals(cancelled)
            _fail_throttled(cancelled, attempt)
        else:
            return {}
        database.pause(attempt)
    raise StoreBusy("DynamoDB found no moment for the write")


def _request(actions: Sequence[Action], *, shared: bool) -> tuple[str, dict[str, Any]]:
    """The call to make: alone, an action is the plain write, which costs half."""
    if len(actions) == 1:
        ((kind, request),) = actions[0].items()
        return _SINGLE[kind], request
    token = {"ClientRequestToken": _token(actions)} if shared else {}  # else the SDK makes one of its own
    return "transact_write_items", {"TransactItems": actions, **token}


def _is_passing(cancelled: Cancelled) -> bool:
    """Whether another transaction was in the way of the first action, or of any where no condition failed."""
    codes = [str(reason.get("Code")) for reason in cancelled.reasons]
    return codes[0] in _PASSING or (_UNMET not in codes and not _PASSING.isdisjoint(codes))


def _fail_throttled(cancelled: Cancelled, attempt: int) -> None:
    """At the last attempt: what DynamoDB has no capacity for is not the doing of others who write the same."""
    if attempt == ATTEMPTS and not any(reason.get("Code") == _CONFLICT for reason in cancelled.reasons):
        raise StoreUnavailable("DynamoDB throttles the write")


def _refusals(cancelled: Cancelled) -> Refusals:
    refusals = {
        place: Refusal(reason.get("Item"))
        for place, reason in enumerate(cancelled.reasons)
        if reason.get("Code") == _UNMET
    }
    if not refusals:
        raise cancelled  # a fault of the request itself
    return refusals


def _token(actions: Sequence[Action]) -> str:
    """The same for the same writes: a repetition that overlaps with the first is one transaction."""
    return hashlib.sha256(msgspec.json.encode(actions)).hexdigest()[:36]
