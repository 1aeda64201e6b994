"""What is kept of a call that carries an idempotency key: who answers it, until when, and then the answer itself."""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct

LIFE_SECONDS: Final = 86_400  # within which a key stands for one request

_PASSING: Final = {401, 403, 409, 429}
_FAULTS: Final = 500


class Told(Struct, frozen=True):
    """An answer as it is sent each time: status, the headers that belong to it, and every byte of its body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Receipt(Struct, frozen=True, kw_only=True):
    """One key of one caller; times are epoch seconds, and from `until` on there is no such receipt.

    The caller's key is a key of `owner`, a user of a tenant.
    The call `holder` answers it until `lease_until`, with `turn_id` as the name of all that it causes: its own,
    unless an earlier holder broke off and left something under that name. With an `answer`, nobody holds it any more.
    """

    id: str
    owner: str
    fingerprint: str
    holder: str
    turn_id: str
    lease_until: int
    until: int
    answer: Told | None = None

    @property
    def is_inherited(self) -> bool:
        """Whether an earlier holder may have left something."""
        return self.holder != self.turn_id


def is_final(status: int) -> bool:
    """Whether the same request would be told the same again, as it is not where a limit or a fault was in the way."""
    return status < _FAULTS and status not in _PASSING


def receipt_id(key_id: str, idempotency_key: str) -> str:
    """The receipt's name: the same key means nothing to anybody else."""
    return _digest(key_id.encode(), idempotency_key.encode())


def fingerprint(*parts: bytes) -> str:
    """What tells one request from another: the digest of all that shapes its answer."""
    return _digest(*parts)


def _digest(*parts: bytes) -> str:
    """SHA-256 over the parts with their lengths, so that no two sequences run into the same bytes."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()
