"""A stream from a target whose first piece has come; it tells its flight how it ended."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.domain.chat import Delta, Usage
from chalicelib.domain.errors import ModelError, ModelGarbled
from chalicelib.pipeline.routing.route import Flight
from chalicelib.ports import Clock

CHARACTERS_A_TOKEN = 4


class Landing(Iterator[Delta]):
    """The first piece, then the rest. A class, since a generator that never ran cannot be closed."""

    __slots__ = ("_clock", "_first", "_rest", "_said", "_usage", "flight")

    def __init__(self, first: Delta, rest: Iterator[Delta], flight: Flight, clock: Clock) -> None:
        self._first: Delta | None = first
        self._rest = rest
        self._clock = clock
        self._usage: Usage | None = None
        self._said = 0
        self.flight = flight

    def __next__(self) -> Delta:
        """The next piece."""
        first, self._first = self._first, None
        try:
            delta = first if first is not None else next(self._rest)
        except StopIteration:
            said = Usage(self.flight.need.input_tokens, self._said // CHARACTERS_A_TOKEN)
            self.flight.done(self._usage or said, self._clock())
            raise
        except ModelError as fault:
            fault.target = self.flight.target.name
            self.flight.failed(fault, self._clock())
            raise
        self._usage = delta.usage or self._usage
        self._said += len(delta.text)
        return delta

    def close(self) -> None:
        """End the call to the target."""
        try:
            if (close := getattr(self._rest, "close", None)) is not None:
                close()
        finally:
            self.flight.left(self._clock())


def begun(deltas: Iterator[Delta], flight: Flight, clock: Clock) -> Landing:
    """The stream once its first piece is there; what is raised before that is the attempt's fault."""
    first = next(deltas, None)
    if first is None:
        raise ModelGarbled("The model ended its answer before it began.")
    flight.first(clock())
    return Landing(first, deltas, flight, clock)
