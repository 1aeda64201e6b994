"""Where a list goes on: a position that only the gateway can write, and that fits one list alone."""

from __future__ import annotations

import base64
import binascii
import hmac

from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import Peppers


def seal(position: str, listing: tuple[str, ...], peppers: Peppers) -> str:
    """The cursor that says that `listing`, its name and its filters, goes on after `position`."""
    return base64.urlsafe_b64encode(f"{_seal(position, listing, peppers)}{position}".encode()).decode().rstrip("=")


def unseal(cursor: str, listing: tuple[str, ...], peppers: Peppers) -> str:
    """The position in `cursor`; `BadRequest` where `seal` did not make it, letter by letter, for this listing."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as fault:
        raise _foreign() from fault
    position = text[_LENGTH:]
    if not hmac.compare_digest(seal(position, listing, peppers), cursor):
        raise _foreign()
    return position


_LENGTH = 32  # hexadecimal digits: nobody guesses 128 bits


def _seal(position: str, listing: tuple[str, ...], peppers: Peppers) -> str:
    return peppers.digest("\x00".join(("cursor", *listing, position)), peppers.current)[:_LENGTH]


def _foreign() -> BadRequest:
    return BadRequest("'after' is not a cursor of this list.", param="after")
