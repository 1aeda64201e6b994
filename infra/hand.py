"""What the audit trail is told of a change that somebody with rights in the account makes by a command."""

import secrets
import time
from typing import Final

from chalicelib.domain.trail import By
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id

NO_REQUEST: Final = ""


def by_hand(command: str) -> By:
    """Nobody's key, now, from a command: who ran it is known to AWS, which let it in, and not to us."""
    now = time.time()
    return By(turn_id(now, secrets.token_bytes(RANDOM_BYTES)), now, command, NO_REQUEST)
