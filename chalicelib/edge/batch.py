"""Messages of a queue as Lambda brings them: each done on its own, those that failed named, poison put aside.

The only broad `except` beside the one that answers a call: a message must not take the others of its batch with it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from chalicelib.domain.errors import TidegateError
from chalicelib.domain.jobs import Message, Poison
from chalicelib.edge.telemetry import log_bug, logger
from chalicelib.pipeline.services import Services

Failures = dict[str, list[dict[str, str]]]
"""Lambda's `batchItemFailures`."""

MOST_AT_ONCE: Final = 10  # as many as a batch has: each waits for a model, none for the processor

_decoder: Final = msgspec.json.Decoder(Message)


def worked(event: dict[str, Any], do: Callable[[Message, Services], None], use: Services) -> Failures:
    """Lambda's partial answer for a batch: `do` each message; what can never be done is buried with its reason."""
    records = event["Records"]
    with ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, len(records) or 1)) as threads:
        done = list(threads.map(lambda record: _done(record, do, use), records))
    failures = [record["messageId"] for record, good in zip(records, done, strict=True) if not good]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failures]}


def _done(record: dict[str, Any], do: Callable[[Message, Services], None], use: Services) -> bool:
    origin = {"message_id": str(record.get("messageId"))}
    try:
        do(_message(record["body"]), use)
    except Poison as fault:
        return _buried(record["body"], fault.reason, use, origin)
    except TidegateError as fault:
        logger().warning("message failed", error=type(fault).__name__, reason=fault.message, extra=origin)
        return False
    except Exception as fault:  # noqa: BLE001 - the other messages of the batch are not its victims
        log_bug(fault, origin)
        return False
    return True


def _message(body: str) -> Message:
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as fault:
        raise Poison("not a message of a version that is known") from fault
    except msgspec.DecodeError as fault:
        raise Poison("not JSON") from fault


def _buried(body: str, reason: str, use: Services, origin: dict[str, str]) -> bool:
    """Whether the message was put where the dead are; else the queue will, after it has come often enough."""
    logger().error("poison", reason=reason, extra=origin)
    try:
        use.lane.bury(body, reason)
    except TidegateError:
        return False
    return True
