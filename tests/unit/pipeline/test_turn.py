"""The life of a turn over memory: every ending settles or releases, and is remembered as it was."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.catalogue import charge
from chalicelib.domain.chat import Assistant, Delta, Usage, User
from chalicelib.domain.errors import (
    BadRequest,
    LimitExceeded,
    ModelError,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    NotFound,
    StoreUnavailable,
    TidegateError,
    Unauthorized,
    UnknownModel,
)
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.turn import CacheControl
from chalicelib.pipeline import turn
from tests.builders import NOW, a_conversation, a_credential, a_model, a_principal, a_request, an_ask
from tests.unit.pipeline.stage import HELLO, LEASE_SECONDS, Scripted, Stage

PRICES = a_model().prices
BOUND = charge(PRICES, Usage(input_bound(a_request()), 100))
BURNED = charge(PRICES, Usage(10, 2))
HIT = Charge(requests=1)


def with_conversation(stage):
    stage.services.archive.create(a_conversation(), (), turn_id="first")
    return stage


def answered(stage, *messages, number=1, **fields):
    ask = an_ask(*messages, credential=stage.credential, turn_id=f"{number:032x}", **fields)
    return turn.answer(ask, stage.services)


def streamed(stage, *messages, number=1, **fields):
    ask = an_ask(*messages, credential=stage.credential, turn_id=f"{number:032x}", **fields)
    return turn.stream(ask, stage.services)


def test_an_answer_is_charged_what_it_burned():
    stage = Stage()

    reply = answered(stage)

    assert reply.completion.text == "Hello"
    assert stage.used() == BURNED
    assert stage.leases() == ["settled"]


def test_a_stream_is_charged_what_it_burned():
    stage = Stage()

    *_, last = streamed(stage).deltas

    assert last.usage == Usage(10, 2)
    assert stage.used() == BURNED
    assert stage.leases() == ["settled"]


def test_until_it_ends_a_turn_holds_the_most_that_it_can_burn():
    stage = with_conversation(Stage())

    deltas = streamed(stage, conversation="conv_1").deltas
    next(deltas)

    assert stage.used() == BOUND
    assert stage.leases() == ["open"]
    (stored,) = stage.turns()
    assert (stored.state, stored.lease_until, len(stored.items)) == ("open", NOW + LEASE_SECONDS, 1)


def test_the_cap_that_is_reserved_is_sent_to_the_model():
    stage = Stage()

    answered(stage)

    (request,) = stage.model.requests
    assert request.max_output_tokens == 100


@pytest.mark.parametrize("way", [answered, lambda *a, **k: list(streamed(*a, **k).deltas)])
@pytest.mark.parametrize(
    ("fault", "raised", "charged"),
    [
        (ModelUnavailable, ModelUnavailable, Charge()),
        (ModelRejected, BadRequest, Charge()),
        (ModelError, ModelError, Charge()),
        (ModelTimeout, ModelTimeout, BOUND),
        (ModelGarbled, ModelGarbled, BOUND),
    ],
)
def test_a_fault_before_the_answer_is_charged_where_tokens_may_have_been_burned(way, fault, raised, charged):
    stage = with_conversation(Stage(models={"a": Scripted(fault("No."))}))

    with pytest.raises(raised):
        way(stage, conversation="conv_1")

    assert stage.used() == charged
    assert stage.leases() == ["settled" if charged.tokens else "released"]
    assert [each.state for each in stage.turns()] == ["cut"] * bool(charged.tokens)


@pytest.mark.parametrize("fault", [ModelThrottled, ModelUnavailable, ModelTimeout, ModelGarbled, ModelRejected])
def test_a_fault_in_the_middle_is_charged_and_remembered_as_cut(fault):
    script = (Delta(text="Hel"), Delta(text="lo"), fault("No."))
    stage = with_conversation(Stage(models={"a": Scripted(*script)}))

    with pytest.raises(fault):
        list(streamed(stage, conversation="conv_1").deltas)

    (stored,) = stage.turns()
    assert stored.state == "cut"
    assert (stored.items[-1].status, stored.items[-1].content[0].text) == ("incomplete", "Hello")
    assert stage.leases() == ["settled"]
    assert 0 < stage.used().tokens <= BOUND.tokens
    assert [report.error for report in stage.meter.reports] == ["cut"]


@pytest.mark.parametrize("read", range(4))
def test_a_stream_that_is_closed_is_charged_and_remembered_as_far_as_it_came(read):
    stage = with_conversation(Stage())
    deltas = streamed(stage, conversation="conv_1").deltas
    said = "".join(next(deltas).text for _ in range(read))

    deltas.close()

    (stored,) = stage.turns()
    assert stored.state == "cut"
    assert stored.items[-1].content[0].text == said
    assert stage.model.closed
    assert stage.leases() == ["settled"]
    assert 0 < stage.used().tokens <= BOUND.tokens
    assert stage.used().requests == 1


script = st.lists(
    st.sampled_from([*HELLO, Delta(), ModelTimeout("No."), ModelUnavailable("No."), ModelRejected("No.")]), max_size=5
)


@given(scripts=st.lists(script, min_size=1, max_size=3), read=st.integers(0, 8), whole=st.booleans())
def test_no_ending_leaves_a_reservation_or_an_open_turn(scripts, read, whole):
    models = {str(place): Scripted(*pieces) for place, pieces in enumerate(scripts)}
    stage = with_conversation(Stage(models=models))

    try:
        if whole:
            answered(stage, conversation="conv_1")
        else:
            deltas = streamed(stage, conversation="conv_1").deltas
            try:
                for _ in range(read):
                    next(deltas, None)
            finally:
                deltas.close()
    except TidegateError:
        pass

    end, *further = stage.leases()
    assert end in {"settled", "released"}
    assert set(further) <= {"settled"}
    assert stage.used().requests == (end == "settled")
    least = len(further) * BOUND.tokens
    assert least + (end == "settled") <= stage.used().tokens <= least + (end == "settled") * BOUND.tokens
    assert [each.state in {"done", "cut"} for each in stage.turns()] == [True] * (end == "settled")


def test_a_target_that_counts_nothing_is_charged_the_bound():
    stage = Stage(models={"a": Scripted(Delta(text="Hi", finish_reason="stop"))})

    reply = answered(stage)

    assert reply.completion.usage.input_tokens == input_bound(a_request())
    assert stage.used().tokens == reply.completion.usage.input_tokens + reply.completion.usage.output_tokens


def test_a_refusal_that_a_target_did_not_count_is_charged():
    words = "No, " * 10
    stage = Stage(models={"a": Scripted(Delta(refusal=words, finish_reason="stop"))})

    assert answered(stage).completion.usage.output_tokens >= len(words)


def test_a_second_target_answers_and_is_named():
    stage = Stage(models={"a": Scripted(ModelThrottled("Busy.")), "b": Scripted(*HELLO)})

    head = answered(stage).head

    assert (head.target, head.attempts) == ("script://b", 2)
    assert stage.used() == BURNED


@pytest.mark.parametrize("way", [answered, streamed])
def test_the_same_question_is_answered_without_the_model(way):
    stage = Stage()
    answered(stage)

    reply = way(stage, "Please, what is a tide?", number=2)

    assert reply.head.cache == "hit"
    assert len(stage.model.requests) == 1
    assert stage.used() - BURNED == HIT
    assert stage.leases() == ["settled", "settled"]


def test_a_streamed_hit_says_the_whole_answer():
    stage = Stage()
    answered(stage)

    *said, _, usage = streamed(stage, number=2).deltas

    assert "".join(piece.text for piece in said) == "Hello"
    assert usage.usage == Usage(10, 2)


def test_a_hit_is_remembered_as_a_whole_turn_that_burned_nothing():
    stage = with_conversation(Stage())
    answered(stage)

    answered(stage, number=2, conversation="conv_1")

    (stored,) = stage.turns()
    assert (stored.state, stored.target, stored.usage) == ("done", "script://a", Usage())
    assert stored.items[-1].content[0].text == "Hello"


def test_a_hit_is_reported_as_burning_nothing():
    stage = Stage()
    answered(stage)
    answered(stage, number=2)

    missed, hit = stage.meter.reports
    assert (missed.cache, missed.input_tokens, missed.output_tokens, missed.usd_micros) == ("miss", 10, 2, 14)
    assert (hit.cache, hit.input_tokens, hit.output_tokens, hit.usd_micros) == ("hit", 0, 0, 0)


@pytest.mark.parametrize(
    ("stage", "fields", "outcome"),
    [
        (Stage(), {}, "miss"),
        (Stage(caching=False), {}, "bypass"),
        (Stage(), {"cache": CacheControl(no_cache=True, no_store=True)}, "bypass"),
        (Stage(), {"request": a_request("What is the weather?", max_output_tokens=0)}, "bypass"),
    ],
)
def test_the_outcome_of_the_cache_is_told(stage, fields, outcome):
    assert answered(stage, **fields).head.cache == outcome


def test_a_cut_answer_is_not_kept():
    stage = Stage()
    deltas = streamed(stage).deltas
    next(deltas)

    deltas.close()

    assert stage.shelf.answers == {}


def test_a_conversation_is_what_the_model_reads_and_what_is_stored():
    stage = with_conversation(Stage())
    for number in (1, 2):
        answered(stage, f"question {number}", number=number, conversation="conv_1")

    assert stage.model.requests[-1].messages == (User("question 1"), Assistant("Hello"), User("question 2"))
    assert [(each.number, each.state, len(each.items)) for each in stage.turns()] == [(1, "done", 2), (2, "done", 2)]
    assert stage.turns()[0].usage == Usage(10, 2)


def test_a_parallel_turn_of_a_conversation_is_numbered_behind_the_first():
    stage = with_conversation(Stage())
    first = streamed(stage, "one", number=1, conversation="conv_1").deltas

    answered(stage, "two", number=2, conversation="conv_1")
    list(first)

    assert [(each.number, each.items[0].content[0].text) for each in stage.turns()] == [(1, "one"), (2, "two")]
    assert stage.model.requests[-1].messages == (User("two"),)


def test_what_is_left_is_told():
    stage = Stage(Limit("user", "day", requests=10, tokens=1_000))

    standing = answered(stage).head.standing

    assert (standing.requests.remaining, standing.tokens.remaining) == (9, 988)


def test_a_stream_tells_what_is_left_while_it_holds_its_bound():
    stage = Stage(Limit("user", "day", tokens=1_000))

    assert streamed(stage).head.standing.tokens.remaining == 1_000 - BOUND.tokens


def test_who_has_no_request_left_is_refused_before_a_hit_is_looked_for():
    stage = Stage(Limit("user", "day", requests=1))
    answered(stage, "What is a tide?")
    stage.services = replace(stage.services, cache=None)

    with pytest.raises(LimitExceeded):
        answered(stage, "What is a wave?", number=2)


@pytest.mark.parametrize("way", [answered, streamed])
def test_a_turn_that_does_not_fit_is_refused_and_charges_nothing(way):
    stage = with_conversation(Stage(Limit("user", "day", tokens=BOUND.tokens - 1)))

    with pytest.raises(LimitExceeded) as caught:
        way(stage, conversation="conv_1")

    assert caught.value.standing.tokens.remaining == BOUND.tokens - 1
    assert (stage.used(), stage.leases(), stage.turns()) == (Charge(), [], [])
    assert stage.model.requests == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"credential": a_credential("acme", "bob")}, Unauthorized),
        ({"request": a_request(model="gpt")}, UnknownModel),
        ({"request": a_request(model="vector")}, BadRequest),
        ({"request": a_request(max_output_tokens=1_001)}, BadRequest),
        ({"conversation": "conv_2"}, NotFound),
    ],
)
def test_a_turn_that_cannot_be_is_refused_and_charges_nothing(fields, fault):
    stage = with_conversation(Stage())
    ask = msgspec.structs.replace(an_ask(credential=stage.credential), **fields)

    for way in (turn.answer, turn.stream):
        with pytest.raises(fault):
            way(ask, stage.services)

    assert (stage.used(), stage.leases(), stage.model.requests) == (Charge(), [], [])


def test_somebody_elses_conversation_is_not_found():
    stage = Stage()
    theirs = a_conversation(owner=a_principal(user="bob").owner)
    stage.services.archive.create(theirs, (), turn_id="first")

    with pytest.raises(NotFound):
        answered(stage, conversation=theirs.id)


def test_time_in_the_model_is_not_overhead():
    stage = Stage()

    class Slow(Scripted):
        def stream(self, request, patience=None):
            stage.now += 5
            return super().stream(request, patience)

    stage.models["a"] = Slow(*HELLO)
    stage.now += 0.25

    assert answered(stage).head.overhead_ms == 250


def test_a_store_that_fails_to_settle_leaves_a_lease_that_keeps_its_charge():
    stage = with_conversation(Stage())

    class Failing(type(stage.services.gate.turns)):
        def settle(self, reservation, settlement):
            raise StoreUnavailable("Gone.")

    object.__setattr__(stage.services.admission, "turns", Failing(stage.shelf))

    with pytest.raises(StoreUnavailable):
        answered(stage, conversation="conv_1")

    assert stage.leases() == ["open"]
    assert stage.used() == BOUND


def test_a_cache_that_cannot_be_written_costs_nothing_else():
    stage = Stage()

    class Failing:
        def store(self, key, answer):
            raise StoreUnavailable("Gone.")

    object.__setattr__(stage.services.cache, "answers", Failing())

    assert answered(stage).completion.text == "Hello"
    assert stage.used() == BURNED


def test_a_turn_is_reported_once_with_its_figures():
    stage = with_conversation(Stage())

    answered(stage, conversation="conv_1")

    (report,) = stage.meter.reports
    assert (report.tenant, report.user, report.key_id) == ("acme", "ada", stage.credential.key_id)
    assert (report.model, report.target, report.attempts) == ("small", "script://a", 1)
    assert (report.conversation, report.finish_reason, report.error) == ("conv_1", "stop", None)
