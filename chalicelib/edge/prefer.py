"""What a caller prefers to wait for (RFC 7240)."""

from __future__ import annotations

import re
from typing import Final

from chalicelib.domain.errors import BadRequest
from chalicelib.domain.turn import Prefer

MOST_WAIT: Final = 3_600  # seconds
_WAIT: Final = re.compile(r"wait\s*=\s*\"?(\d{1,99})\"?")


def prefer_of(header: str) -> Prefer:
    """What `Prefer` says (RFC 7240): `respond-async`, `wait=N` in seconds; parameters and other wishes are not ours."""
    wishes = [each.partition(";")[0].strip().lower() for each in header.split(",")]
    waits = [found for each in wishes if (found := _WAIT.fullmatch(each))]
    if any(each.partition("=")[0].strip() == "wait" for each in wishes) and not waits:
        raise BadRequest("'Prefer: wait=N' takes a number of seconds.", param="Prefer")
    seconds = min(int(waits[0][1]), MOST_WAIT) if waits else None
    return Prefer(respond_async="respond-async" in wishes, wait_seconds=seconds)
