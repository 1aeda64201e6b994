"""An HTTP answer on its way to API Gateway, through the Runtime API: chunked, with what went wrong in its trailers."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

from chalicelib.edge.gateway import Headers
from chalicelib.runtime.context import Context

RUNTIME: Final = "/2018-06-01/runtime"
ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY: Final = "Lambda-Runtime-Function-Error-Body"

_HEADERS: Final = {
    "Content-Type": "application/vnd.awslambda.http-integration-response",
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    "Transfer-Encoding": "chunked",
    "Trailer": f"{ERROR_TYPE}, {ERROR_BODY}",
}
_DELIMITER: Final = bytes(8)  # between status and headers, which API Gateway reads, and the body, which it passes on
_SETTLING_SECONDS: Final = 5  # of a function's time, in which a turn that was cut is charged and remembered
_LEAST_SECONDS: Final = 0.1


class Broken(Exception):
    """The Runtime API cannot go on: the process is to end, and Lambda starts another."""


class Gone(Exception):
    """Nobody takes the rest of the answer."""


class Answer:
    """One answer: it begins, pieces are sent, and it ends. `Gone` as soon as nobody takes it."""

    def __init__(self, connection: HTTPConnection, context: Context) -> None:
        """`connection` has just brought the invocation, and brings the next one afterwards."""
        self._connection = connection
        self._context = context

    def begin(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        single = {name: value for name, value in headers.items() if isinstance(value, str)}
        several = {name: value for name, value in headers.items() if not isinstance(value, str)}
        told = {"statusCode": status, "headers": single, "multiValueHeaders": several}
        self._connection.putrequest("POST", f"{RUNTIME}/invocation/{self._context.aws_request_id}/response")
        for name, value in _HEADERS.items():
            self._connection.putheader(name, value)
        try:
            self._connection.endheaders(_chunk(json.dumps(told).encode() + _DELIMITER))
        except OSError as fault:
            raise self._gone() from fault

    def send(self, piece: bytes) -> None:
        """Send a piece, and wait until it is taken; an empty one would end the answer."""
        if piece:
            self._write(_chunk(piece))

    def end(self, fault: Exception | None = None) -> None:
        """Say that it was the whole answer, or that a fault cut it: `Broken` where the Runtime API cannot go on."""
        self._write(b"0\r\n%b\r\n" % (b"" if fault is None else _trailers(fault)))
        try:
            response = self._connection.getresponse()
            response.read()
        except (OSError, HTTPException) as lost:
            raise self._gone() from lost
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Broken(f"The Runtime API answered {response.status}.")

    def _write(self, data: bytes) -> None:
        if self._connection.sock is None:
            raise Gone
        try:
            self._connection.sock.settimeout(self._patience())
            self._connection.send(data)
        except OSError as fault:
            raise self._gone() from fault

    def _patience(self) -> float:
        """How long to wait for a reader who takes nothing."""
        return max(_LEAST_SECONDS, self._context.get_remaining_time_in_millis() / 1000 - _SETTLING_SECONDS)

    def _gone(self) -> Gone:
        """Forget the connection, on which nothing can follow half an answer."""
        self._connection.close()
        return Gone()


def error_type(fault: Exception) -> str:
    """The class of a fault, as Lambda counts faults."""
    return f"Runtime.{type(fault).__name__}"


def error_body(fault: Exception) -> dict[str, object]:
    """What Lambda is told of a fault: no message, which may quote a prompt; the log says where it was."""
    return {"errorType": error_type(fault), "errorMessage": "See the log.", "stackTrace": []}


def _trailers(fault: Exception) -> bytes:
    body = base64.b64encode(json.dumps(error_body(fault)).encode()).decode()
    return f"{ERROR_TYPE}: {error_type(fault)}\r\n{ERROR_BODY}: {body}\r\n".encode()


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
