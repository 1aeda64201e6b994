"""A model with a quota and a pace, in virtual time, and the part of a load that asks it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from benchmarks.lane_world import Upstream
from benchmarks.routing_servers import Call, Meter
from chalicelib.domain.catalogue import Quota
from chalicelib.domain.chat import ChatRequest, Completion, Delta, Usage
from chalicelib.domain.errors import ModelThrottled
from infra.plan.prices import Pace

SPREAD: Final = 0.35  # of the logarithm of an answer's tokens
MEAN: Final = 1.063  # over the median


class Sample(Struct, frozen=True):
    """A part of a load: its share of the model's quota, and how one of its turns is.

    `hits`, `streamed` and `later` are shares of all turns; `own_seconds` is what a function works beside the model;
    `workers` is how many batches may run at first.
    """

    quota: Quota
    pace: Pace
    input_tokens: int
    output_tokens: int
    cap: int
    hits: float
    streamed: float
    later: float
    own_seconds: float
    workers: int


@dataclass
class Metered(Upstream):
    """A model with a quota of tokens a minute, as Bedrock counts, whose answers take as long as their tokens do."""

    sample: Sample = field(kw_only=True)
    throttles: int = 0

    def __post_init__(self) -> None:
        self.meter = Meter(self.sample.quota)

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        *_, last = self.stream(request, patience)
        return Completion(text="Done.", usage=last.usage or Usage())

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """Two pieces: the first when it is there, the rest when all of it is."""
        del patience
        sample, begun = self.sample, self.stage.now
        output = min(request.max_output_tokens, 1 + int(self._drawn(sample.output_tokens)))
        call = Call(sample.input_tokens, output, request.max_output_tokens, _nothing, _nothing, _never)
        if not self.meter.takes(call, begun):
            self.throttles += 1
            raise ModelThrottled("Full.", retry_after_seconds=None)
        self.asked["calls"] += 1
        self.stage.pause(self._drawn(sample.pace.first_seconds))
        yield Delta(text="Done")
        self.stage.pause(output / sample.pace.tokens_a_second)
        self.meter.ended(call, begun, self.stage.now)
        yield Delta(text=".", finish_reason="stop", usage=Usage(sample.input_tokens, output))

    def _drawn(self, mean: float) -> float:
        return self.random.lognormvariate(0.0, SPREAD) / MEAN * mean


def _nothing() -> None:
    """Nobody listens: the call is told by its thread."""


def _never(kind: str, wish: int | None) -> None:
    """So are its faults."""
