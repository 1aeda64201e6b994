"""Asks over kept connections: by hand over one that stands, by urllib3 over any other; nothing is sent twice."""

from __future__ import annotations

import errno
import re
import ssl
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from http.client import HTTPException
from http.client import HTTPResponse as PlainResponse
from typing import Any, Final

import urllib3
from urllib3._collections import HTTPHeaderDict
from urllib3.exceptions import ProtocolError, ReadTimeoutError, SSLError
from urllib3.util import Url, parse_url

from chalicelib.adapters.http1.heads import Continued
from chalicelib.adapters.http1.standing import begun, standing
from chalicelib.adapters.models.kept import pool
from chalicelib.adapters.models.kept_answer import Answer, KeptAnswer, measured, named, received

_FIELD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: ?[\t\x20-\x7e\x80-\xff]*")
_STILL_READ: Final = {errno.EPIPE, errno.EPROTOTYPE, errno.ECONNRESET}  # who hangs up early may have answered


def ask(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, connect: float) -> Answer:
    """What `url` answers to a POST, its body still to be read, or urllib3's error for none.

    `seconds` are for all of it, from now on, `connect` of them for a connection or for what is sent over one that
    stands. No redirect is followed.
    """
    place = _place(url)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    kept: Any = pool().connection_from_host(place.host, place.port, place.scheme)
    connection = standing(kept) if all(map(_FIELD.fullmatch, lines)) else None  # http.client refuses others
    if connection is not None:
        lines = [*_first_lines(connection, place.request_uri), f"Content-Length: {len(body)}", *lines, "", ""]
        request = "\r\n".join(lines).encode("latin-1") + body
        return _asked(connection, kept, request, time.monotonic() + seconds, connect)
    return pool().request(  # type: ignore[no-any-return, unused-ignore]
        "POST",
        url,
        body=body,
        headers=headers,
        timeout=urllib3.Timeout(total=seconds, connect=connect),
        redirect=False,
        preload_content=False,
    )


@lru_cache(maxsize=256)
def _place(url: str) -> Url:
    """The parts of `url`, with what no request line can carry encoded, as urllib3 has them."""
    return parse_url(url)


def _first_lines(connection: Any, path: str) -> tuple[str, ...]:
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    port = "" if connection.port == connection.default_port else f":{connection.port}"
    return f"POST {path} HTTP/1.1", f"Host: {host}{port}", "Accept-Encoding: identity"


def _asked(connection: Any, kept: Any, request: bytes, until: float, connect: float) -> Answer:
    answer: Answer | None = None
    try:
        connection.sock.settimeout(connect)
        _send(connection, request)
        left = until - time.monotonic()
        if left <= 0:
            raise ReadTimeoutError(kept, "", "Read timed out.")
        connection.sock.settimeout(left)
        answer = _answered(connection, kept)
    finally:
        if answer is None:
            connection.close()
    return answer


def _send(connection: Any, request: bytes) -> None:
    """Head and body in one piece; what went wrong is named as urllib3 names it."""
    try:
        connection.sock.sendall(request)
    except ssl.SSLError as fault:
        raise SSLError(fault) from fault
    except OSError as fault:
        if fault.errno not in _STILL_READ:
            raise ProtocolError("Connection aborted.", fault) from fault


def _answered(connection: Any, kept: Any) -> Answer:
    head, body, got = begun(partial(received, connection, kept))
    if head is not None and measured(head):
        return KeptAnswer(connection, kept, head, body)
    return _odd(connection, kept, got)


def _odd(connection: Any, kept: Any, got: bytes) -> Answer:
    """An answer of another form, of which `got` came, by `http.client` and urllib3, as over a new connection."""
    plain = PlainResponse(Continued(got, connection.sock), method="POST")  # type: ignore[arg-type]  # its file alone
    try:
        plain.begin()
    except (HTTPException, OSError) as fault:
        plain.close()
        raise named(fault, kept) from fault
    if plain.will_close:
        connection.close()  # the file keeps the socket until it is read
    return urllib3.HTTPResponse(
        body=plain,
        headers=HTTPHeaderDict(plain.msg.items()),
        status=plain.status,
        version=plain.version,
        preload_content=False,
        original_response=plain,
        request_method="POST",
        pool=kept,
        connection=connection,
    )
