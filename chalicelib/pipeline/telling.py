"""A response on its way to the caller: told step by step, and kept however it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from chalicelib.domain.chat import FinishReason, Usage
from chalicelib.domain.errors import StoreUnavailable, TidegateError
from chalicelib.domain.outline import Outline, Step
from chalicelib.domain.responses import StoredResponse, ended, failure_of
from chalicelib.domain.turn import Streamed
from chalicelib.ports import Clock

Keep = Callable[[StoredResponse], None]


class Telling(Iterator[Step | StoredResponse]):
    """The steps of an answer, then the response as it ended, which is kept by then.

    A class, since a generator that never ran would not hear of its end.
    """

    __slots__ = ("_begun", "_clock", "_deltas", "_keep", "_next", "_outline", "_over", "_reason", "_usage")

    def __init__(self, streamed: Streamed, begun: StoredResponse, *, keep: Keep, clock: Clock) -> None:
        """Nothing is read before the first step is asked for."""
        self._deltas = streamed.deltas
        self._begun = begun
        self._keep = keep
        self._clock = clock
        self._outline = Outline()
        self._next: deque[Step | StoredResponse] = deque()
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._over = False

    def __next__(self) -> Step | StoredResponse:
        """The next step; a fault on the way is in the response that ends them."""
        while not self._next and not self._over:
            self._advance()
        if not self._next:
            raise StopIteration
        return self._next.popleft()

    def close(self) -> None:
        """End early: the call to the model is ended, and the response is kept as far as it came."""
        if self._over:
            return
        self._over = True
        if (close := getattr(self._deltas, "close", None)) is not None:
            close()
        response = self._closed(msgspec.structs.replace(self._begun, status="cancelled"))
        self._next.clear()
        self._keep(response)

    def _advance(self) -> None:
        try:
            delta = next(self._deltas)
        except StopIteration:
            self._over = True
            self._finish()
        except TidegateError as fault:
            self._over = True
            self._fail(fault)
        else:
            self._reason = delta.finish_reason or self._reason
            self._usage = delta.usage or self._usage
            self._next += self._outline.add(delta)

    def _finish(self) -> None:
        response = self._closed(ended(self._begun, self._reason, self._usage, self._clock()))
        try:
            self._keep(response)
        except StoreUnavailable as fault:
            response = msgspec.structs.replace(response, status="failed", failure=failure_of(fault), completed_at=None)
        self._next.append(response)

    def _fail(self, fault: TidegateError) -> None:
        failed = msgspec.structs.replace(self._begun, status="failed", failure=failure_of(fault))
        response = self._closed(failed)
        with suppress(StoreUnavailable):  # the caller is told of the fault, not that it is not kept
            self._keep(response)
        self._next.append(response)

    def _closed(self, response: StoredResponse) -> StoredResponse:
        """The response with what was said; what is open is closed on the way."""
        self._next += self._outline.end("completed" if response.status == "completed" else "incomplete")
        return msgspec.structs.replace(response, output=self._outline.items())
