"""A connection to an address that was judged before, whose answer must begin within a time given as a whole."""

from __future__ import annotations

import http.client
import math
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from chalicelib.domain.destinations import Destination


class _Timed(socket.socket):
    """`until` says when all that is read must have come: a peer that sends a byte now and then does not extend it."""

    until = math.inf

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(left(self.until))
        return super().recv_into(*args, **options)


class _TimedTls(_Timed, ssl.SSLSocket):
    """The same over TLS."""


class Connection(http.client.HTTPConnection):
    """HTTP to one of `addresses`; no name is looked up again, and TLS is verified for the name in the URL."""

    def __init__(self, place: Destination, addresses: Sequence[str], until: float, trust: ssl.SSLContext) -> None:
        super().__init__(place.host, place.port)
        self._place, self._addresses, self._until, self._trust = place, addresses, until, trust

    def connect(self) -> None:
        """Take the first address that answers in its share of the time that is left."""
        *others, last = self._addresses
        for place, address in enumerate(others):
            with suppress(OSError):
                self.sock = self._opened(address, left(self._until) / (len(self._addresses) - place))
                return
        self.sock = self._opened(last, left(self._until))

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str | None]:
        """Send, and read the head of the answer for its status and `Retry-After`: the rest is of no interest."""
        try:
            self.request("POST", self._place.path, body, {**headers, "host": self._place.authority})
            head = self.getresponse()
            return head.status, head.headers.get("retry-after")
        finally:
            self.close()

    def _opened(self, address: str, seconds: float) -> socket.socket:
        sock = _Timed(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(seconds)
            sock.connect((address, self._place.port))
            line: Any = self._trust.wrap_socket(sock, server_hostname=self._place.host) if self._place.tls else sock
        except BaseException:
            sock.close()
            raise
        line.until = self._until
        return line  # type: ignore[no-any-return]


def left(until: float) -> float:
    """The seconds until a moment of the monotonic clock; `TimeoutError` where it is over."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


@cache
def authorities() -> ssl.SSLContext:
    """Trusts whom the machine trusts."""
    return timed(ssl.create_default_context())


def timed(trust: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, for connections whose time is limited as a whole."""
    trust.sslsocket_class = _TimedTls
    return trust
