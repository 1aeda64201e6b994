"""The way to DynamoDB: one client, made when it is first used, and its errors in our words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

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

    def __init__(self, tables: Tables, *, pause: Pause, region: str | None = None, endpoint: str | None = None) -> None:
        """Where `region` and `endpoint` are None, the environment says."""
        self.tables = tables
        self.pause = pause
        self._region = region
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._client: Any = None

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request; `Unmet` or `Cancelled` where a condition failed, else an error of ours."""
        method = getattr(self._client or self._connect(), operation)
        try:
            reply: dict[str, Any] = method(**request)
        except ClientError as fault:
            raise _translated(fault, operation) from fault
        except _UNUSABLE as fault:
            raise Misconfigured(f"DynamoDB cannot be called: {type(fault).__name__}") from fault
        except BotoCoreError as fault:
            raise StoreUnavailable(f"{operation} got no answer: {type(fault).__name__}") from fault
        return reply

    def _connect(self) -> Any:
        """Make the client once, from botocore alone: boto3 would add 50 ms to a cold start."""
        with self._lock:
            if self._client is None:
                self._client = botocore.session.Session().create_client(
                    "dynamodb", region_name=self._region, endpoint_url=self._endpoint, config=_config()
                )
            return self._client


def jittered(sleep: Callable[[float], None], random: Callable[[], float]) -> Pause:
    """Full jitter below 20 ms, doubled with each attempt up to 1 s; `random` is uniform in [0, 1)."""
    return lambda attempt: sleep(random() * min(1.0, 0.01 * 2**attempt))


def _config() -> Config:
    return Config(
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=64,
        parameter_validation=False,
        tcp_keepalive=True,
        disable_request_compression=True,
        account_id_endpoint_mode="disabled",
        user_agent="tidegate",  # botocore puts its own together anew for each request: a ninth of the call
    )


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
