"""Targets tried in order until one answers."""

import pytest

from chalicelib.domain.catalogue import Model, Target
from chalicelib.domain.chat import Delta
from chalicelib.domain.errors import (
    BadRequest,
    Misconfigured,
    ModelError,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)
from chalicelib.pipeline.router import Router
from tests.builders import a_model, a_request
from tests.unit.pipeline.stage import HELLO, Scripted

FAULTS = [ModelThrottled, ModelUnavailable, ModelTimeout, ModelGarbled, ModelError]
MODEL = a_model("small", "script://a?secret=1", "script://b", "script://c")
CALLS = {
    "complete": lambda router, model: router.complete(model, a_request()),
    "stream": lambda router, model: router.stream(model, a_request()),
    "embed": lambda router, model: router.embed(model, ("text",), None),
}


def a_router(**targets):
    opened = []

    def open_target(uri):
        opened.append(uri)
        return targets[uri.removeprefix("script://").partition("?")[0]]

    return Router(open_target, open_target, lambda: 7.0), opened


def good(kind):
    return Scripted(3) if kind == "embed" else Scripted(*HELLO)


@pytest.mark.parametrize("kind", CALLS)
def test_the_first_target_answers(kind):
    router, opened = a_router(a=good(kind))

    _, routed = CALLS[kind](router, MODEL)

    assert (routed.target, routed.attempts) == ("script://a", 1)
    assert opened == ["script://a?secret=1"]


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_target_answers_where_one_fails(kind, fault):
    router, _ = a_router(a=Scripted(fault("No.")), b=Scripted(fault("No.")), c=good(kind))

    _, routed = CALLS[kind](router, MODEL)

    assert (routed.target, routed.attempts) == ("script://c", 3)


@pytest.mark.parametrize("kind", CALLS)
def test_a_request_that_a_target_rejects_is_not_tried_elsewhere(kind):
    router, opened = a_router(a=Scripted(ModelThrottled("Busy.")), b=Scripted(ModelRejected("Bad.")))

    with pytest.raises(BadRequest) as caught:
        CALLS[kind](router, MODEL)

    assert (caught.value.message, caught.value.code) == ("Bad.", "model_rejected")
    assert len(opened) == 2


@pytest.mark.parametrize("kind", CALLS)
def test_the_last_targets_fault_is_told_where_all_fail(kind):
    router, _ = a_router(
        a=Scripted(ModelError("1")), b=Scripted(ModelUnavailable("2")), c=Scripted(ModelThrottled("3"))
    )

    with pytest.raises(ModelThrottled):
        CALLS[kind](router, MODEL)


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("last", [ModelThrottled, ModelRejected])
def test_a_fault_that_may_have_burned_tokens_is_not_forgotten(kind, last):
    router, _ = a_router(a=Scripted(ModelUnavailable("1")), b=Scripted(ModelTimeout("2")), c=Scripted(last("3")))

    with pytest.raises(ModelTimeout):
        CALLS[kind](router, MODEL)


def test_lower_tiers_are_tried_first():
    targets = (Target("script://c", tier=2), Target("script://b", tier=1), Target("script://a", tier=0))
    router, opened = a_router(a=Scripted(ModelTimeout("1")), b=Scripted(ModelTimeout("1")), c=Scripted(*HELLO))

    router.complete(Model(id="small", targets=targets), a_request())

    assert opened == ["script://a", "script://b", "script://c"]


def test_a_model_without_a_target_fails():
    router, _ = a_router()

    with pytest.raises(ModelError):
        router.complete(Model(id="small", targets=()), a_request())


def test_a_target_that_cannot_be_opened_is_the_operators_fault():
    def unknown(_):
        raise Misconfigured("no adapter")

    with pytest.raises(Misconfigured):
        Router(unknown, unknown, lambda: 0.0).complete(MODEL, a_request())


def test_a_stream_has_begun_before_it_is_handed_over():
    a, b = Scripted(ModelTimeout("Silent.")), Scripted(*HELLO)
    router, _ = a_router(a=a, b=b)

    deltas, routed = router.stream(MODEL, a_request())

    assert len(b.requests) == 1
    assert routed.attempts == 2
    assert list(deltas) == list(HELLO)


def test_a_stream_of_nothing_is_garbled():
    router, _ = a_router(a=Scripted(), b=Scripted(), c=Scripted())

    with pytest.raises(ModelGarbled):
        router.stream(MODEL, a_request())


def test_a_fault_after_the_first_piece_is_not_tried_elsewhere():
    router, opened = a_router(a=Scripted(Delta(text="Hel"), ModelTimeout("Silent.")), b=Scripted(*HELLO))
    deltas, _ = router.stream(MODEL, a_request())

    with pytest.raises(ModelTimeout):
        list(deltas)

    assert len(opened) == 1


@pytest.mark.parametrize("read", [0, 1, 2])
def test_closing_a_stream_ends_the_call_to_the_target(read):
    a = Scripted(*HELLO)
    deltas, _ = a_router(a=a)[0].stream(MODEL, a_request())
    for _ in range(read):
        next(deltas)

    deltas.close()

    assert a.closed


def test_the_time_in_the_model_is_measured():
    ticks = iter([10.0, 12.5])
    router = Router(lambda _: Scripted(*HELLO), lambda _: None, lambda: next(ticks))

    _, routed = router.complete(MODEL, a_request())

    assert routed.model_seconds == 2.5
