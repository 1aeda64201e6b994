"""A chat completion's answer as it is sent: whole, as server-sent events, or as the job that will have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from chalice.app import Response

from chalicelib.domain.errors import TidegateError
from chalicelib.domain.turn import Reply, Streamed
from chalicelib.edge.chat_answer import answer_of
from chalicelib.edge.chat_chunks import Chunks
from chalicelib.edge.gateway import JSON, StreamedResponse
from chalicelib.edge.headers import head_headers
from chalicelib.edge.job_wire import accepted
from chalicelib.edge.problems import error_body
from chalicelib.pipeline.lane import Waiting

DONE: Final = b"data: [DONE]\n\n"


def whole(reply: Reply | Waiting) -> Response:
    """The answer in one piece, or where it is waited for."""
    if isinstance(reply, Waiting):
        return accepted(reply)
    return Response(msgspec.json.encode(answer_of(reply)).decode(), {"Content-Type": JSON, **head_headers(reply.head)})


def streamed(answer: Streamed | Waiting, *, with_usage: bool) -> Response:
    """The answer as events, ending in `[DONE]`; a fault on the way is one error event and the end."""
    if isinstance(answer, Waiting):
        return accepted(answer)
    return StreamedResponse(Events(answer, with_usage=with_usage), {**head_headers(answer.head)})


class Events(Iterator[bytes]):
    """Server-sent events of a stream of deltas. `close` ends the turn early."""

    __slots__ = ("_ahead", "_answer", "_chunks", "_over")

    def __init__(self, answer: Streamed, *, with_usage: bool) -> None:
        """The first event carries the role, before the model's first piece."""
        self._answer = answer
        self._chunks = Chunks(answer.head, with_usage)
        self._ahead: list[bytes] = [_sse(self._chunks.opening())]
        self._over = False

    def __next__(self) -> bytes:
        """The next events, whole, at least one."""
        while not self._ahead and not self._over:
            self._advance()
        if not self._ahead:
            raise StopIteration
        return self._ahead.pop(0)

    @property
    def over(self) -> bool:
        """Whether the last event was read."""
        return self._over and not self._ahead

    def close(self) -> None:
        """Stop reading; the turn is settled with what came."""
        self._over = True
        self._ahead.clear()
        if (close := getattr(self._answer.deltas, "close", None)) is not None:
            close()

    def _advance(self) -> None:
        """Take the next delta; some say nothing that a caller is told."""
        try:
            delta = next(self._answer.deltas)
        except StopIteration:
            self._over = True
            self._ahead.append(DONE)
        except TidegateError as fault:
            self._over = True
            self._ahead.append(_sse(error_body(fault)))
        else:
            self._ahead += map(_sse, self._chunks.of(delta))


def _sse(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
