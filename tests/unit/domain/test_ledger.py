"""What a reservation demands."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.budget import METERS, WINDOWS, Charge, Gauge, Limit, Subject, period
from chalicelib.domain.errors import LimitExceeded
from chalicelib.domain.ledger import (
    BUSY_SECONDS,
    Step,
    closing,
    counts,
    demands,
    is_spent,
    opening,
    owner_of,
    refuse_busy,
    subjects_of,
)
from chalicelib.domain.turn import Away, Reservation
from tests.builders import NOW, a_credential, a_principal

SUBJECTS = subjects_of(a_credential())


def a_reservation(*limits, **charge):
    amounts = {"requests": 1, "tokens": 100, **charge}
    return Reservation("turn", SUBJECTS, limits, Charge(**amounts), NOW, NOW + 900)


def test_without_limits_nothing_is_demanded():
    assert demands(a_reservation()) == ()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("meter", METERS)
def test_each_meter_of_each_limit_is_demanded(window, meter):
    limit = Limit("user", window, **{meter: 1_000})

    (demand,) = demands(a_reservation(limit, usd_micros=5))

    assert (demand.limit, demand.meter) == (limit, meter)
    assert demand.room == 1_000 - demand.asked
    assert demand.period.starts <= NOW < demand.period.ends


def test_what_is_not_asked_for_is_not_demanded():
    assert demands(a_reservation(Limit("user", "day", usd_micros=0))) == ()


@given(size=st.integers(0, 1_000), asked=st.integers(1, 1_000))
def test_a_charge_that_never_fits_is_refused_at_once(size, asked):
    reservation = a_reservation(Limit("key", "day", tokens=size), tokens=asked)

    if asked <= size:
        assert demands(reservation)[0].room == size - asked
    else:
        with pytest.raises(LimitExceeded, match="can never be admitted") as refused:
            demands(reservation)
        told = refused.value
        assert (told.asked, told.remaining, told.retry_after_seconds) == (asked, None, None)


@pytest.mark.parametrize(("running", "left"), [(1, 2), (3, 0), (4, 0)])
def test_who_finds_every_place_taken_is_told_how_many_there_are(running, left):
    told = refuse_busy(3, running)

    assert told.limit == "concurrent requests of the key (3)"
    assert (told.asked, told.remaining, told.retry_after_seconds) == (1, left, BUSY_SECONDS)


def test_no_place_at_all_is_no_reason_to_come_back():
    with pytest.raises(LimitExceeded, match="can never be admitted") as refused:
        demands(msgspec.structs.replace(a_reservation(), concurrent=0))

    assert refused.value.limit == "concurrent requests of the key (0)"
    assert (refused.value.remaining, refused.value.retry_after_seconds) == (None, None)


@pytest.mark.parametrize("fields", [{"concurrent": 1}, {"concurrent": 0, "final": True}])
def test_who_has_places_or_needs_none_is_not_refused_for_them(fields):
    assert demands(msgspec.structs.replace(a_reservation(), **fields)) == ()


@pytest.mark.parametrize(
    ("concurrent", "final", "takes_one"), [(None, False, False), (3, False, True), (0, False, True), (3, True, False)]
)
def test_a_place_is_taken_where_they_are_limited_and_the_turn_goes_on(concurrent, final, takes_one):
    assert counts(msgspec.structs.replace(a_reservation(), concurrent=concurrent, final=final)) == takes_one


@pytest.mark.parametrize(("used", "remaining"), [(950, 50), (1_000, 0), (1_200, 0)])
def test_a_refusal_says_what_is_left_and_when_to_come_back(used, remaining):
    (demand,) = demands(a_reservation(Limit("key", "minute", tokens=1_000)))

    refusal = demand.refusal(used, NOW)

    assert (refusal.remaining, refusal.asked, refusal.retry_after_seconds) == (remaining, 100, 20)
    assert "tokens per minute of the key (1000)" in refusal.message


def test_a_refusal_counts_what_is_gone_elsewhere_and_tells_the_headers():
    (demand,) = demands(a_reservation(Limit("key", "minute", tokens=1_000)))

    refusal = msgspec.structs.replace(demand, away=300).refusal(650, NOW)

    assert refusal.remaining == 50
    assert refusal.gauge == ("tokens", Gauge(1_000, 50, 20))


def test_at_the_end_of_a_window_the_wait_is_a_second():
    (demand,) = demands(a_reservation(Limit("key", "minute", tokens=1_000)))

    refusal = demand.refusal(1_000, demand.period.ends)

    assert refusal.retry_after_seconds == 1


def test_what_is_gone_elsewhere_leaves_less_room_of_the_same_limit_alone():
    limits = Limit("key", "minute", tokens=1_000), Limit("key", "day", tokens=1_000), Limit("user", "minute", tokens=9)
    away = Away("key", "minute", Charge(3, 300, 7)), Away("key", "minute", Charge(tokens=50))

    asked = a_reservation(*limits[:2], tokens=100)
    minute, day = demands(msgspec.structs.replace(asked, away=away))
    other = demands(msgspec.structs.replace(a_reservation(limits[2], tokens=1), away=away))

    assert (minute.away, minute.room) == (350, 550)
    assert (day.away, day.room) == (0, 900)
    assert [demand.away for demand in other] == [0]


def test_a_limit_that_is_used_up_elsewhere_refuses_before_the_ledger_is_asked():
    asked = a_reservation(Limit("key", "minute", tokens=1_000), tokens=100)

    assert demands(msgspec.structs.replace(asked, away=(Away("key", "minute", Charge(tokens=900)),)))
    with pytest.raises(LimitExceeded) as refused:
        demands(msgspec.structs.replace(asked, away=(Away("key", "minute", Charge(tokens=901)),)))

    assert (refused.value.remaining, refused.value.retry_after_seconds) == (99, 20)


def test_a_turn_is_charged_and_held_until_it_is_settled():
    claim = a_reservation(tokens=100, usd_micros=30)

    opened, closed = opening(claim), closing(claim, "open", Charge(1, 40, 10))

    assert opened == Step(Charge(1, 100, 30), held=Charge(0, 100, 30), open=1)
    assert closed == Step(Charge(0, -60, -20), held=Charge(0, -100, -30), open=-1)


def test_what_an_answer_from_the_cache_saved_is_counted_and_nothing_is_held():
    claim = msgspec.structs.replace(a_reservation(tokens=0), final=True, saved=Charge(0, 90, 20))

    assert opening(claim) == Step(Charge(1, 0, 0), saved=Charge(0, 90, 20))


@pytest.mark.parametrize("state", ["expired", "settled"])
def test_whose_lease_is_over_holds_nothing_that_could_be_given_back(state):
    claim = a_reservation(tokens=100)

    assert closing(claim, state, Charge(1, 40)) == Step(Charge(0, -60))


def test_a_call_is_charged_to_its_key_its_user_and_its_tenant():
    caller = a_credential()

    charged = Subject("key", caller.key_id), Subject("user", caller.user_tag), Subject("tenant", caller.tenant_tag)
    assert subjects_of(caller) == charged
    assert owner_of(charged) == a_principal().owner


FULL = {("key", "day"): Charge(tokens=950)}


def test_what_was_seen_to_be_used_up_refuses_with_what_is_left_and_when_it_resets():
    reservation = msgspec.structs.replace(a_reservation(Limit("key", "day", tokens=1_000)), seen=FULL)

    with pytest.raises(LimitExceeded, match="50 left") as refused:
        demands(reservation)

    assert refused.value.retry_after_seconds == period("day", NOW).ends - NOW
    assert refused.value.gauge == ("tokens", Gauge(1_000, 50, period("day", NOW).ends - NOW))


@pytest.mark.parametrize("limit", [Limit("key", "day", tokens=1_050), Limit("user", "day", tokens=1_000)])
def test_what_was_seen_to_fit_is_for_the_ledger_to_say(limit):
    assert demands(msgspec.structs.replace(a_reservation(limit), seen=FULL)) == demands(a_reservation(limit))


def test_what_never_fits_is_told_before_what_does_not_fit_now():
    limits = Limit("key", "day", tokens=1_000), Limit("user", "day", tokens=99)

    with pytest.raises(LimitExceeded, match="can never be admitted"):
        demands(msgspec.structs.replace(a_reservation(*limits), seen=FULL))


def test_a_limit_is_spent_by_the_request_that_takes_its_last():
    once_a_day, once_a_minute = Limit("user", "day", requests=1), Limit("user", "minute", requests=1)
    used = {("user", "day"): Charge(requests=1)}

    assert is_spent([once_a_minute, once_a_day], used)
    assert not is_spent([once_a_minute], used), "nobody said that anything was used"
    assert not is_spent([Limit("user", "day", requests=2), Limit("user", "day", tokens=0)], used)
