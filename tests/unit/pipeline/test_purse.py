"""What is reserved beside a turn, and what becomes of it."""

import threading

import pytest

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.domain.chat import Delta
from chalicelib.domain.errors import ModelThrottled, ModelTimeout, StoreUnavailable
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.purse import Purse
from chalicelib.pipeline.routing.router import Router
from tests.builders import NOW, a_model, a_request
from tests.contract.samples import reservation


class Forgetful(MemoryTurns):
    """Cannot settle what was reserved beside the turn."""

    def settle(self, reservation, settlement):
        raise StoreUnavailable("Gone.")

    release = settle


class Noted(MemoryTurns):
    """Notes what it is asked to reserve."""

    def __init__(self, shelf):
        super().__init__(shelf)
        self.names = []

    def reserve(self, reservation):
        super().reserve(reservation)
        self.names.append(reservation.turn_id)


class Late:
    def __init__(self, go, *pieces):
        self.go, self.pieces = go, pieces

    def stream(self, request, patience=None):
        self.go.wait(20)
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def hedged(shelf, *targets):
    """A router over two targets, the second asked at once beside the first."""
    by_name = dict(zip(("script://a", "script://b"), targets, strict=True))
    turns = Forgetful(shelf)
    pool = Pool(MemoryTargets(shelf), lambda: 0.0)
    router = Router(by_name.__getitem__, by_name.__getitem__, pool, turns, lambda: NOW, 60)
    return router, Purse(turns, reservation()), a_model("small", *by_name, hedge_after_ms=1)


def test_an_answer_is_handed_over_though_the_store_cannot_take_back_the_other_reservation():
    go, set_ = threading.Event(), threading.Event()
    set_.set()
    router, purse, model = hedged(Shelf(), Late(go, ModelThrottled("No.")), Late(set_, Delta(text="Hello")))

    deltas, routed = router.stream(model, a_request(), purse)
    go.set()

    assert routed.target == "script://b"
    assert next(deltas).text == "Hello"


def test_two_targets_that_may_have_burned_are_the_turns_fault_though_the_store_is_gone():
    go = threading.Event()
    threading.Timer(0.1, go.set).start()
    router, purse, model = hedged(Shelf(), Late(go, ModelTimeout("1")), Late(go, ModelTimeout("2")))

    with pytest.raises(ModelTimeout):
        router.stream(model, a_request(), purse)


def test_no_two_calls_of_a_turn_charge_their_attempts_under_one_name():
    turns = Noted(Shelf())
    first, after_it, *held = [Purse(turns, reservation(), part=part) for part in ("", "", "1.", "2.")]
    after_it.make_up()

    for purse in (first, after_it, *held):
        assert purse.forfeit()
        assert purse.forfeit()

    assert len(set(turns.names)) == len(turns.names) == 9
