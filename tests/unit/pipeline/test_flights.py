"""Equal questions at once, on a clock that only waiting moves: who leads, who waits, and for how long."""

import dataclasses
from contextlib import suppress

import msgspec
import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.catalogue import charge
from chalicelib.domain.chat import Delta, Usage
from chalicelib.domain.errors import LimitExceeded, ModelTimeout, ModelUnavailable, StoreUnavailable
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.lead import Lead
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.turn import CacheControl, CachedAnswer, Reservation
from chalicelib.pipeline import turn
from chalicelib.pipeline.flights import LEADS, LONGEST_PAUSE
from tests.builders import NOW, WIDE, a_completion, a_conversation, a_credential, a_key, a_model, a_request, an_ask
from tests.unit.pipeline.stage import DEADLINE_SECONDS, FLIGHT_SECONDS, HELLO, LEASE_SECONDS, Scripted, Stage

BURNED = charge(a_model().prices, Usage(10, 2))
BOUND = charge(a_model().prices, Usage(input_bound(a_request()), 100))
CUT_SHORT = (Delta(text="Hel"), Delta(finish_reason="length", usage=Usage(10, 1)))
BROKEN = (Delta(text="Hel"), ModelUnavailable("Gone."))


class OneByOne(Scripted):
    """Each call follows the next script, the last one again and again."""

    def stream(self, request, patience=None):
        self.patience = patience
        pieces = self.pieces[min(len(self.requests), len(self.pieces) - 1)]
        self.requests.append(request)
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def a_stage(*scripts, limits=(), **plan):
    return Stage(*limits, models={"a": OneByOne(*(scripts or (HELLO,)))}, **plan)


def ask(stage, number, *messages, **fields):
    return an_ask(*messages, **{"credential": stage.credential, "turn_id": f"{number:032x}", "now": stage.now} | fields)


def answered(stage, number=2, *messages, **fields):
    return turn.answer(ask(stage, number, *messages, **fields), stage.services)


def led(stage, *messages, **fields):
    """A turn that asks the model and has its first piece."""
    streamed = turn.stream(ask(stage, 1, *messages, **fields), stage.services)
    next(streamed.deltas)
    assert len(stage.model.requests) == 1
    return streamed.deltas


def after(stage, seconds, happen):
    """What happens once, when so much time has passed."""
    due = [stage.now + seconds]

    def look():
        if due and stage.now >= due[0]:
            due.clear()
            happen()

    stage.meanwhile = look


def calls(stage):
    return len(stage.model.requests)


def nobody_waits():
    raise AssertionError("waited")


def test_who_asks_the_same_meanwhile_gets_the_answer_as_a_hit():
    stage = a_stage()
    deltas = led(stage)
    after(stage, 3, lambda: list(deltas))

    reply = answered(stage)

    assert (reply.completion.text, reply.head.cache, calls(stage)) == ("Hello", "hit", 1)
    assert reply.head.overhead_ms == 0
    assert stage.used() == Charge(2, BURNED.tokens, BURNED.usd_micros)
    assert sorted(stage.leases()) == ["settled", "settled"]
    assert stage.shelf.leads == {}
    assert 3 <= stage.now - NOW <= 3 + LONGEST_PAUSE


def test_a_stream_is_replayed_from_what_it_waited_for():
    stage = a_stage()
    deltas = led(stage)
    after(stage, 3, lambda: list(deltas))

    streamed = turn.stream(ask(stage, 2), stage.services)

    assert streamed.head.cache == "hit"
    assert "".join(delta.text for delta in streamed.deltas) == "Hello"
    assert calls(stage) == 1


def test_to_wait_is_told_and_is_no_overhead():
    stage = a_stage(BROKEN, HELLO)
    deltas = led(stage)
    after(stage, 3, deltas.close)
    reply = answered(stage)

    assert (reply.head.cache, reply.head.overhead_ms) == ("miss", 0)
    assert [report.waited_ms // 1000 for report in stage.meter.reports] == [0, 3]
    assert answered(stage, 3).head.cache == "hit"
    assert stage.meter.reports[-1].waited_ms == 0


def test_a_turn_alone_waits_for_nothing():
    stage = a_stage()
    stage.meanwhile = nobody_waits

    assert [answered(stage, number).head.cache for number in (1, 2)] == ["miss", "hit"]


@pytest.mark.parametrize(
    ("first", "end"),
    [(BROKEN, list), (CUT_SHORT, list), (HELLO, lambda deltas: deltas.close())],
    ids=["broken", "cut short", "closed"],
)
def test_a_leader_without_an_answer_is_followed_by_another(first, end):
    stage = a_stage(first, HELLO)
    deltas = led(stage)

    def over():
        with suppress(ModelUnavailable):
            end(deltas)

    after(stage, 3, over)

    reply = answered(stage)

    assert (reply.completion.text, reply.head.cache, calls(stage)) == ("Hello", "miss", 2)
    assert stage.now - NOW <= 3 + LONGEST_PAUSE
    assert sorted(stage.leases()) == ["settled", "settled"]
    assert stage.shelf.leads == {}


@pytest.mark.parametrize("fault", [ModelUnavailable("No."), ModelTimeout("No.")])
def test_a_leader_that_no_target_answers_gives_up_its_lead(fault):
    stage = a_stage((fault,))

    with pytest.raises(type(fault)):
        answered(stage, 1)

    assert stage.shelf.leads == {}


def test_a_leader_that_died_is_made_up_for_when_its_lease_ends():
    stage = a_stage()
    led(stage)

    reply = answered(stage)

    assert (reply.head.cache, calls(stage)) == ("miss", 2)
    assert FLIGHT_SECONDS <= stage.now - NOW <= FLIGHT_SECONDS + LONGEST_PAUSE
    assert sorted(stage.leases()) == ["open", "settled"]


def test_a_turn_waits_for_so_many_leaders_at_most_then_asks_beside_them():
    stage = a_stage()
    led(stage)
    (key,) = stage.shelf.leads
    leaders = []

    def taken_over():
        leaders.append(f"other-{len(leaders)}")
        stage.shelf.leads[key] = Lead(key, leaders[-1], int(stage.now), int(stage.now) + FLIGHT_SECONDS)

    stage.meanwhile = taken_over

    assert answered(stage).head.cache == "miss"

    assert (len(leaders), calls(stage)) == (LEADS, 2)
    assert stage.shelf.leads == {}
    assert [each.completion.text for each in stage.shelf.answers.values()] == ["Hello"]


def test_patience_ends_before_the_lead_does():
    stage = a_stage()
    impatient = dataclasses.replace(stage.services.flights, patience_seconds=4)
    object.__setattr__(stage.services, "flights", impatient)
    led(stage)

    assert answered(stage).head.cache == "miss"

    assert stage.now - NOW == pytest.approx(4)
    assert calls(stage) == 2


def test_what_was_waited_is_gone_from_the_time_for_a_target():
    stage = a_stage()
    deltas = led(stage)
    after(stage, 3, deltas.close)

    answered(stage)

    assert stage.model.patience == pytest.approx(DEADLINE_SECONDS - (stage.now - NOW))


@pytest.mark.parametrize("control", [{"no_cache": True}, {"no_store": True}, {"ttl": 0}], ids=str)
def test_who_would_not_share_neither_waits_nor_leads(control):
    stage = a_stage()
    stage.meanwhile = nobody_waits
    led(stage)
    (lead,) = stage.shelf.leads.values()

    reply = answered(stage, cache=CacheControl(**control))

    assert (reply.head.cache, calls(stage)) == ("miss", 2)
    assert set(stage.shelf.leads.values()) <= {lead}


def test_a_conversations_turn_that_is_not_kept_does_not_lead():
    stage = a_stage()
    stage.services.archive.create(a_conversation(), (), turn_id="first")
    answered(stage, 1, "What is a wave?", conversation="conv_1")

    deltas = turn.stream(ask(stage, 2, "What is a tide?", conversation="conv_1"), stage.services).deltas
    next(deltas)

    assert stage.shelf.leads == {}


@pytest.mark.parametrize("owner", [("acme", "bob"), ("other", "ada")])
def test_nobody_waits_for_a_stranger(owner):
    stage = a_stage()
    stage.meanwhile = nobody_waits
    led(stage)
    stranger = a_credential(*owner)
    stage.keys.put(a_key(stranger, *owner))

    assert answered(stage, credential=stranger).head.cache == "miss"
    assert calls(stage) == 2


def test_users_who_share_answers_wait_for_each_other():
    stage = a_stage(shares_answers=True)
    deltas = led(stage)
    after(stage, 1, lambda: list(deltas))
    other = a_credential("acme", "bob")
    stage.keys.put(a_key(other, "acme", "bob"))

    assert answered(stage, credential=other).head.cache == "hit"


def test_an_answer_that_is_too_long_for_who_waited_is_asked_for_anew():
    stage = a_stage()
    deltas = led(stage)
    after(stage, 1, lambda: list(deltas))

    assert answered(stage, request=a_request(max_output_tokens=1)).head.cache == "miss"
    assert calls(stage) == 2


def test_an_answer_that_is_too_long_stays_where_it_is():
    stage = a_stage()
    answered(stage, 1)
    stage.meanwhile = nobody_waits

    deltas = turn.stream(ask(stage, 2, request=a_request(max_output_tokens=1)), stage.services).deltas
    next(deltas)

    assert (len(stage.shelf.answers), stage.shelf.leads) == (1, {})


def test_a_store_that_cannot_be_looked_at_costs_a_call():
    stage = a_stage()
    led(stage)

    class Blind:
        def look(self, key, now):
            raise StoreUnavailable("Gone.")

    object.__setattr__(stage.services.flights, "answers", Blind())

    assert answered(stage).head.cache == "miss"
    assert calls(stage) == 2
    assert stage.now - NOW <= LEADS * LONGEST_PAUSE


def test_who_waited_is_held_to_the_limits_like_any_hit():
    stage = a_stage(limits=[Limit("user", "day", requests=2)])
    other = Reservation(f"{9:032x}", subjects_of(stage.credential), (), Charge(1), NOW, NOW + LEASE_SECONDS)
    deltas = led(stage)

    def ends():
        stage.services.gate.turns.reserve(other)
        list(deltas)

    after(stage, 1, ends)

    with pytest.raises(LimitExceeded):
        answered(stage)


def test_who_has_no_request_left_does_not_wait():
    stage = a_stage(limits=[Limit("user", "day", requests=1)])
    deltas = led(stage)
    stage.meanwhile = nobody_waits

    with pytest.raises(LimitExceeded):
        answered(stage)

    list(deltas)
    assert stage.used() == BURNED


def test_who_has_no_room_for_a_call_may_still_wait_for_a_hit():
    stage = a_stage(limits=[Limit("user", "day", tokens=BOUND.tokens)])
    deltas = led(stage)
    after(stage, 1, lambda: list(deltas))

    assert answered(stage).head.cache == "hit"


def test_without_seconds_nobody_leads():
    stage = a_stage()
    object.__setattr__(stage.services.flights, "lease_seconds", 0)
    stage.meanwhile = nobody_waits
    led(stage)

    assert stage.shelf.leads == {}
    assert answered(stage).head.cache == "miss"


def late(stage, lead=None):
    """The reservation of turn 2 as it arrives when nobody waits for it any more."""
    subjects = subjects_of(stage.credential)
    held = Charge(1, 200, 200)
    claim = Reservation(f"{2:032x}", subjects, (), held, NOW, NOW + LEASE_SECONDS, lead=lead)
    stage.services.gate.turns.reserve(claim)


def test_a_reservation_that_arrives_late_and_leads_is_the_turns_own():
    stage = a_stage()
    deltas = led(stage)
    (first,) = stage.shelf.leads.values()

    def ends():
        deltas.close()
        late(stage, msgspec.structs.replace(first, turn_id=f"{2:032x}"))

    after(stage, 1, ends)

    assert answered(stage).head.cache == "miss"
    assert (stage.leases(), stage.shelf.leads) == (["settled", "settled"], {})
    assert stage.now - NOW <= 1 + LONGEST_PAUSE


def test_a_turn_that_is_taken_up_again_does_not_wait_for_itself():
    stage = a_stage()
    led(stage)
    stage.meanwhile = nobody_waits

    assert answered(stage, 1).head.cache == "miss"
    assert (calls(stage), stage.leases(), stage.shelf.leads) == (2, ["settled"], {})


def test_a_reservation_that_arrives_late_beside_an_answer_is_settled_all_the_same():
    stage = a_stage(limits=(WIDE,))
    deltas = led(stage)
    (key,) = stage.shelf.leads

    def ends():
        deltas.close()
        late(stage)
        scope = stage.services.gate.identify(ask(stage, 3)).place.scope
        stage.services.cache.answers.store(key, CachedAnswer(scope, a_completion(), "script://a", NOW, NOW + 60))

    after(stage, 1, ends)

    assert answered(stage).head.cache == "miss"
    assert stage.leases() == ["settled", "settled"]


def test_who_waited_is_not_refused_by_what_was_used_before():
    stage = a_stage(limits=[Limit("user", "day", tokens=2 * BOUND.tokens - 1)])
    deltas = led(stage)
    after(stage, 1, deltas.close)

    assert answered(stage).head.cache == "miss"


def test_who_waited_into_a_new_window_has_what_that_leaves():
    stage = a_stage(limits=[Limit("user", "minute", tokens=BOUND.tokens)])
    stage.now = NOW - NOW % 60 + 59
    after(stage, 2, led(stage).close)

    reply = answered(stage)

    assert (reply.head.cache, stage.now % 60 < 30) == ("miss", True)
    assert reply.head.standing.tokens.remaining == BOUND.tokens - BURNED.tokens


def test_who_waited_and_is_refused_hears_how_long_from_now():
    stage = a_stage(limits=[Limit("user", "minute", tokens=BOUND.tokens)])
    stage.now = NOW - NOW % 60
    after(stage, 5, led(stage).close)

    with pytest.raises(LimitExceeded) as refused:
        answered(stage)

    assert stage.now % 60 >= 5
    assert refused.value.retry_after_seconds == 60 - int(stage.now) % 60
