"""How twins wait for one answer, and what the next call finds of one that broke off."""

import dataclasses

import msgspec
import pytest

from chalicelib.domain.budget import Charge
from chalicelib.domain.errors import KeyReused, StillRunning, Unauthorized
from chalicelib.domain.identity import owner_of_key
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.receipts import LIFE_SECONDS, Told
from chalicelib.domain.turn import Reservation
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id
from chalicelib.pipeline.once import GROWTH, LONGEST_PAUSE, SHORTEST_PAUSE, Held, Wish
from tests.builders import NOW, a_key, a_turn
from tests.unit.pipeline.stage import Stage

ANSWER = Told(200, {"content-type": "application/json"}, b"{}")


class Twins:
    """Two calls with one key; after so many pauses of the second, something happens meanwhile."""

    def __init__(self, meanwhile=lambda twins: None, after=1):
        self.stage = Stage(models={})
        self.paused = []
        self.once = dataclasses.replace(self.stage.services.once, pause=self._pause)
        self._meanwhile, self._after = meanwhile, after
        self.held = self.once.begin(self.wish(1))

    def wish(self, number, fingerprint="of the request"):
        name = turn_id(self.stage.now, number.to_bytes(RANDOM_BYTES, "big"))
        return Wish(self.stage.credential, "k", fingerprint, name, self.stage.now)

    def _pause(self, seconds):
        self.paused.append(seconds)
        self.stage.now += seconds
        if len(self.paused) == self._after:
            self._meanwhile(self)


def answered(twins):
    twins.once.finish(twins.held, ANSWER)


def forgotten(twins):
    twins.stage.now = twins.held.receipt.until


def gone_on(twins):
    twins.stage.now = NOW + twins.once.patience_seconds


def test_a_twin_asks_less_and_less_often_until_the_answer_is_there():
    twins = Twins(answered, after=4)

    assert twins.once.begin(twins.wish(2)) == ANSWER
    assert twins.paused == pytest.approx([SHORTEST_PAUSE * GROWTH**number for number in range(4)])


def test_a_twin_waits_for_as_long_as_its_patience_and_no_longer():
    twins = Twins()

    with pytest.raises(StillRunning, match="still being answered"):
        twins.once.begin(twins.wish(2))

    waited, patience = sum(twins.paused), twins.once.patience_seconds
    assert patience <= waited < patience + LONGEST_PAUSE
    assert max(twins.paused) == LONGEST_PAUSE


def test_patience_is_over_to_the_second():
    twins = Twins(gone_on)

    with pytest.raises(StillRunning):
        twins.once.begin(twins.wish(2))

    assert len(twins.paused) == 1


def test_a_twin_that_waits_claims_once_and_then_only_reads():
    twins, claims = Twins(answered, after=4), []
    claim = twins.once.receipts.claim
    twins.once.receipts.claim = lambda *wanted: claims.append(wanted) or claim(*wanted)

    twins.once.begin(twins.wish(2))

    assert len(claims) == 1


def test_a_twin_whose_first_was_forgotten_answers_itself():
    twins = Twins(forgotten)

    wish = twins.wish(2)

    second = twins.once.begin(wish)

    assert (second.receipt.holder, second.receipt.turn_id, second.left) == (wish.turn_id, wish.turn_id, None)
    assert second.receipt.until == int(wish.now) + LIFE_SECONDS


def test_the_next_call_takes_over_in_the_very_second_in_which_a_lease_ends():
    twins = Twins()
    twins.stage.now = float(twins.held.receipt.lease_until)

    second = twins.once.begin(twins.wish(2))

    assert isinstance(second, Held)
    assert second.receipt.lease_until == int(twins.stage.now) + twins.once.lease_seconds
    assert twins.paused == []


def test_of_two_calls_that_take_over_at_once_one_answers_and_the_other_waits():
    twins = Twins(lambda twins: twins.once.finish(twins.winner, ANSWER))
    twins.once.let_go(twins.held)
    first, second = twins.wish(2), twins.wish(3)
    take = twins.once.receipts.take

    def overtaken(found, heir):
        twins.once.receipts.take = take
        twins.winner = twins.once.begin(first)
        return take(found, heir)

    twins.once.receipts.take = overtaken

    assert twins.once.begin(second) == ANSWER
    assert twins.winner.receipt.holder == first.turn_id
    assert len(twins.paused) == 1


@pytest.mark.parametrize(("until", "is_told"), [(1, True), (0, False)], ids=["still-good", "expired"])
def test_only_a_key_that_is_still_good_is_told_an_answer_again(until, is_told):
    twins = Twins()
    answered(twins)
    credential = twins.stage.credential
    twins.stage.shelf.keys[credential.key_id] = a_key(credential, expires_at=NOW + until)

    if is_told:
        assert twins.once.begin(twins.wish(2)) == ANSWER
    else:
        with pytest.raises(Unauthorized):
            twins.once.begin(twins.wish(2))


def test_who_broke_off_before_anything_was_reserved_leaves_its_name():
    twins = Twins()
    twins.once.let_go(twins.held)

    second = twins.once.begin(twins.wish(2))

    assert (second.receipt.turn_id, second.left) == (twins.held.receipt.turn_id, None)
    assert second.receipt.is_inherited


def test_who_takes_over_says_whose_it_is_where_an_older_receipt_did_not():
    twins = Twins()
    nobodys = msgspec.structs.replace(twins.held.receipt, owner="")
    assert twins.once.receipts.take(twins.held.receipt, nobodys)
    twins.once.let_go(twins.held)

    second = twins.once.begin(twins.wish(2))

    assert second.receipt.owner == owner_of_key(twins.stage.credential.key_id)


def test_who_let_go_is_followed_at_once():
    twins = Twins(lambda twins: twins.once.let_go(twins.held))

    assert isinstance(twins.once.begin(twins.wish(2)), Held)
    assert len(twins.paused) == 1


def test_what_may_pass_is_not_kept_and_the_next_call_tries_at_once():
    twins = Twins()

    twins.once.finish(twins.held, Told(503, {}, b"{}"))

    assert isinstance(twins.once.begin(twins.wish(2)), Held)
    assert twins.paused == []


def test_another_key_is_another_request():
    twins = Twins()

    other = twins.once.begin(msgspec.structs.replace(twins.wish(2), key="l"))

    assert isinstance(other, Held)
    assert (other.receipt.is_inherited, twins.paused) == (False, [])


def test_another_request_under_the_key_is_told_which_field_to_change():
    twins = Twins()

    with pytest.raises(KeyReused, match="was sent with another request") as refused:
        twins.once.begin(twins.wish(2, fingerprint="of another"))

    assert (refused.value.param, refused.value.code) == ("Idempotency-Key", "idempotency_key_reused")


@pytest.mark.parametrize(("stored", "is_told"), [("its own", True), ("another", False), (None, False)])
def test_an_answer_is_found_in_a_conversation_only_where_the_turn_there_is_the_same(stored, is_told):
    twins = Twins()
    name, shelf = twins.held.receipt.turn_id, twins.stage.shelf
    remembered = {"its own": a_turn(id=name), "another": a_turn()}
    claim = Reservation(name, subjects_of(twins.stage.credential), (), Charge(1), NOW, NOW, "conv_1", a_turn(id=name))
    shelf.leases[name] = "settled", claim
    shelf.turns["conv_1"] = {1: remembered[stored]} if stored else {}
    twins.once.let_go(twins.held)

    second = twins.once.begin(twins.wish(2))

    assert (second.left is not None, second.receipt.is_inherited) == (is_told, is_told)
    assert second.left is None or second.left.turn == remembered["its own"]
