"""A stream on its way to the caller: passed on as it comes, charged and remembered however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from chalicelib.domain.chat import Completion, Delta, ToolCallDelta, Usage
from chalicelib.domain.errors import ModelTimeout, TidegateError
from chalicelib.domain.transcript import Transcript


class Ending(Protocol):
    """Takes the answer as far as it came, and whether it was cut."""

    def __call__(self, completion: Completion, *, cut: bool) -> object:
        """Charge and remember it."""


class Relay(Iterator[Delta]):
    """Yields the model's pieces, then one piece with the usage that was charged.

    `end` runs exactly once: after the last piece and before the usage, on a fault of the model, or on `close`. When
    it is `late`, no more is read: that is a `ModelTimeout`.
    A class, since a generator that never ran would not hear of its end.
    """

    __slots__ = ("_count", "_deltas", "_end", "_late", "_over", "_said")

    def __init__(
        self,
        deltas: Iterator[Delta],
        *,
        count: Callable[[Completion], Completion],
        end: Ending,
        late: Callable[[], bool],
    ) -> None:
        """`count` gives an answer the usage that is charged for it."""
        self._deltas = deltas
        self._late = late
        self._end = end
        self._count = count
        self._said = Transcript()
        self._over = False

    def __next__(self) -> Delta:
        """The next piece; a `ModelError` if the model failed in the middle."""
        if self._over:
            raise StopIteration
        try:
            self._keep_time()
            delta = next(self._deltas)
        except StopIteration:
            return Delta(usage=self._finish(cut=self._said.finish_reason is None))
        except TidegateError:
            self._finish(cut=True)
            raise
        self._said.add(delta)
        return msgspec.structs.replace(delta, usage=None) if delta.usage else delta

    def close(self) -> None:
        """End early: the call to the model is ended, and what it said so far is charged."""
        if self._over:
            return
        try:
            self._hang_up()
        finally:
            self._finish(cut=True)

    def _keep_time(self) -> None:
        if self._late():
            self._hang_up()
            raise ModelTimeout("The answer takes longer than an answer may take here.")

    def _hang_up(self) -> None:
        if (close := getattr(self._deltas, "close", None)) is not None:
            close()

    def _finish(self, *, cut: bool) -> Usage:
        self._over = True
        completion = self._count(self._said.completion())
        self._end(completion, cut=cut)
        return completion.usage


def pieces(completion: Completion, size: int = 48) -> Iterator[Delta]:
    """A whole answer as a stream, as if it came now."""
    text = completion.text or ""
    for start in range(0, len(text), size):
        yield Delta(text=text[start : start + size])
    if completion.refusal or completion.tool_calls:
        calls = enumerate(completion.tool_calls)
        whole = (ToolCallDelta(n, call.id, call.function.name, call.function.arguments) for n, call in calls)
        yield Delta(refusal=completion.refusal or "", tool_calls=tuple(whole))
    yield Delta(finish_reason=completion.finish_reason)
    yield Delta(usage=completion.usage)
