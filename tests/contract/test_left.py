"""What is left of a turn whose call broke off."""

import msgspec
import pytest

from chalicelib.domain.budget import Charge
from chalicelib.domain.conversation import TurnRef
from chalicelib.domain.turn import Left
from tests.contract.samples import answered, conversation, in_conversation, limit, reservation


@pytest.mark.parametrize(
    ("claim", "place"),
    [(reservation(limits=[limit("user", "day", "tokens", 1_000)]), None), (in_conversation(), TurnRef("conv_1", 1))],
    ids=["alone", "in-a-conversation"],
)
def test_it_is_how_the_reservation_stands_and_what_was_claimed(stores, claim, place):
    stores.conversations.create(conversation(), None)
    assert stores.turns.left("t-1") is None

    stores.turns.reserve(claim)

    claimed = msgspec.structs.replace(claim, limits=(), turn=None)
    assert stores.turns.left("t-1") == Left("open", claimed, place)
    stores.turns.settle(claim, answered(claim))
    assert stores.turns.left("t-1") == Left("settled", claimed, place)


def test_a_claim_that_expired_or_was_given_back_is_known_too(stores):
    early, late = reservation("t-1"), reservation("t-2", lease_until=reservation().lease_until + 1_000)
    stores.turns.reserve(early)
    stores.turns.reserve(late)

    stores.turns.expire(early.lease_until + 1, 10)
    stores.turns.release(late)

    assert [stores.turns.left(turn).state for turn in ("t-1", "t-2")] == ["expired", "released"]


def test_a_hit_leaves_no_claim(stores):
    stores.turns.reserve(reservation(charge=Charge(requests=1), final=True))

    assert stores.turns.left("t-1") == Left("settled", None)
