"""Asks over connections that botocore's session made and keeps: one write, and as much of HTTP as a plain answer takes.

Whatever is anything else goes the session's own way: the first call over a connection, proxies, what is streamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from socket import socket
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool, AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from chalicelib.adapters.http1.heads import Continued, length_of
from chalicelib.adapters.http1.recent import Recent
from chalicelib.adapters.http1.standing import begun, standing

_MOST_AT_ONCE: Final = 65_536

Answer = tuple[int, Mapping[str, str], bytes]


class Cut(Exception):
    """The answer broke off."""


class _Came(AWSResponse):
    """An answer that is here as a whole."""

    def __init__(self, url: str, status: int, headers: Any, content: bytes) -> None:
        super().__init__(url, status, headers, None)
        self._content = content


class _Pool(AWSHTTPConnectionPool):
    QueueCls = Recent


class _TlsPool(AWSHTTPSConnectionPool):
    QueueCls = Recent


class KeptConnections(URLLib3Session):
    """The session, with a short way to the one place that it is for."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(**options)
        manager: Any = self._manager  # type: ignore[attr-defined]  # its stubs leave out what is not for everybody
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._pool = manager.connection_from_url(url)
        parts = urlsplit(url)
        self._line = f"POST {parts.path or '/'} HTTP/1.1\r\nhost: {parts.netloc}\r\naccept-encoding: identity\r\n"

    def send(self, request: Any) -> AWSResponse:
        """The answer with its content, or botocore's error for none; never one that was cut in its head."""
        connection = None if request.stream_output else standing(self._pool)
        answer = super().send(request) if connection is None else self._ask(connection, request)
        if answer.status_code == HTTPStatus.OK and not answer.content:  # http.client takes that for an answer
            raise ConnectionClosedError(endpoint_url=request.url, error=Cut(), request=request)
        return answer

    def _ask(self, connection: Any, request: AWSPreparedRequest) -> AWSResponse:
        stays = False
        try:
            connection.sock.sendall(self._written(request))
            answer, stays = read(connection.sock)
        except TimeoutError as fault:
            raise ReadTimeoutError(endpoint_url=request.url, error=fault) from fault
        except (OSError, Cut, HTTPException, ValueError) as fault:
            raise ConnectionClosedError(endpoint_url=request.url, error=fault, request=request) from fault
        finally:
            if not stays:
                connection.close()
            self._pool._put_conn(connection)  # noqa: SLF001 - where it is closed, the session opens it again
        return _Came(request.url, *answer)

    def _written(self, request: Any) -> bytes:
        body: bytes = request.body
        lines = "".join([f"{name}: {_text(value)}\r\n" for name, value in request.headers.items()])
        length = "" if "Content-Length" in request.headers else f"content-length: {len(body)}\r\n"
        return f"{self._line}{lines}{length}\r\n".encode("latin-1") + body


def _text(value: str | bytes) -> str:
    """A header's value; botocore's client has some as bytes."""
    return value if isinstance(value, str) else value.decode("latin-1")


def read(line: socket) -> tuple[Answer, bool]:
    """The answer, and whether another may follow over `line`."""
    head, body, got = begun(partial(_piece, line))
    length = length_of(head) if head else None
    if head is None or length is None:
        return _read_oddly(line, got), False
    if len(body) < length:
        body += _rest(line, length - len(body))
    stays = len(body) == length and head.headers.get("connection", "keep-alive").lower() == "keep-alive"
    return (head.status, head.headers, body[:length]), stays


def _rest(line: socket, left: int) -> bytes:
    pieces = []
    while left > 0:
        pieces.append(_piece(line, min(left, _MOST_AT_ONCE)))
        left -= len(pieces[-1])
    return b"".join(pieces)


def _piece(line: socket, most: int) -> bytes:
    piece = line.recv(most)
    if not piece:
        raise Cut
    return piece


def _read_oddly(line: socket, got: bytes) -> Answer:
    """An answer that does not say how long it is, by `http.client`."""
    answer = HTTPResponse(Continued(got, line), method="POST")  # type: ignore[arg-type]  # it takes its file alone
    answer.begin()
    return answer.status, dict(answer.getheaders()), answer.read()
