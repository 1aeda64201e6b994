"""The peppers of key digests, from AWS Secrets Manager, as they are while the process runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated

import boto3
import msgspec

from chalicelib.adapters.secrets.stored import REFUSED_SECONDS, WITHIN, StoredSecret, secret_text
from chalicelib.domain.errors import Misconfigured, StoreUnavailable
from chalicelib.domain.identity import Peppers
from chalicelib.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class PepperSecret(msgspec.Struct, forbid_unknown_fields=True):
    """The secret's JSON: every pepper by its version, and the version that new keys use."""

    current: int
    peppers: dict[int, Annotated[str, msgspec.Meta(min_length=1)]]


class StoredPeppers:
    """Peppers that are read again every 5 minutes, and once in 30 s where a version is not among them."""

    def __init__(self, secret: StoredSecret[Peppers]) -> None:
        self._secret = secret

    def holding(self, version: int | None = None) -> Peppers:
        """The last good ones; `StoreUnavailable` or `Misconfigured` where there were none yet."""
        found = self._secret.read()
        if version is None or version in found.by_version:
            return found
        self._secret.refused(found)
        return self._secret.read()


def open_peppers(name: str, told: Callable[[str], None], clock: Clock) -> StoredPeppers:
    """The peppers in the secret `name`; `told` hears, without what is in it, why it cannot be had.

    By `clock` time goes on while a function is frozen.
    """

    @cache
    def client() -> SecretsManagerClient:
        return boto3.client("secretsmanager", config=WITHIN)

    def fetch() -> Peppers:
        try:
            return parsed(secret_text(client, name), name)
        except (StoreUnavailable, Misconfigured) as fault:
            told(fault.message)
            raise

    return StoredPeppers(StoredSecret(fetch, clock=clock, failed_seconds=REFUSED_SECONDS))


def parsed(text: str, name: str) -> Peppers:
    """The peppers that the JSON `text` of a secret is; `Misconfigured` where it is none."""
    try:
        secret = msgspec.json.decode(text, type=PepperSecret, strict=False)
    except msgspec.MsgspecError:
        raise Misconfigured(f"the secret '{name}' is not of the form current, peppers") from None
    if secret.current not in secret.peppers:
        raise Misconfigured(f"the secret '{name}' has no pepper of the version that is current")
    return Peppers(secret.current, {version: pepper.encode() for version, pepper in secret.peppers.items()})
