"""Secrets that are read where they are used, kept for a while, and read again once they are refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Misconfigured, StoreUnavailable
from chalicelib.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

_KEPT_SECONDS: Final = 300.0
_FAILED_SECONDS: Final = 5.0
REFUSED_SECONDS: Final = 30.0
"""A key that is wrong for good is not read at each call."""
WITHIN: Final = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})

Fault = StoreUnavailable | Misconfigured
Held = TypeVar("Held")


class StoredSecret(Generic[Held]):
    """One secret of this process: `fetch` is called by one thread at a time, and not more often than needed.

    Where it fails, the last one is good for as long as it keeps failing.
    """

    def __init__(
        self, fetch: Callable[[], Held], *, clock: Clock = time.monotonic, failed_seconds: float = _FAILED_SECONDS
    ) -> None:
        """`fetch` raises `StoreUnavailable` or `Misconfigured`; nothing is read before the first `read`."""
        self._fetch = fetch
        self._clock = clock
        self._failed_seconds = failed_seconds
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._fault: Fault | None = None
        self._due = self._read_at = float("-inf")

    def read(self) -> Held:
        """What it is now; while it is read anew, others go on with the one before."""
        if self._clock() >= self._due and self._lock.acquire(blocking=self._held is None):
            try:
                if self._clock() >= self._due:  # nobody read it while this one waited
                    self._renew()
            finally:
                self._lock.release()
        if self._held is None:
            fault = self._fault or StoreUnavailable("The secret was not read.")
            raise type(fault)(fault.message) from fault
        return self._held

    def refused(self, held: Held) -> None:
        """Read it anew at the next call, unless that was done already or a moment ago."""
        if held == self._held:
            self._due = min(self._due, self._read_at + REFUSED_SECONDS)

    def _renew(self) -> None:
        self._read_at = self._clock()
        try:
            self._held = self._fetch()
        except (StoreUnavailable, Misconfigured) as fault:
            self._fault = fault
            self._due = self._clock() + self._failed_seconds
        else:
            self._due = self._clock() + _KEPT_SECONDS


@cache
def open_secret(place: str, field: str = "") -> StoredSecret[str]:
    """The secret `secretsmanager:name` or `ssm:/path/name`, or one field of it where it is a JSON object."""
    store, _, name = place.partition(":")
    return StoredSecret(lambda: _field(_FETCHERS[store](name), field, name))


def _field(text: str, field: str, name: str) -> str:
    if not field:
        return text.strip()
    try:
        found = msgspec.json.decode(text, type=dict[str, Any]).get(field)
    except msgspec.MsgspecError:
        found = None
    if not isinstance(found, str):
        raise Misconfigured(f"The secret '{name}' is no JSON object with the text '{field}'.")
    return found.strip()


def _from_secrets_manager(name: str) -> str:
    return secret_text(_secrets_manager, name)


def secret_text(client: Callable[[], SecretsManagerClient], name: str) -> str:
    """The text of a secret in Secrets Manager."""
    try:
        reply = client().get_secret_value(SecretId=name)
    except (ClientError, BotoCoreError) as fault:
        raise StoreUnavailable(f"The secret '{name}' cannot be read.") from fault
    if "SecretString" not in reply:
        raise Misconfigured(f"The secret '{name}' is no text.")
    return reply["SecretString"]


def _from_parameter_store(name: str) -> str:
    try:
        reply = _parameter_store().get_parameter(Name=name, WithDecryption=True)
    except (ClientError, BotoCoreError) as fault:
        raise StoreUnavailable(f"The parameter '{name}' cannot be read.") from fault
    return reply["Parameter"]["Value"]


_FETCHERS: Final[dict[str, Callable[[str], str]]] = {
    "secretsmanager": _from_secrets_manager,
    "ssm": _from_parameter_store,
}


@cache
def _secrets_manager() -> SecretsManagerClient:
    return boto3.session.Session().client("secretsmanager", config=WITHIN)


@cache
def _parameter_store() -> SSMClient:
    return boto3.session.Session().client("ssm", config=WITHIN)
