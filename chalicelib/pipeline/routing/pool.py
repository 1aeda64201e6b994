"""What this process knows of every target, and the choice between them.

One is drawn; the sooner it will answer, the likelier. Breakers are shared: their rows come with the read that begins a
turn, and are written when they move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from chalicelib.domain import allowance as quotas
from chalicelib.domain.allowance import Allowance
from chalicelib.domain.breaker import CUT, THROTTLED, Breaker, opens
from chalicelib.domain.catalogue import Model, Quota, Target, known_as
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import ModelError, StoreUnavailable
from chalicelib.domain.pace import TYPICAL_OUTPUT_TOKENS, Pace
from chalicelib.domain.routing import Need
from chalicelib.ports import Targets

HEARD_SECONDS: Final = 1.0  # how long a breaker's row is good for
SHARPNESS: Final = 4.0  # a target that is twice as slow is 16 times less likely to be taken
RETRY_SHARE: Final = 0.1  # second attempts that a first one pays for
FIRST_RETRIES: Final = 3.0  # what a new process has, before anybody paid
MOST_RETRIES: Final = 10.0
PROBE_SHARE: Final = 0.01  # of the calls may probe a broken target while others could take them
MINUTE: Final = 60
CLOSED: Final = Breaker()
UNKNOWN: Final = Pace()
EMPTY: Final = Allowance()


@dataclass(slots=True)
class Watched:
    """One target of one model, as this process sees it."""

    name: str
    target: Target
    breaker: Breaker = CLOSED
    heard_at: float = float("-inf")
    failures: int = 0
    cuts: int = 0
    in_flight: int = 0
    pace: Pace = UNKNOWN
    allowance: Allowance = EMPTY
    full_until: float = 0.0

    def seconds(self, need: Need, now: float) -> float:
        """How long an answer would take."""
        return self.pace.expected(need.input_tokens, min(need.output_tokens, TYPICAL_OUTPUT_TOKENS), now)

    def cost(self, seconds: float) -> float:
        """Seconds until it would have answered, those before this call included; more after each failure."""
        return seconds * (self.in_flight / self.target.weight + 1) * (self.in_a_row + 1)

    @property
    def in_a_row(self) -> int:
        """How often it failed since it answered, before its first piece or after it."""
        return self.failures + self.cuts

    def ready_at(self, now: float) -> float:
        """When it may be asked: `now`, or later."""
        breaker = 0.0 if self.breaker.admits(now) else max(self.breaker.until, self.breaker.probe_until)
        return max(now, breaker, self.full_until)


@dataclass(slots=True)
class Pool:
    """The targets of every model; one for each process, safe for its threads.

    `random` is uniform in [0, 1). `ask_again` is the one budget of second attempts: a tenth of the first ones.
    """

    shared: Targets
    random: Callable[[], float]
    _watched: dict[tuple[str, str], Watched] = field(default_factory=dict)
    _retries: float = FIRST_RETRIES
    _lock: Lock = field(default_factory=Lock)

    def due(self, model: Model, now: float) -> tuple[str, ...]:
        """The names of those targets of `model` whose breakers are to be read again."""
        return tuple(each.name for each in self.watched(model, model.targets) if now - each.heard_at >= HEARD_SECONDS)

    def heard(self, model: Model, breakers: dict[str, Breaker], now: float) -> None:
        """Take in rows that were read; one that is older than what is known here says nothing."""
        for each in self.watched(model, model.targets):
            row = breakers.get(each.name)
            if row is not None:
                each.heard_at = now
                if row.version > each.breaker.version:
                    each.breaker = row

    def watched(self, model: Model, targets: Sequence[Target]) -> list[Watched]:
        """What is known of each target."""
        return [self._one(model, target) for target in targets]

    def offered(self) -> None:
        """A turn came: it pays for a part of a second attempt."""
        with self._lock:
            self._retries = min(self._retries + RETRY_SHARE, MOST_RETRIES)

    def ask_again(self) -> bool:
        """Whether there is a second attempt left to make."""
        with self._lock:
            if self._retries < 1:
                return False
            self._retries -= 1
            return True

    def choose(self, candidates: Sequence[Watched], need: Need, now: float) -> Watched | None:
        """One that may be asked now, or None; it is then in flight, its quota taken, and its probe announced."""
        left = [each for each in candidates if each.ready_at(now) <= now]
        while left:
            picked = self._picked(left, need, now)
            if self._takes(picked, need, now):
                with self._lock:
                    picked.in_flight += 1
                return picked
            left.remove(picked)
        return None

    def _one(self, model: Model, target: Target) -> Watched:
        key = model.id, target.uri
        known = self._watched.get(key)
        if known is None or known.target != target:
            known = self._watched[key] = Watched(known_as(*key), target)
        return known

    def _picked(self, ready: Sequence[Watched], need: Need, now: float) -> Watched:
        daring = [each for each in ready if not each.breaker.probing or self._dares(each)] or ready
        lowest = min(each.target.tier for each in daring)
        tier = [each for each in daring if each.target.tier == lowest]
        if probes := [each for each in tier if each.breaker.probing]:
            return self._drawn([(each, each.target.weight) for each in probes])  # one call in each of its periods
        known = [each.seconds(need, now) for each in tier if each.pace.at is not None]
        most = 2 * min(known, default=UNKNOWN.expected(need.input_tokens, TYPICAL_OUTPUT_TOKENS, now))
        took = [
            min(each.seconds(need, now), most) if each.pace.at is None else each.seconds(need, now) for each in tier
        ]
        costs = [each.cost(seconds) for each, seconds in zip(tier, took, strict=True)]
        odds = [each.target.weight * (min(costs) / cost) ** SHARPNESS for each, cost in zip(tier, costs, strict=True)]
        return self._drawn(list(zip(tier, odds, strict=True)))

    def _dares(self, probed: Watched) -> bool:
        """Whether this call may probe while others could take it: where it fails, there is another attempt for it."""
        return self._retries >= 1 and (probed.breaker.reason == THROTTLED or self.random() < PROBE_SHARE)

    def _drawn(self, odds: Sequence[tuple[Watched, float]]) -> Watched:
        """One of them, the likelier the greater its number."""
        mark = self.random() * sum(number for _, number in odds)
        for each, number in odds:
            mark -= number
            if mark < 0:
                return each
        return odds[-1][0]

    def _takes(self, picked: Watched, need: Need, now: float) -> bool:
        if not self._within_quota(picked, need, now):
            return False
        if not self._announced(picked, now):
            self._give_back(picked, need, None, now)
            return False
        return True

    def _announced(self, picked: Watched, now: float) -> bool:
        """Whether this call may go: through a closed breaker, or as the one probe of an open one."""
        if not picked.breaker.probing:
            return True
        wanted = picked.breaker.probed(now, self.random())
        picked.breaker = self._moved(picked, wanted)
        return picked.breaker == wanted

    def _within_quota(self, picked: Watched, need: Need, now: float) -> bool:
        quota = picked.target.quota
        if quota is None:
            return True
        asked = quotas.start(need.input_tokens, need.output_tokens)
        with self._lock:
            picked.allowance = known = picked.allowance.at(now)
            if known.left.covers(asked):
                picked.allowance = known.taken(asked)
                return True
        for block in dict.fromkeys((quotas.block(quota, asked, known), quotas.lacking(asked, known))):
            if self._leased(picked, block, known.minute, quota):
                with self._lock:
                    picked.allowance = picked.allowance.at(now).given(block).taken(asked)
                return True
        picked.full_until = float((known.minute + 1) * MINUTE)
        return False

    def _leased(self, picked: Watched, block: quotas.Block, minute: int, quota: Quota) -> bool:
        try:
            return self.shared.lease(picked.name, minute, block, quota)
        except StoreUnavailable:
            return True  # the target throttles for itself

    def _moved(self, watched: Watched, wanted: Breaker) -> Breaker:
        try:
            return self.shared.move(watched.name, wanted)
        except StoreUnavailable:
            return wanted  # this process at least goes by it

    def answered(self, watched: Watched, pace: Pace, now: float, *, whole: bool = True) -> None:
        """It answered: what was held against it is forgotten, but for the time that it asked for.

        That a stream began, and is not `whole` yet, says nothing for a target that breaks its streams.
        """
        watched.pace = pace
        if not whole and (watched.cuts or watched.breaker.reason == CUT):
            return
        watched.failures = watched.cuts = 0
        if watched.breaker.probing and now >= watched.breaker.until:
            watched.breaker = self._moved(watched, watched.breaker.closed())

    def failed(self, watched: Watched, fault: ModelError, pace: Pace, now: float, *, cut: bool = False) -> None:
        """It failed, or was `cut` in mid-stream: after too many in a row, or at its own wish, it is left alone."""
        watched.pace = pace
        probing = watched.breaker.probing and now < watched.breaker.probe_until
        if probing or (watched.breaker.admits(now) and opens(fault, watched.in_a_row)):
            watched.breaker = self._moved(watched, watched.breaker.opened(fault, now, cut=cut))

    def freed(self, watched: Watched, probe: Breaker | None) -> None:
        """A call ended that tells nothing: if it was the `probe`, another may be made."""
        if probe is not None and watched.breaker == probe:
            watched.breaker = self._moved(watched, probe.freed())

    def over(self, watched: Watched, need: Need, usage: Usage | None, began_at: float, now: float) -> None:
        """A call ended; without `usage` it burned nothing."""
        with self._lock:
            watched.in_flight -= 1
        if int(began_at) // MINUTE == int(now) // MINUTE:  # what is left of another minute is worth nothing in this
            self._give_back(watched, need, usage, now)

    def _give_back(self, watched: Watched, need: Need, usage: Usage | None, now: float) -> None:
        quota = watched.target.quota
        if quota is None:
            return
        taken = quotas.start(need.input_tokens, need.output_tokens)
        spent = quotas.Block() if usage is None else quotas.burned(quota, usage)
        with self._lock:
            watched.allowance = watched.allowance.at(now).given(taken - spent)
