"""One POST to a URL that a tenant chose: resolved once, every address judged, sent to one that was."""

from __future__ import annotations

import http.client
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from chalicelib.adapters.webhooks.wire import Connection, authorities, left
from chalicelib.domain.destinations import LOOPBACK, Destination, Reach, destination, is_public
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.notices import Posted
from chalicelib.ports import Clock

TOTAL_SECONDS: Final = 5.0
MOST_ADDRESSES: Final = 3  # of a name: each may take its time
_HEADERS: Final = {"content-type": "application/json", "user-agent": "tidegate", "connection": "close"}
_FAULTS: Final[dict[type[Exception], str]] = {
    BadRequest: "refused",
    TimeoutError: "timeout",
    ssl.SSLError: "tls",
    socket.gaierror: "dns",
    OSError: "connection",
    http.client.HTTPException: "protocol",
    ValueError: "protocol",
}
"""In one word of ours: what a stranger's server says is not repeated."""


def addresses(name: str) -> Sequence[str]:
    """Every address of a name, as the machine resolves it."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)))


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """`Post` over a connection of its own for each call: no tenant's server meets another's.

    `resolve`, `judge` and `trust` are the network: a test has another one.
    """

    reach: Reach
    clock: Clock
    resolve: Callable[[str], Sequence[str]] = addresses
    judge: Callable[[str], bool] = is_public
    trust: Callable[[], ssl.SSLContext] = authorities
    seconds: float = TOTAL_SECONDS

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """In `seconds`, the name's resolution included."""
        until = time.monotonic() + self.seconds
        try:
            place = destination(url, self.reach)
            line = Connection(place, self._judged(place, until), until, self.trust())
            status, wish = line.answer({**_HEADERS, **headers}, body)
        except tuple(_FAULTS) as fault:
            return Posted(fault=next(_FAULTS[kind] for kind in type(fault).__mro__ if kind in _FAULTS))
        return Posted(status, retry_after_seconds=_seconds_of(wish, self.clock()))

    def _judged(self, place: Destination, until: float) -> Sequence[str]:
        """The addresses of a host; `BadRequest` where but one of them is not to be reached."""
        if self.reach.loopback and place.host == LOOPBACK:
            return (LOOPBACK,)
        found = _in_time(lambda: self.resolve(place.host), until)
        if not found or not all(map(self.judge, found)):
            raise BadRequest("The host has an address that is not public.")
        return found[:MOST_ADDRESSES]


def _in_time(resolve: Callable[[], Sequence[str]], until: float) -> Sequence[str]:
    """What the resolver says by then: it takes no limit itself, so that one that is late leaves a thread behind."""
    said: queue.SimpleQueue[Sequence[str] | OSError | ValueError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            said.put(resolve())
        except (OSError, ValueError) as fault:
            said.put(fault)

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = said.get(timeout=left(until))
    except queue.Empty:
        raise TimeoutError("no address in time") from None
    if isinstance(found, Exception):
        raise found
    return found


def _seconds_of(wish: str | None, now: float) -> int | None:
    """`Retry-After` as seconds from now; None where it says nothing that is one."""
    if not wish:
        return None
    if wish.isascii() and wish.isdigit():
        return int(wish[:9])
    try:
        return max(0, int(parsedate_to_datetime(wish).timestamp() - now))
    except (ValueError, OverflowError):
        return None
