"""Targets asked until one answers."""

import threading

import msgspec
import pytest

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.domain.breaker import FAILURES
from chalicelib.domain.budget import Limit
from chalicelib.domain.catalogue import Model, Target
from chalicelib.domain.chat import Delta
from chalicelib.domain.errors import (
    BadRequest,
    Misconfigured,
    ModelError,
    ModelGarbled,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)
from chalicelib.domain.routing import Saturated
from chalicelib.pipeline.routing.pool import FIRST_RETRIES, Pool
from chalicelib.pipeline.routing.router import Router
from tests.builders import NOW, a_model, a_request
from tests.contract.samples import reservation
from tests.unit.pipeline.stage import HELLO, Scripted

FAULTS = [ModelThrottled, ModelUnavailable, ModelNotReady, ModelTimeout, ModelGarbled, ModelError]
MODEL = a_model("small", "script://a?secret=1", "script://b", "script://c")
CLAIM = reservation()
CALLS = {
    "complete": lambda router, model, purse: router.complete(model, a_request(), purse),
    "stream": lambda router, model, purse: router.stream(model, a_request(), purse),
    "embed": lambda router, model, purse: router.embed(model, ("text",), None, purse),
}
kinds = pytest.mark.parametrize("kind", CALLS)


class Calls:
    """A router over targets by name, in the order of their names, and whom it asked."""

    def __init__(self, *, retries=10.0, deadline=60.0, **targets):
        self.targets = targets
        self.asked = []
        self.shelf = Shelf()
        self.now = float(NOW)
        self.pool = Pool(MemoryTargets(self.shelf), lambda: 0.0, _retries=retries)
        self.router = Router(self.open, self.open, self.pool, MemoryTurns(self.shelf), lambda: self.now, deadline)
        self.purse = self.router.purse(CLAIM)

    def open(self, uri):
        self.asked.append(uri)
        return self.targets[uri.removeprefix("script://").partition("?")[0]]

    def __call__(self, kind, model=MODEL):
        return CALLS[kind](self.router, model, self.purse)

    def charged(self):
        return [each.charge.tokens for state, each in self.shelf.leases.values() if state == "settled"]


def good(kind):
    return Scripted(3) if kind == "embed" else Scripted(*HELLO)


@kinds
def test_one_target_answers(kind):
    calls = Calls(a=good(kind))

    _, routed = calls(kind)

    assert (routed.target, routed.attempts) == ("script://a", 1)
    assert calls.asked == ["script://a?secret=1"]


@kinds
@pytest.mark.parametrize("fault", FAULTS)
def test_another_target_answers_where_one_fails(kind, fault):
    calls = Calls(a=Scripted(fault("No.")), b=Scripted(fault("No.")), c=good(kind))

    _, routed = calls(kind)

    assert (routed.target, routed.attempts) == ("script://c", 3)
    assert [attempt.outcome for attempt in calls.purse.tried] == [fault.__name__, fault.__name__, "answered"]


@kinds
def test_a_request_that_a_target_rejects_is_not_tried_elsewhere(kind):
    calls = Calls(a=Scripted(ModelThrottled("Busy.")), b=Scripted(ModelRejected("Bad.")))

    with pytest.raises(BadRequest) as caught:
        calls(kind)

    assert (caught.value.message, caught.value.code) == ("Bad.", "model_rejected")
    assert len(calls.asked) == 2


@kinds
@pytest.mark.parametrize("fault", [ModelUnavailable, ModelTimeout, ModelGarbled, ModelError])
def test_the_last_targets_fault_is_told_where_all_fail(kind, fault):
    calls = Calls(a=Scripted(ModelThrottled("1")), b=Scripted(ModelThrottled("2")), c=Scripted(fault("3")))

    with pytest.raises(fault):
        calls(kind)


@kinds
@pytest.mark.parametrize("fault", [ModelThrottled, ModelNotReady])
def test_waiting_helps_where_no_target_takes_more(kind, fault):
    waits = iter([90, 30, 60])
    calls = Calls(**{name: Scripted(fault("No.", retry_after_seconds=next(waits))) for name in "abc"})

    assert calls(kind) == Saturated("small", 30, down=fault is ModelNotReady)


@kinds
def test_targets_that_are_left_alone_are_not_asked(kind):
    calls = Calls(**{name: Scripted(ModelThrottled("No.", retry_after_seconds=30)) for name in "abc"})
    calls(kind)
    calls.asked.clear()

    assert calls(kind) == Saturated("small", 30)
    assert calls.asked == []


def test_a_target_that_just_broke_is_asked_once_more_where_none_is_left():
    class Flaky(Scripted):
        def stream(self, request, patience=None):
            self.pieces = HELLO if self.requests else (ModelUnavailable("Broke."),)
            return super().stream(request, patience)

    calls = Calls(a=Flaky())

    _, routed = calls("stream", a_model("small", "script://a"))

    assert routed.attempts == 2


def test_a_target_that_stays_broken_is_asked_twice():
    calls = Calls(a=Scripted(ModelUnavailable("Broke.")))

    with pytest.raises(ModelUnavailable):
        calls("complete", a_model("small", "script://a"))

    assert len(calls.asked) == 2


def test_a_turn_counts_once_among_failures_in_a_row():
    calls = Calls(a=Scripted(ModelUnavailable("Broke.")))
    model = a_model("small", "script://a")

    for turn in range(1, FAILURES):
        with pytest.raises(ModelUnavailable):
            calls("complete", model)
        assert len(calls.asked) == 2 * turn
    with pytest.raises(ModelUnavailable):
        calls("complete", model)

    assert isinstance(calls("complete", model), Saturated)


def test_second_attempts_have_a_budget():
    calls = Calls(retries=FIRST_RETRIES, **{name: Scripted(ModelError("No.")) for name in "abc"})
    failed = 0

    for _ in range(100):
        calls.now += 3_600
        with pytest.raises(ModelError):
            calls("complete")
        failed += 1

    assert len(calls.asked) - failed <= FIRST_RETRIES + failed / 10


def test_no_attempt_is_made_behind_the_deadline():
    calls = Calls(deadline=10)

    class Slow(Scripted):
        def complete(self, request, patience=None):
            calls.now += 20
            return super().complete(request, patience)

    calls.targets |= {"a": Slow(ModelUnavailable("Late.")), "b": Scripted(*HELLO), "c": Scripted(*HELLO)}

    with pytest.raises(ModelUnavailable):
        calls("complete")


def test_no_target_may_take_all_the_time_while_others_are_left():
    patience = []

    class Patient(Scripted):
        def complete(self, request, patience_=None):
            patience.append(patience_)
            return super().complete(request)

    calls = Calls(a=Patient(ModelThrottled("1")), b=Patient(ModelThrottled("1")), c=Patient(*HELLO))

    calls("complete")

    assert patience == [36.0, 36.0, 60.0]


@kinds
@pytest.mark.parametrize("fault", [ModelTimeout, ModelGarbled])
def test_an_attempt_that_may_have_burned_tokens_is_charged_before_another_is_made(kind, fault):
    calls = Calls(a=Scripted(fault("1")), b=Scripted(fault("2")), c=good(kind))

    calls(kind)

    assert calls.charged() == [CLAIM.charge.tokens] * 2
    assert calls.purse.lost_usd_micros == 2 * CLAIM.charge.usd_micros


@kinds
def test_the_last_attempt_that_may_have_burned_tokens_is_left_to_the_reservation(kind):
    calls = Calls(a=Scripted(ModelTimeout("1")), b=Scripted(ModelTimeout("2")), c=Scripted(ModelTimeout("3")))

    with pytest.raises(ModelTimeout):
        calls(kind)

    assert calls.charged() == [CLAIM.charge.tokens] * 2


@kinds
def test_no_further_attempt_is_made_that_a_limit_does_not_admit(kind):
    calls = Calls(a=Scripted(ModelTimeout("1")), b=good(kind), c=good(kind))
    tight = msgspec.structs.replace(CLAIM, limits=(Limit("user", "day", tokens=CLAIM.charge.tokens - 1),))
    calls.purse = calls.router.purse(tight)

    with pytest.raises(ModelTimeout):
        calls(kind)

    assert len(calls.asked) == 1
    assert calls.charged() == []


def test_lower_tiers_are_asked_first():
    targets = (Target("script://c", tier=2), Target("script://b", tier=1), Target("script://a", tier=0))
    calls = Calls(a=Scripted(ModelTimeout("1")), b=Scripted(ModelTimeout("1")), c=Scripted(*HELLO))

    calls("complete", Model(id="small", targets=targets, max_output_tokens=9))

    assert calls.asked == ["script://a", "script://b", "script://c"]


def test_a_target_that_cannot_be_opened_is_the_operators_fault():
    calls = Calls()

    def unknown(_):
        raise Misconfigured("no adapter")

    calls.open = unknown

    with pytest.raises(Misconfigured):
        Router(unknown, unknown, calls.pool, MemoryTurns(calls.shelf), lambda: 0.0, 60).complete(
            MODEL, a_request(), calls.purse
        )

    assert [each.in_flight for each in calls.pool.watched(MODEL, MODEL.targets)] == [0, 0, 0]


def test_a_stream_has_begun_before_it_is_handed_over():
    a, b = Scripted(ModelTimeout("Silent.")), Scripted(*HELLO)
    calls = Calls(a=a, b=b)

    deltas, routed = calls("stream")

    assert len(b.requests) == 1
    assert routed.attempts == 2
    assert list(deltas) == list(HELLO)


def test_a_stream_of_nothing_is_garbled():
    calls = Calls(a=Scripted(), b=Scripted(), c=Scripted())

    with pytest.raises(ModelGarbled):
        calls("stream")


def test_a_fault_after_the_first_piece_is_not_tried_elsewhere():
    calls = Calls(a=Scripted(Delta(text="Hel"), ModelTimeout("Silent.")), b=Scripted(*HELLO))
    deltas, _ = calls("stream")

    with pytest.raises(ModelTimeout):
        list(deltas)

    assert len(calls.asked) == 1


@pytest.mark.parametrize("read", [0, 1, 2])
def test_closing_a_stream_ends_the_call_to_the_target(read):
    a = Scripted(*HELLO)
    calls = Calls(a=a)
    deltas, _ = calls("stream")
    for _ in range(read):
        next(deltas)

    deltas.close()

    assert a.closed
    assert calls.pool.watched(MODEL, MODEL.targets)[0].in_flight == 0


def test_the_time_in_the_model_is_measured():
    calls = Calls()

    class Slow(Scripted):
        def complete(self, request, patience=None):
            calls.now += 2.5
            return super().complete(request, patience)

    calls.targets["a"] = Slow(*HELLO)

    _, routed = calls("complete")

    assert routed.model_seconds == 2.5


class Held(Scripted):
    """Says nothing before it is let go."""

    def __init__(self, *pieces):
        super().__init__(*pieces)
        self.go = threading.Event()
        self.ended = threading.Event()

    def stream(self, request, patience=None):
        try:
            self.go.wait(20)
            yield from super().stream(request, patience)
        finally:
            self.ended.set()


HEDGED = msgspec.structs.replace(MODEL, targets=MODEL.targets[:2], hedge_after_ms=1)


@pytest.mark.parametrize("kind", ["complete", "stream"])
def test_a_second_target_is_asked_beside_one_that_is_late(kind):
    late = Held(*HELLO)
    calls = Calls(a=late, b=Scripted(*HELLO))

    _, routed = calls(kind, HEDGED)
    late.go.set()

    assert (routed.target, routed.attempts) == ("script://b", 2)
    assert late.ended.wait(20)
    assert late.closed
    assert calls.charged() == [CLAIM.charge.tokens]


def test_the_first_may_still_win():
    late = Held(*HELLO)
    other = Held(ModelThrottled("Busy."))
    calls = Calls(a=late, b=other)
    other.go.set()
    threading.Timer(0.2, late.go.set).start()

    _, routed = calls("stream", HEDGED)

    assert routed.target == "script://a"
    assert calls.shelf.leases[f"{CLAIM.turn_id}~1"][0] == "released"
    assert calls.purse.lost_usd_micros == 0


def test_no_second_target_is_asked_where_a_limit_does_not_admit_both():
    late, other = Held(*HELLO), Scripted(*HELLO)
    calls = Calls(a=late, b=other)
    tight = msgspec.structs.replace(CLAIM, limits=(Limit("user", "day", tokens=CLAIM.charge.tokens - 1),))
    calls.purse = calls.router.purse(tight)
    threading.Timer(0.2, late.go.set).start()

    _, routed = calls("stream", HEDGED)

    assert routed.target == "script://a"
    assert other.requests == []


@pytest.mark.parametrize(
    ("faults", "told", "charged"),
    [
        ((ModelTimeout, ModelThrottled), ModelTimeout, 0),
        ((ModelThrottled, ModelTimeout), ModelTimeout, 0),
        ((ModelTimeout, ModelGarbled), ModelTimeout, 1),
        ((ModelUnavailable, ModelGarbled), ModelUnavailable, 1),
    ],
)
def test_where_both_fail_each_that_may_have_burned_is_charged(faults, told, charged):
    """The reservation covers the last one: what is charged beside it is what was burned before."""
    one, other = Held(faults[0]("1")), Held(faults[1]("2"))
    calls = Calls(a=one, b=other)
    threading.Timer(0.2, one.go.set).start()
    other.go.set()

    with pytest.raises(told):
        calls("stream", HEDGED)

    assert calls.charged() == [CLAIM.charge.tokens] * charged
