"""The head of a plain answer; one that is anything else is for `http.client`, from its first byte on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BufferedReader, RawIOBase
from socket import SocketIO, socket
from typing import Any, Final, NamedTuple

END: Final = b"\r\n\r\n"
MOST_HEAD: Final = 65_536
"""Bytes; what has no end until there is no plain head."""
_PLAIN: Final = re.compile(
    r"HTTP/1\.1 (?P<status>[1-5][0-9][0-9])(?: [^\r\n\0]*)?"
    r"(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*)*"
)
_MOST_FIELDS: Final = 100  # as http.client has it


class Head(NamedTuple):
    """An answer's status, and its fields by their names in small letters; what is said twice is joined by commas."""

    status: int
    headers: Mapping[str, str]


def head_of(told: bytes) -> Head | None:
    """The head that `told` is, without its empty line; None where it is not of the plain form.

    Plain is HTTP/1.1, a status that `http.client` would give out, and at most 100 fields of a line each.
    """
    text = told.decode("latin-1")
    if not (plain := _PLAIN.fullmatch(text)):
        return None
    lines = text.split("\r\n")[1:]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        known = headers.get(name := name.lower())
        headers[name] = value.strip() if known is None else f"{known}, {value.strip()}"
    status = int(plain["status"])
    return Head(status, headers) if len(lines) <= _MOST_FIELDS and status >= 200 else None  # noqa: PLR2004 - 1xx go on


def length_of(head: Head) -> int | None:
    """How many bytes follow, where the head says it once, in digits, and says of nothing else; None elsewhere."""
    told = head.headers.get("content-length", "")
    plain = told.isascii() and told.isdigit() and "transfer-encoding" not in head.headers
    return int(told) if plain else None


class Continued:
    """In place of a socket for `http.client`: what came over `line` already, then what comes."""

    def __init__(self, got: bytes, line: socket) -> None:
        self._got = got
        self._line = line

    def makefile(self, mode: str) -> BufferedReader:
        """The bytes from the first on; the line stays open until this is closed, as a socket's own file has it."""
        return BufferedReader(_Bytes(self._got, self._line.makefile(mode, buffering=0)))  # type: ignore[call-overload]


class _Bytes(RawIOBase):
    def __init__(self, got: bytes, rest: SocketIO) -> None:
        self._got = got
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._got:
            return self._rest.readinto(buffer)
        size = min(len(self._got), len(buffer))
        buffer[:size], self._got = self._got[:size], self._got[size:]
        return size

    def close(self) -> None:
        super().close()
        self._rest.close()
