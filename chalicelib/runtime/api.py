"""Lambda's Runtime API, over one connection that is kept: what is to be done, and what came to nothing.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

from msgspec import Struct

from chalicelib.runtime.answer import ERROR_TYPE, RUNTIME, Answer, Broken, error_body, error_type
from chalicelib.runtime.context import Context

_ERROR: Final = "application/vnd.aws.lambda.error+json"


class Invocation(Struct, frozen=True):
    """One event, not decoded yet, and what is told about it."""

    event: bytes
    context: Context
    trace_id: str | None


class RuntimeApi:
    """The process's side of the Runtime API, one invocation after the other; `Broken` where that cannot go on."""

    def __init__(self, address: str) -> None:
        """`address` is host and port."""
        self._connection = HTTPConnection(address)

    def next(self) -> Invocation:
        """Wait for the next event, for as long as it takes: the process is frozen meanwhile."""
        if self._connection.sock is not None:
            self._connection.sock.settimeout(None)
        told, event = self._asked("GET", "invocation/next")
        return Invocation(event, Context(told), told.get("lambda-runtime-trace-id"))

    def answer(self, context: Context) -> Answer:
        """What takes the answer to an invocation."""
        return Answer(self._connection, context)

    def fail(self, context: Context, fault: Exception) -> None:
        """Say that an invocation came to nothing."""
        self._report(f"invocation/{context.aws_request_id}/error", fault)

    def fail_to_start(self, fault: Exception) -> None:
        """Say that there will be no invocations."""
        self._report("init/error", fault)

    def _report(self, path: str, fault: Exception) -> None:
        headers = {ERROR_TYPE: error_type(fault), "Content-Type": _ERROR}
        self._asked("POST", path, json.dumps(error_body(fault)), headers)

    def _asked(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[dict[str, str], bytes]:
        try:
            self._connection.request(method, f"{RUNTIME}/{path}", body, headers or {})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as fault:
            raise Broken(f"The Runtime API broke off: {type(fault).__name__}.") from fault
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise Broken(f"The Runtime API answered {response.status}.")
        return {name.lower(): value for name, value in response.getheaders()}, content
