"""Where a list goes on: a position that only the gateway can write, and that fits one list alone."""

from __future__ import annotations

import base64
import binascii
import hmac

from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import Pepperbox, Peppers


def seal(position: str, listing: tuple[str, ...], box: Pepperbox) -> str:
    """The cursor that says that `listing`, its name and its filters, goes on after `position`."""
    peppers = box.holding()
    return _cursor(position, listing, peppers, peppers.current)


def unseal(cursor: str, listing: tuple[str, ...], box: Pepperbox) -> str:
    """The position in `cursor`; `BadRequest` where `seal` did not make it, letter by letter, for this listing."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        number, _, position = text[_LENGTH:].partition(_AFTER_VERSION)
        version = int(number)
    except (binascii.Error, ValueError) as fault:
        raise _foreign() from fault
    peppers = box.holding(version)
    if version not in peppers.by_version:
        raise _foreign()
    if not hmac.compare_digest(_cursor(position, listing, peppers, version), cursor):
        raise _foreign()
    return position


_LENGTH = 32  # hexadecimal digits: nobody guesses 128 bits
_AFTER_VERSION = ":"


def _cursor(position: str, listing: tuple[str, ...], peppers: Peppers, version: int) -> str:
    """Seal, pepper's version and position: a cursor outlives a change of `current`, as keys do."""
    seal = peppers.digest("\x00".join(("cursor", str(version), *listing, position)), version)[:_LENGTH]
    return base64.urlsafe_b64encode(f"{seal}{version}{_AFTER_VERSION}{position}".encode()).decode().rstrip("=")


def _foreign() -> BadRequest:
    return BadRequest("'after' is not a cursor of this list.", param="after")
