"""Kept HTTP connections whose time limits are totals: a peer that sends a byte now and then does not extend them."""

from __future__ import annotations

import math
import socket
import ssl
import time
from functools import cache
from typing import Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from chalicelib.adapters.http1.recent import Recent
from chalicelib.adapters.models.kept_answer import Answer

KEPT_SECONDS: Final = 4.0
"""How long an idle connection is used again: common servers (uvicorn, Node) hang up after 5, and a frozen Lambda
does not hear of it."""
_SOON: Final = 0.001  # seconds: 0 would mean not to wait at all


class _Timed(socket.socket):
    """`settimeout` says when all that is read from now on must have come, not how long each read may take."""

    until = math.inf
    heard = math.inf

    def settimeout(self, value: float | None) -> None:
        self.until = math.inf if value is None else time.monotonic() + value
        super().settimeout(value)

    def recv_into(self, *args: Any, **options: Any) -> int:
        self._wait()
        size = super().recv_into(*args, **options)
        self.heard = time.monotonic()
        return size

    def recv(self, *args: Any, **options: Any) -> bytes:
        self._wait()
        came = super().recv(*args, **options)
        self.heard = time.monotonic()
        return came

    def _wait(self) -> None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        super().settimeout(None if left == math.inf else left)


class _TimedTls(_Timed, ssl.SSLSocket):
    """The same over TLS, whose handshake Python limits as a whole."""


class _Connection(HTTPConnection):
    """Shares its time to connect among the addresses of the host."""

    line: socket.socket | None = None
    """The socket, also when the peer has announced to hang up and `sock` is gone."""

    def connect(self) -> None:
        super().connect()
        self.line = self.sock

    @property
    def is_connected(self) -> bool:
        return super().is_connected and time.monotonic() - getattr(self.sock, "heard", math.inf) < KEPT_SECONDS

    def _new_conn(self) -> socket.socket:
        try:
            return _reached(self._dns_host, self.port or self.default_port, self.timeout or 0)
        except OSError as fault:
            raise NewConnectionError(self, "no address answers") from fault


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as fault:
            raise ConnectTimeoutError(self, "no handshake in time") from fault


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection
    QueueCls = Recent


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
    QueueCls = Recent

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, ssl_context=_context())


@cache
def pool() -> urllib3.PoolManager:
    """The connections of this process; what is asked over them is never sent twice."""
    manager = urllib3.PoolManager(num_pools=32, maxsize=128, retries=False)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return manager


def limit(response: Answer, seconds: float) -> None:
    """What is still to come of `response` must come within so many seconds."""
    line = getattr(response.connection, "line", None)
    if line is not None:
        line.until = time.monotonic() + seconds


def _reached(host: str, port: int, seconds: float) -> socket.socket:
    until = time.monotonic() + seconds
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    fault = OSError("the name has no address")
    for place, (family, kind, protocol, _, address) in enumerate(found):
        sock = _Timed(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(max(until - time.monotonic(), _SOON) / (len(found) - place))
            sock.connect(address)
            sock.settimeout(max(until - time.monotonic(), _SOON))  # for the handshake, and for sending
        except OSError as refused:
            sock.close()
            fault = refused
        else:
            return sock
    raise fault


@cache
def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.sslsocket_class = _TimedTls
    return context
