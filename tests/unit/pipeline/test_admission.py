"""Reserve before the model, settle or release after it."""

import pytest

from chalicelib.adapters.memory.conversations import MemoryConversations
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.domain.budget import Charge, Limit, Subject
from chalicelib.domain.catalogue import charge
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import BadRequest, Conflict, LimitExceeded, ModelTimeout, ModelUnavailable, NotFound
from chalicelib.domain.estimate import input_bound
from chalicelib.pipeline.admission import RENUMBERINGS, Admission, ended
from tests.builders import (
    NOW,
    WIDE,
    a_caller,
    a_completion,
    a_conversation,
    a_memory,
    a_model,
    a_plan,
    a_principal,
    a_request,
    a_turn,
    an_ask,
    an_opened,
)

LEASE = 900
OWNER = a_principal().owner
BOUND = charge(a_model().prices, Usage(input_bound(a_request()), 100))


class Desk:
    def __init__(self, turns=None):
        self.shelf = Shelf()
        self.conversations = MemoryConversations(self.shelf)
        self.conversations.create(a_conversation(), None)
        turns = (turns or MemoryTurns)(self.shelf)
        self.admission = Admission(turns, self.conversations, LEASE, clock=lambda: NOW)

    def used(self, tag=None):
        subject = Subject("user", tag or a_principal().user_tag)
        return self.shelf.balances((subject,), NOW)["user", "day"]

    def leases(self):
        return [state for state, _ in self.shelf.leases.values()]

    def numbers(self):
        return sorted(self.shelf.turns["conv_1"])


def opened(*limits, conversation=True, last=0, number=1):
    ask = an_ask(conversation="conv_1" if conversation else None, turn_id=f"{number:032x}")
    memory = a_memory(conversation=a_conversation(last=last) if conversation else None)
    caller = a_caller(a_plan(*limits), turn_id=ask.turn_id)
    return an_opened(request=a_request(), ask=ask, memory=memory, caller=caller)


def test_the_most_that_a_turn_can_burn_is_charged_under_a_lease():
    desk = Desk()

    claim = desk.admission.reserve(opened(WIDE, conversation=False))

    assert (claim.charge, claim.made_at, claim.lease_until) == (BOUND, NOW, NOW + LEASE)
    assert {subject.kind for subject in claim.subjects} == {"key", "user", "tenant"}
    assert desk.used() == BOUND


def test_a_turn_of_a_conversation_is_opened_with_its_reservation():
    desk = Desk()

    claim = desk.admission.reserve(opened())

    stored = desk.shelf.turns["conv_1"][1]
    assert stored == claim.turn
    assert (stored.state, stored.lease_until, stored.model) == ("open", NOW + LEASE, "small")
    assert [item.role for item in stored.items] == ["user"]


def test_a_turn_is_numbered_behind_those_that_came_meanwhile():
    desk = Desk()
    for number in (1, 2, 3):
        desk.conversations.append(OWNER, "conv_1", a_turn(number))

    claim = desk.admission.reserve(opened(last=1, number=9))

    assert claim.turn.number == 4
    assert desk.numbers() == [1, 2, 3, 4]
    assert desk.used() == BOUND


def test_a_conversation_that_always_goes_on_first_is_a_conflict_that_charges_nothing():
    class Racing(MemoryTurns):
        tries = 0

        def reserve(self, reservation):
            Racing.tries += 1
            raise Conflict("Somebody was first.")

    desk = Desk(Racing)

    with pytest.raises(Conflict):
        desk.admission.reserve(opened())

    assert Racing.tries == RENUMBERINGS
    assert desk.used() == Charge()


def test_a_conversation_deleted_meanwhile_is_not_found_and_charges_nothing():
    desk = Desk()
    desk.conversations.delete(OWNER, "conv_1")

    with pytest.raises(NotFound) as caught:
        desk.admission.reserve(opened())

    assert caught.value.param == "conversation"

    assert (desk.used(), desk.leases()) == (Charge(), [])


def test_a_refusal_carries_what_is_left():
    desk = Desk()

    with pytest.raises(LimitExceeded) as caught:
        desk.admission.reserve(opened(Limit("user", "day", requests=0)))

    assert caught.value.standing.requests.remaining == 0
    assert (desk.used(), desk.leases(), desk.numbers()) == (Charge(), [], [])


def test_a_hit_is_a_request_that_is_settled_at_once():
    desk = Desk()

    claim = desk.admission.charge_hit(opened(), a_completion(), "simulated://echo")

    assert claim.final
    assert desk.used() == Charge(requests=1)
    assert desk.leases() == ["settled"]
    stored = desk.shelf.turns["conv_1"][1]
    assert (stored.state, stored.target, len(stored.items)) == ("done", "simulated://echo", 2)


@pytest.mark.parametrize(
    ("fault", "charged", "lease"),
    [
        (ModelUnavailable("No."), Charge(), "released"),
        (BadRequest("No."), Charge(), "released"),
        (ModelTimeout("No."), BOUND, "settled"),
    ],
)
def test_a_turn_without_an_answer_is_released_or_charged_by_its_fault(fault, charged, lease):
    desk = Desk()
    claim = desk.admission.reserve(opened())

    desk.admission.abandon(claim, burned=fault.burned)

    assert (desk.used(), desk.leases()) == (charged, [lease])
    assert desk.numbers() == ([1] if charged.tokens else [])
    assert all(each.state == "cut" for each in desk.shelf.turns["conv_1"].values())


def test_settling_twice_charges_once():
    desk = Desk()
    claim = desk.admission.reserve(opened(conversation=False))

    for _ in range(2):
        desk.admission.settle(claim, Charge(1, 12, 14))

    assert desk.used() == Charge(1, 12, 14)


def test_a_late_settlement_corrects_an_expired_lease():
    desk = Desk()
    claim = desk.admission.reserve(opened())
    desk.admission.turns.expire(NOW + LEASE + 1, 10)

    desk.admission.settle(claim, Charge(1, 12, 14), ended(claim, a_completion(), "simulated://echo", cut=False))

    assert desk.used() == Charge(1, 12, 14)
    assert desk.shelf.turns["conv_1"][1].state == "done"


def test_a_turn_outside_a_conversation_is_not_remembered():
    claim = Desk().admission.reserve(opened(conversation=False))

    assert ended(claim, a_completion(), "simulated://echo", cut=False) is None


@pytest.mark.parametrize(("cut", "state", "status"), [(False, "done", "completed"), (True, "cut", "incomplete")])
def test_a_turn_is_remembered_as_it_ended(cut, state, status):
    claim = Desk().admission.reserve(opened())

    turn = ended(claim, a_completion(), "simulated://echo", cut=cut)

    assert (turn.state, turn.items[-1].status, turn.lease_until) == (state, status, 0)
    assert (turn.target, turn.usage) == ("simulated://echo", a_completion().usage)
    assert turn.items[:-1] == claim.turn.items
