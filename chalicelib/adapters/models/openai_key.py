"""The key that a server is called with: where it comes from, and the header that carries it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from chalicelib.domain.errors import Misconfigured, ModelUnavailable, StoreUnavailable

HIDDEN: Final = "…".encode()


class Secret(Protocol):
    """A text that may be replaced while the process runs."""

    def read(self) -> str:
        """The text as it is now; `StoreUnavailable` or `Misconfigured` where it cannot be had."""

    def refused(self, text: str) -> None:
        """Hear that `text` was not accepted."""


Secrets = Callable[[str, str], Secret]
"""Finds the secret `secretsmanager:name` or `ssm:/name`, of which a field is wanted where one is named."""


class Fixed:
    """A key that is what it is."""

    def __init__(self, text: str = "") -> None:
        """Empty for none."""
        if not sendable(text):
            raise Misconfigured("The upstream's key has characters that no header can carry.")
        self._text = text

    def read(self) -> str:
        return self._text

    def refused(self, text: str) -> None:
        """There is no other one."""


def sendable(key: str) -> bool:
    """Whether a header can carry it."""
    return key.isascii() and key.isprintable() and " " not in key if key else True


def read(secret: Secret) -> str:
    """The key as it is now; without one, this target cannot be asked, and another can."""
    try:
        key = secret.read()
    except (StoreUnavailable, Misconfigured) as fault:
        raise ModelUnavailable("The upstream's key cannot be read.") from fault
    if not sendable(key):
        raise ModelUnavailable("The upstream's key has characters that no header can carry.")
    return key


def carried(key: str, header: str) -> dict[str, str]:
    """The header that carries `key`."""
    if not key:
        return {}
    return {header: f"Bearer {key}" if header == "authorization" else key}
