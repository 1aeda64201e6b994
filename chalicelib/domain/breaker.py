"""Whether a target is to be left alone: one row for each target, shared by all processes.

    closed -> open        it failed too often in a row, or asked to be left alone
    open   -> half open   its time has passed
    half open -> closed   the one call that was let through was answered
    half open -> open     it was not, for twice as long

A row moves only from the version that was seen, so that of many processes one moves it.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.errors import ModelError, ModelGarbled, ModelNotReady, ModelThrottled, ModelTimeout

FAILURES: Final = 5  # in a row: what opens it
OPEN_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 30.0
THROTTLED_SECONDS: Final = 1.0
LONGEST_WISH_SECONDS: Final = 300.0  # what a target may ask for at most
PROBE_SECONDS: Final = 30.0  # how long one call at half open keeps others away
PROMPT_SECONDS: Final = 2.0  # a probe that takes longer tells nothing good
THROTTLED: Final = "throttled"
CUT: Final = "cut off"


class Breaker(Struct, frozen=True):
    """What all processes know of a target; the values of a closed breaker are the defaults.

    `until` and `probe_until` are epoch seconds. `streak` counts how often it opened without closing in between.
    `prober` is a random number that tells one process's probe from another's.
    """

    version: int = 0
    until: float = 0.0
    streak: int = 0
    probe_until: float = 0.0
    prober: float = 0.0
    reason: str = ""

    def admits(self, now: float) -> bool:
        """Whether a call may go through: it is closed, or half open and nobody probes."""
        return self.streak == 0 or now >= max(self.until, self.probe_until)

    @property
    def probing(self) -> bool:
        """Whether a call that is let through is a probe."""
        return self.streak > 0

    def is_down(self, now: float) -> bool:
        """Whether its target fails, or stays full, for nobody knows how long. Its time over, it may be up."""
        if self.streak <= (self.reason == THROTTLED):
            return False
        return now < self.until or self.probe_until - PROBE_SECONDS + PROMPT_SECONDS <= now < self.probe_until

    def opened(self, fault: ModelError, now: float, *, cut: bool = False) -> Breaker:
        """Open for as long as the target asked for, or twice as long as last time; `cut` is a fault in mid-stream."""
        wish = fault.retry_after_seconds
        if wish is not None:
            seconds = min(max(float(wish), THROTTLED_SECONDS), LONGEST_WISH_SECONDS)
        else:
            first = THROTTLED_SECONDS if isinstance(fault, ModelThrottled) else OPEN_SECONDS
            seconds = min(first * 2.0 ** min(self.streak, 16), LONGEST_SECONDS)
        reason = CUT if cut else _reason(fault)
        return Breaker(self.version + 1, until=now + seconds, streak=self.streak + 1, reason=reason)

    def probed(self, now: float, prober: float) -> Breaker:
        """Half open, with one call under way."""
        until = now + PROBE_SECONDS
        return msgspec.structs.replace(self, version=self.version + 1, probe_until=until, prober=prober)

    def freed(self) -> Breaker:
        """Half open, and nobody probes: the one call was not made, or told nothing."""
        return msgspec.structs.replace(self, version=self.version + 1, probe_until=0.0, prober=0.0)

    def closed(self) -> Breaker:
        """Closed again."""
        return Breaker(self.version + 1)


def opens(fault: ModelError, failures: int) -> bool:
    """Whether a closed breaker opens by the last of so many failures in a row."""
    return isinstance(fault, (ModelThrottled, ModelNotReady)) or failures >= FAILURES


def _reason(fault: ModelError) -> str:
    return next((word for kind, word in _REASONS.items() if isinstance(fault, kind)), "failing")


_REASONS: Final[dict[type[ModelError], str]] = {
    ModelThrottled: THROTTLED,
    ModelNotReady: "not ready",
    ModelTimeout: "silent",
    ModelGarbled: "garbled",
}
