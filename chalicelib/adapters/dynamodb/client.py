"""The way to DynamoDB: made when it is first used, and its errors in our words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

import botocore.session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from chalicelib.adapters.dynamodb import reach
from chalicelib.adapters.dynamodb.direct import Direct
from chalicelib.adapters.dynamodb.table import Attributes, Tables
from chalicelib.domain.errors import Misconfigured, StoreUnavailable, TidegateError

Pause = Callable[[int], None]
"""Waits before the next attempt, longer and with more jitter for each one that came before (1, 2, …)."""

_ERRORS: Final[dict[str, type[TidegateError]]] = {
    "AccessDeniedException": Misconfigured,
    "ResourceNotFoundException": Misconfigured,
    "UnrecognizedClientException": Misconfigured,
    "ExpiredTokenException": StoreUnavailable,
    "InternalFailure": StoreUnavailable,
    "InternalServerError": StoreUnavailable,
    "LimitExceededException": StoreUnavailable,
    "ProvisionedThroughputExceededException": StoreUnavailable,
    "ReplicatedWriteConflictException": StoreUnavailable,
    "RequestLimitExceeded": StoreUnavailable,
    "ServiceUnavailable": StoreUnavailable,
    "ServiceUnavailableException": StoreUnavailable,
    "ThrottlingException": StoreUnavailable,
    "TransactionInProgressException": StoreUnavailable,
}
_UNUSABLE: Final = (NoCredentialsError, NoRegionError, PartialCredentialsError)


class Unmet(Exception):
    """A condition did not hold: the item as it was found, or None where there is none."""

    def __init__(self, item: Attributes | None) -> None:
        super().__init__()
        self.item = item


class Cancelled(Exception):
    """A transaction was refused: DynamoDB's reason for each action, in order."""

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        super().__init__()
        self.reasons = reasons


class Database:
    """The tables and how to reach them. Safe to share between threads."""

    def __init__(
        self,
        tables: Tables,
        *,
        pause: Pause,
        region: str | None = None,
        endpoint: str | None = None,
        direct: bool = False,
    ) -> None:
        """Where `region` and `endpoint` are None, the environment says. `direct` leaves botocore's client out."""
        self.tables = tables
        self.pause = pause
        self._region = region
        self._endpoint = endpoint
        self._is_direct = direct
        self._lock = threading.RLock()
        self._client: Any = None
        self._direct: Direct | None = None

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request; `Unmet` or `Cancelled` where a condition failed, else an error of ours."""
        try:
            return self._send(operation, request)
        except ClientError as fault:
            raise _translated(fault, operation) from fault
        except _UNUSABLE as fault:
            raise Misconfigured(f"DynamoDB cannot be called: {type(fault).__name__}") from fault
        except BotoCoreError as fault:
            raise StoreUnavailable(f"{operation} got no answer: {type(fault).__name__}") from fault

    def _send(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if self._is_direct:
            return (self._direct or self._reach()).send(operation, request)
        reply: dict[str, Any] = getattr(self._client or self._connect(), operation)(**request)
        return reply

    def _reach(self) -> Direct:
        with self._lock:
            if self._direct is None:
                place = reach.place(self._session, self._region, self._endpoint)
                self._direct = Direct(self._session, place, self._connect, time.time)
            return self._direct

    def _connect(self) -> Any:
        """Make the client once, from botocore alone: boto3 would add 50 ms to a cold start."""
        with self._lock:
            if self._client is None:
                self._client = self._session.create_client(
                    reach.SERVICE, region_name=self._region, endpoint_url=self._endpoint, config=reach.config()
                )
            return self._client

    @cached_property
    def _session(self) -> botocore.session.Session:
        return botocore.session.Session()


def jittered(sleep: Callable[[float], None], random: Callable[[], float]) -> Pause:
    """Full jitter below 20 ms, doubled with each attempt up to 1 s; `random` is uniform in [0, 1)."""
    return lambda attempt: sleep(random() * min(1.0, 0.01 * 2**attempt))


def _translated(fault: ClientError, operation: str) -> Exception:
    response: dict[str, Any] = {**fault.response}
    code = response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return Unmet(response.get("Item"))
    if code == "TransactionConflictException":  # what a plain write is told where a transaction is in its way
        return Cancelled([{"Code": "TransactionConflict"}])
    if code == "TransactionCanceledException":
        return Cancelled(response.get("CancellationReasons", []))
    if code in _ERRORS:
        return _ERRORS[code](f"{operation} failed: {code}")
    return fault
