"""How long one call to Bedrock may take: botocore has one limit a client, and none on a whole answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from chalicelib.adapters.http1.standing import PIECE
from chalicelib.domain.errors import ModelError, ModelGarbled, ModelTimeout

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from urllib3 import HTTPResponse

    from chalicelib.ports import Clock

LARGEST_ANSWER: Final = 16 * 1024 * 1024


class Pace:
    """The limits of one call, in seconds: for its beginning, for a silence, and for all of it."""

    def __init__(
        self, *, silence: float, longest: float, patience: float | None, clock: Clock = time.monotonic
    ) -> None:
        """The call begins now; `patience` holds until `begun` is called, None where the caller has none."""
        now = clock()
        self._clock = clock
        self._silence = silence
        self._end = now + longest
        self._beginning = math.inf if patience is None else now + patience

    def begun(self) -> None:
        """The first piece has come."""
        self._beginning = math.inf

    def wait(self) -> float:
        """How long the next bytes may take; `ModelTimeout` where there is no time left."""
        left = min(self._end, self._beginning) - self._clock()
        if left <= 0:
            raise ModelTimeout("Bedrock took too long.")
        return min(self._silence, left)


class PacedBody:
    """An answer's bytes as botocore reads them, as they come and no longer than they may."""

    def __init__(self, raw: HTTPResponse, pace: Pace) -> None:
        """`raw` has not been read."""
        self._raw = raw
        self._pace = pace

    def stream(self) -> Iterator[bytes]:
        """Each piece once it is there; an answer that is given up takes its connection with it."""
        size = 0
        try:
            while data := self._next():
                size += len(data)
                if size > LARGEST_ANSWER:
                    raise ModelGarbled("Bedrock's answer is too long.")
                yield data
        except ModelError:
            self.close()
            raise

    def read(self, _amount: int | None = None) -> bytes:
        """All of it."""
        return b"".join(self.stream())

    def close(self) -> None:
        """End the connection, unless all was read."""
        self._raw.close()

    def _next(self) -> bytes:
        wait = self._pace.wait()
        sock = getattr(self._raw.connection, "sock", None)
        if sock is not None:  # a server that announced to hang up has taken it away
            sock.settimeout(wait)
        return self._raw.read1(PIECE)


_PACE: ContextVar[Pace] = ContextVar("_PACE")


@contextmanager
def paced(pace: Pace) -> Iterator[None]:
    """Gives what is sent inside that pace."""
    token = _PACE.set(pace)
    try:
        yield
    finally:
        _PACE.reset(token)


def sender(send: Callable[[AWSPreparedRequest], AWSResponse]) -> Callable[..., Any]:
    """A handler of botocore's `before-send`: it sends as `send` does, at the pace of the call."""

    def send_at_pace(request: Any, **_: Any) -> AWSResponse:
        pace = _PACE.get()
        request.context["read_timeout"] = pace.wait()
        request.stream_output = True  # so that the body is left to us
        response = send(request)
        response.raw = PacedBody(response.raw, pace)
        return response

    return send_at_pace
