"""A tenant's webhook: where it is told that work is over, and the secrets that sign what it is told.

Signed as Standard Webhooks has it: `v1,` and the base64 of HMAC-SHA-256 over `<id>.<timestamp>.<body>`; one signature
for each secret that is good, so that a receiver may change to a new one whenever it likes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

import msgspec
from msgspec import Struct

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the beginning of one
SECRET_BYTES: Final = 32
OVERLAP_SECONDS: Final = 86_400  # how long a secret that was replaced still signs
MOST_SECRETS: Final = 3


class SigningSecret(Struct, frozen=True):
    """A secret as its tenant has it; it signs before the epoch second `until`, or for good."""

    text: str
    until: int | None = None

    def __repr__(self) -> str:
        """Show its end alone."""
        return f"SigningSecret(until={self.until})"


class Webhook(Struct, frozen=True):
    """Where notices of a tenant go; the newest secret is the first."""

    url: str
    secrets: tuple[SigningSecret, ...]


def new_secret(random: bytes) -> SigningSecret:
    """A secret of `SECRET_BYTES` of randomness."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a secret takes {SECRET_BYTES} random bytes")
    return SigningSecret(SECRET_PREFIX + base64.b64encode(random).decode())


def rotated(webhook: Webhook, secret: SigningSecret, now: float) -> Webhook:
    """The webhook with a new secret; those before it sign for `OVERLAP_SECONDS` more at most."""
    ends = int(now) + OVERLAP_SECONDS
    old = [SigningSecret(each.text, min(each.until or ends, ends)) for each in _good(webhook, now)]
    return msgspec.structs.replace(webhook, secrets=(secret, *old[: MOST_SECRETS - 1]))


def signed(webhook: Webhook, event: str, body: bytes, now: float) -> dict[str, str]:
    """The headers that prove who sent `body`, of the event with that id."""
    content = b"%s.%d.%s" % (event.encode(), int(now), body)
    return {
        "webhook-id": event,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(_signature(each, content) for each in _good(webhook, now)),
    }


def _good(webhook: Webhook, now: float) -> list[SigningSecret]:
    return [each for each in webhook.secrets if each.until is None or now < each.until]


def _signature(secret: SigningSecret, content: bytes) -> str:
    key = base64.b64decode(secret.text.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
