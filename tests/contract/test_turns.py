"""`Turns`: what a turn reads at once, and what it writes at once."""

from itertools import product

import msgspec
import pytest

from chalicelib.domain.budget import METERS, WINDOWS, Charge, Limit, Plan, period
from chalicelib.domain.errors import Conflict, LimitExceeded, NotFound
from chalicelib.domain.identity import Tenant
from chalicelib.domain.ledger import subjects_of
from chalicelib.ports import TurnPage
from tests.contract.samples import (
    ADA,
    BOB,
    CHARGE,
    EVE,
    NOW,
    OWNER,
    answered,
    cached,
    conversation,
    cue,
    in_conversation,
    key,
    limit,
    reservation,
    turn,
)

KINDS = ("key", "user", "tenant")
EVERY_LIMIT = list(product(KINDS, WINDOWS, METERS))
NOTHING = {(kind, window): Charge() for kind in KINDS for window in WINDOWS}
FAR = NOW + 10**6


def used(stores, credential=ADA, now=NOW):
    return stores.keys.balances(subjects_of(credential), now)


def all_windows(charge):
    return dict.fromkeys(NOTHING, charge)


def test_recall_of_a_stranger_finds_nothing(stores):
    memory = stores.turns.recall(cue(answers=("a",), conversation="conv_1"))

    assert memory.key is None
    assert memory.plans == {}
    assert memory.balances == NOTHING
    assert memory.answers == {}
    assert memory.conversation is None


def test_recall_finds_everything_of_its_owner(stores):
    stores.keys.put(key())
    stores.keys.put_plan(Plan("free"))
    stores.turns.reserve(reservation())
    stores.answers.store("a", cached())
    stores.conversations.create(conversation(topic="tides"), None)

    memory = stores.turns.recall(cue(answers=("a", "b", "a"), conversation="conv_1"))

    assert memory.key == key()
    assert memory.plans == {"free": Plan("free")}
    assert memory.balances == all_windows(CHARGE)
    assert memory.answers == {"a": cached()}
    assert memory.conversation == conversation(topic="tides")


def test_recall_finds_the_record_of_the_tenant(stores):
    stores.keys.change_tenant("acme", lambda _: Tenant("acme", "company"))

    assert stores.turns.recall(cue(BOB)).tenant == Tenant("acme", "company")
    assert stores.turns.recall(cue(EVE)).tenant is None


@pytest.mark.parametrize("credential", [BOB, EVE])
def test_recall_does_not_find_a_foreign_conversation(stores, credential):
    stores.conversations.create(conversation(), None)

    assert stores.turns.recall(cue(credential, conversation="conv_1")).conversation is None


def test_recall_leaves_out_what_has_expired(stores):
    stores.answers.store("a", cached(expires_at=NOW + 60))

    assert stores.turns.recall(cue(now=NOW + 59, answers=("a",))).answers
    assert not stores.turns.recall(cue(now=NOW + 60, answers=("a",))).answers


def test_recall_sees_a_replaced_plan_within_30_seconds(stores):
    stores.keys.put_plan(Plan("free"))
    stores.turns.recall(cue())
    stores.keys.put_plan(Plan("free", concurrent=3))

    assert stores.turns.recall(cue(now=NOW + 30)).plans["free"].concurrent == 3
    assert stores.again().turns.recall(cue()).plans["free"].concurrent == 3


def test_a_reservation_charges_every_subject_in_every_window(stores):
    stores.turns.reserve(reservation())

    assert used(stores) == all_windows(CHARGE)


def test_a_reservation_leaves_others_alone(stores):
    stores.turns.reserve(reservation())

    assert used(stores, EVE) == NOTHING
    assert used(stores, BOB)["key", "minute"] == Charge()
    assert used(stores, BOB)["tenant", "minute"] == CHARGE


@pytest.mark.parametrize(("subject", "window", "meter"), EVERY_LIMIT)
def test_a_limit_admits_what_fits_exactly_and_nothing_more(stores, subject, window, meter):
    size = 2 * CHARGE.of(meter)
    limits = (limit(subject, window, meter, size),)
    stores.turns.reserve(reservation("t-1", limits=limits))
    stores.turns.reserve(reservation("t-2", limits=limits))
    before = used(stores)

    with pytest.raises(LimitExceeded) as refusal:
        stores.turns.reserve(reservation("t-3", limits=limits))

    assert used(stores) == before
    assert refusal.value.remaining == 0
    assert refusal.value.asked == CHARGE.of(meter)
    assert refusal.value.retry_after_seconds == period(window, NOW).ends - NOW
    assert str(size) in refusal.value.limit
    assert subject in refusal.value.limit
    assert window in refusal.value.limit


@pytest.mark.parametrize(("subject", "window", "meter"), EVERY_LIMIT)
def test_a_charge_above_a_whole_limit_is_refused(stores, subject, window, meter):
    limits = (limit(subject, window, meter, CHARGE.of(meter) - 1),)

    with pytest.raises(LimitExceeded):
        stores.turns.reserve(reservation(limits=limits))

    assert used(stores) == NOTHING


def test_the_first_limit_that_does_not_admit_is_named(stores):
    limits = (Limit("tenant", "day", tokens=1_000), Limit("key", "minute", tokens=150, requests=9))
    stores.turns.reserve(reservation("t-1", limits=limits))

    with pytest.raises(LimitExceeded, match=r"tokens per minute of the key \(150\)") as refusal:
        stores.turns.reserve(reservation("t-2", limits=limits))

    assert refusal.value.remaining == 50


def test_what_is_not_asked_for_is_not_limited(stores):
    stores.turns.reserve(reservation("t-1"))
    overdrawn = (Limit("key", "minute", tokens=10),)

    stores.turns.reserve(reservation("t-2", charge=Charge(requests=1), limits=overdrawn))

    assert used(stores)["key", "minute"].requests == 2


def test_a_refused_reservation_opens_no_turn(stores):
    stores.conversations.create(conversation(), None)
    stores.turns.reserve(reservation("t-0"))

    with pytest.raises(LimitExceeded):
        stores.turns.reserve(in_conversation(limits=(Limit("user", "day", tokens=150),)))

    assert stores.conversations.get(OWNER, "conv_1").last == 0
    assert stores.conversations.turn("conv_1", 1) is None
    assert stores.turns.expire(FAR, 10) == 1


@pytest.mark.parametrize(("window", "seconds"), [("minute", 60), ("day", 86_400), ("month", 31 * 86_400)])
def test_a_full_window_is_empty_again_in_the_next_period(stores, window, seconds):
    limits = (Limit("key", window, tokens=100),)
    stores.turns.reserve(reservation("t-1", limits=limits))

    stores.turns.reserve(reservation("t-2", limits=limits, now=NOW + seconds))

    assert used(stores)["key", window] == CHARGE
    assert used(stores, now=NOW + seconds)["key", window] == CHARGE


def test_a_wider_window_counts_on_when_a_narrow_one_rolls_over(stores):
    limits = (Limit("key", "day", tokens=100),)
    stores.turns.reserve(reservation("t-1", limits=limits))

    with pytest.raises(LimitExceeded):
        stores.turns.reserve(reservation("t-2", limits=limits, now=NOW + 60))


def test_a_reservation_opens_the_next_turn_of_its_conversation(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()

    stores.turns.reserve(claim)

    assert stores.conversations.get(OWNER, "conv_1").last == 1
    assert stores.conversations.turn("conv_1", 1) == claim.turn


def test_a_number_that_was_given_is_a_conflict(stores):
    stores.conversations.create(conversation(), None)
    first = in_conversation("t-1", 1)
    stores.turns.reserve(first)

    with pytest.raises(Conflict):
        stores.turns.reserve(in_conversation("t-2", 1))

    assert used(stores) == all_windows(CHARGE)
    assert stores.conversations.turn("conv_1", 1) == first.turn
    assert stores.conversations.get(OWNER, "conv_1").last == 1


def test_a_number_may_leave_a_gap_for_turns_that_are_still_to_arrive_from_elsewhere(stores):
    stores.conversations.create(conversation(), None)
    stores.turns.reserve(in_conversation("t-1", 1))

    stores.turns.reserve(in_conversation("t-2", 1_000_001))
    added = stores.conversations.append(OWNER, "conv_1", turn("t-3", 3))

    assert stores.conversations.turn("conv_1", 1_000_001).id == "t-2"
    assert added.number == stores.conversations.get(OWNER, "conv_1").last == 1_000_002


def test_after_a_conflict_the_same_turn_is_taken_under_another_number(stores):
    stores.conversations.create(conversation(), None)
    stores.turns.reserve(in_conversation("t-1", 1))
    with pytest.raises(Conflict):
        stores.turns.reserve(in_conversation("t-2", 1))

    stores.turns.reserve(in_conversation("t-2", 2))

    assert stores.conversations.turn("conv_1", 2).id == "t-2"


def test_a_turn_that_has_a_number_takes_no_other(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation("t-1", 1)
    stores.turns.reserve(claim)

    with pytest.raises(Conflict):
        stores.turns.reserve(in_conversation("t-1", 2))

    assert used(stores) == all_windows(CHARGE)
    assert stores.conversations.turn("conv_1", 1) == claim.turn
    assert stores.conversations.turn("conv_1", 2) is None


@pytest.mark.parametrize("credential", [BOB, EVE])
def test_a_foreign_conversation_takes_no_turn(stores, credential):
    stores.conversations.create(conversation(), None)

    with pytest.raises(NotFound):
        stores.turns.reserve(in_conversation(credential=credential))

    assert used(stores, credential) == NOTHING
    assert stores.conversations.turn("conv_1", 1) is None


def test_an_unknown_conversation_takes_no_turn(stores):
    with pytest.raises(NotFound):
        stores.turns.reserve(in_conversation())

    assert used(stores) == NOTHING


@pytest.mark.parametrize("settled", [Charge(1, 40, 3), Charge(1, 100, 7), Charge(1, 170, 12)])
def test_a_settlement_corrects_the_charge_in_the_windows_of_the_reservation(stores, settled):
    claim = reservation()
    stores.turns.reserve(claim)

    stores.turns.settle(claim, answered(claim, charge=settled))

    assert used(stores) == all_windows(settled)


def test_only_the_first_settlement_counts(stores):
    claim = reservation()
    stores.turns.reserve(claim)
    stores.turns.settle(claim, answered(claim, charge=Charge(1, 40, 3)))

    stores.turns.settle(claim, answered(claim, charge=Charge(1, 90, 5)))

    assert used(stores) == all_windows(Charge(1, 40, 3))


def test_a_settlement_remembers_the_turn_as_it_ended(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    ended = answered(claim)

    stores.turns.settle(claim, ended)

    assert stores.conversations.turn("conv_1", 1) == ended.turn
    assert stores.turns.expire(FAR, 10) == 0


def test_settling_what_was_never_reserved_changes_nothing(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()

    stores.turns.settle(claim, answered(claim, charge=Charge(1, 40, 3)))

    assert used(stores) == NOTHING
    assert stores.conversations.turn("conv_1", 1) is None


def test_a_final_reservation_is_settled_at_once(stores):
    claim = reservation(final=True)

    stores.turns.reserve(claim)
    stores.turns.settle(claim, answered(claim, charge=Charge()))
    stores.turns.release(claim)

    assert stores.turns.expire(FAR, 10) == 0
    assert used(stores) == all_windows(CHARGE)


def test_the_charge_is_settled_where_the_conversation_was_deleted_meanwhile(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    stores.conversations.delete(OWNER, "conv_1")

    stores.turns.settle(claim, answered(claim, charge=Charge(1, 40, 3)))

    assert used(stores) == all_windows(Charge(1, 40, 3))
    assert stores.stored("conv_1") == 0


def test_an_item_that_was_deleted_meanwhile_stays_deleted(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    stores.conversations.remove_item(OWNER, "conv_1", 1, 0)
    redacted = stores.conversations.turn("conv_1", 1).items

    stores.turns.settle(claim, answered(claim))

    turn = stores.conversations.turn("conv_1", 1)
    assert turn.state == "done"
    assert turn.items == (*redacted, answered(claim).turn.items[1])


def test_a_release_undoes_the_reservation(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)

    stores.turns.release(claim)

    assert used(stores) == NOTHING
    assert stores.conversations.turn("conv_1", 1) is None
    assert stores.turns.expire(FAR, 10) == 0


def test_a_conversation_goes_on_after_a_release(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    stores.turns.release(claim)

    stores.turns.reserve(in_conversation("t-2", 2))

    assert [turn.id for turn in stores.conversations.turns("conv_1", TurnPage(order="asc"))] == ["t-2"]


def test_a_release_undoes_once(stores):
    claim = reservation()
    stores.turns.reserve(reservation("t-0"))
    stores.turns.reserve(claim)

    stores.turns.release(claim)
    stores.turns.release(claim)

    assert used(stores) == all_windows(CHARGE)


def test_a_release_after_the_settlement_changes_nothing(stores):
    claim = reservation()
    stores.turns.reserve(claim)
    stores.turns.settle(claim, answered(claim))

    stores.turns.release(claim)

    assert used(stores) == all_windows(CHARGE)


def test_a_settlement_after_the_release_changes_nothing(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    stores.turns.release(claim)

    stores.turns.settle(claim, answered(claim))

    assert used(stores) == NOTHING
    assert stores.conversations.turn("conv_1", 1) is None


def test_a_reservation_that_arrives_after_its_release_is_refused(stores):
    claim = reservation()
    stores.turns.release(claim)

    with pytest.raises(Conflict):
        stores.turns.reserve(claim)

    assert used(stores) == NOTHING
    assert stores.turns.expire(FAR, 10) == 0


@pytest.mark.parametrize("end", ["release", "settle"])
def test_a_turn_that_is_over_is_not_reserved_again(stores, end):
    claim = reservation()
    stores.turns.reserve(claim)
    stores.turns.release(claim) if end == "release" else stores.turns.settle(claim, answered(claim))
    before = used(stores)

    with pytest.raises(Conflict):
        stores.turns.reserve(claim)

    assert used(stores) == before
    assert stores.turns.expire(FAR, 10) == 0


def test_a_hit_lets_no_model_run_under_its_name(stores):
    stores.turns.reserve(reservation(charge=Charge(requests=1), final=True))

    with pytest.raises(Conflict):
        stores.turns.reserve(reservation())


def test_a_reservation_whose_lease_ran_out_keeps_its_charge_for_whoever_repeats_it(stores):
    claim = reservation()
    stores.turns.reserve(claim)
    stores.turns.expire(FAR, 10)

    stores.turns.reserve(claim)

    assert used(stores) == all_windows(CHARGE)


def test_a_release_works_where_the_conversation_was_deleted(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    stores.conversations.delete(OWNER, "conv_1")

    stores.turns.release(claim)

    assert used(stores) == NOTHING


def test_expiry_ends_leases_that_ran_out_and_no_others(stores):
    early, late = reservation("t-1"), reservation("t-2", lease_until=NOW + 900)
    stores.turns.reserve(early)
    stores.turns.reserve(late)

    assert stores.turns.expire(early.lease_until, 10) == 0
    assert stores.turns.expire(early.lease_until + 0.5, 10) == 1
    assert stores.turns.expire(early.lease_until + 0.5, 10) == 0
    assert stores.turns.expire(FAR, 10) == 1


def test_expiry_ends_no_more_than_it_was_asked_to(stores):
    for number in range(5):
        stores.turns.reserve(reservation(f"t-{number}"))

    assert [stores.turns.expire(FAR, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_an_expired_reservation_keeps_its_charge_and_its_turn_is_cut(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)

    assert stores.turns.expire(FAR, 10) == 1

    assert used(stores) == all_windows(CHARGE)
    turn = stores.conversations.turn("conv_1", 1)
    assert turn.state == "cut"
    assert turn.items == claim.turn.items


def test_a_late_settlement_corrects_an_expired_reservation_once(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    stores.turns.expire(FAR, 10)
    ended = answered(claim, charge=Charge(1, 40, 3))

    stores.turns.settle(claim, ended)
    stores.turns.settle(claim, ended)

    assert used(stores) == all_windows(Charge(1, 40, 3))
    assert stores.conversations.turn("conv_1", 1) == ended.turn


def test_a_lease_expires_where_the_conversation_was_deleted(stores):
    stores.conversations.create(conversation(), None)
    stores.turns.reserve(in_conversation())
    stores.conversations.delete(OWNER, "conv_1")

    assert stores.turns.expire(FAR, 10) == 1
    assert stores.turns.expire(FAR, 10) == 0
    assert used(stores) == all_windows(CHARGE)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_recall_finds_used_up_refuses_as_a_write_would(stores, kind):
    limits = [Limit(kind, "minute", tokens=1_000), Limit(kind, "day", requests=1), Limit(kind, "day", tokens=150)]
    stores.turns.reserve(reservation())
    memory, claim = stores.turns.recall(cue()), reservation("t-2", limits=limits)

    refusals = []
    for each in (claim, msgspec.structs.replace(claim, seen=memory.balances)):
        with pytest.raises(LimitExceeded) as refusal:
            stores.turns.reserve(each)
        refusals.append(vars(refusal.value) | {"words": str(refusal.value)})

    assert memory.exact
    assert refusals[0] == refusals[1]
    assert used(stores) == all_windows(CHARGE)


def test_what_a_recall_finds_to_have_room_is_reserved(stores):
    stores.turns.reserve(reservation())
    memory = stores.turns.recall(cue())

    stores.turns.reserve(reservation("t-2", limits=[Limit("key", "day", requests=2)], seen=memory.balances))

    assert stores.turns.left("t-2").claim.charge == CHARGE
