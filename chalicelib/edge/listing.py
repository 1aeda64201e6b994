"""How much of a list is asked for at once."""

from __future__ import annotations

import re
from typing import Final

from chalicelib.domain.errors import BadRequest
from chalicelib.edge.call import Call

MOST_LISTED: Final = 100
_NUMBER: Final = re.compile("[0-9]{1,3}")


def limit_of(call: Call) -> int:
    """How many rows a page of a list may have."""
    limit = call.query_or("limit", "20")
    if _NUMBER.fullmatch(limit) is None or not 1 <= int(limit) <= MOST_LISTED:
        raise BadRequest(f"'limit' is a number from 1 to {MOST_LISTED}.", param="limit")
    return int(limit)
