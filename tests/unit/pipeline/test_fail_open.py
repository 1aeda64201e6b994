"""What happens while the store cannot reserve: nothing goes on, unless the plan says so, and never silently."""

import msgspec
import pytest

from chalicelib.domain.budget import Charge
from chalicelib.domain.errors import ModelTimeout, ModelUnavailable, StoreBusy, StoreUnavailable, Unauthorized
from chalicelib.pipeline.embed import EmbedAsk, embed
from chalicelib.pipeline.identify import KNOWN_SECONDS, MOST_KNOWN, Acquaintances
from chalicelib.pipeline.turn import answer, stream
from tests.builders import NOW, WIDE, a_conversation, a_memory, an_ask
from tests.unit.pipeline.stage import Scripted, Stage
from tests.unit.pipeline.test_turn import BOUND


def down(stage, fault=StoreUnavailable):
    def refuse(*_):
        raise fault("down")

    turns = stage.services.gate.turns
    turns.reserve = turns.settle = turns.release = refuse
    return stage


def told(stage):
    return [warned.turn_id for warned in stage.meter.warnings], [each.unmetered for each in stage.meter.reports]


def asked(stage, **fields):
    return an_ask(credential=stage.credential, **fields)


@pytest.mark.parametrize("call", [answer, stream])
def test_without_the_store_nothing_is_admitted(call):
    stage = down(Stage())

    with pytest.raises(StoreUnavailable):
        call(asked(stage), stage.services)

    assert stage.model.requests == []
    assert told(stage) == ([], [])


def test_a_plan_that_fails_open_answers_unmetered_and_says_so():
    stage = down(Stage(fail_open=True))
    ask = asked(stage)

    reply = answer(ask, stage.services)

    assert reply.completion.text
    assert told(stage) == ([ask.turn_id], [True])
    assert stage.used() == Charge()


def test_a_stream_fails_open_too():
    stage = down(Stage(fail_open=True))
    ask = asked(stage)

    assert list(stream(ask, stage.services).deltas)

    assert told(stage) == ([ask.turn_id], [True])


def test_a_hit_fails_open_too():
    stage = Stage(fail_open=True)
    answer(asked(stage), stage.services)
    ask = asked(down(stage), turn_id="0" * 31 + "2")

    assert answer(ask, stage.services).head.cache == "hit"

    assert told(stage) == ([ask.turn_id], [False, True])


def test_an_embedding_fails_open_too():
    stage = down(Stage(WIDE, fail_open=True, models={"a": Scripted(3)}))

    embed(EmbedAsk(stage.credential, "vector", ("tide",), "t-1", NOW), stage.services)

    assert told(stage) == (["t-1"], [True])


def test_a_model_that_fails_then_is_that_fault_and_the_warning_stays():
    stage = down(Stage(fail_open=True, models={"a": Scripted(ModelUnavailable("down"))}))
    ask = asked(stage)

    with pytest.raises(ModelUnavailable):
        answer(ask, stage.services)

    assert told(stage)[0] == [ask.turn_id]


def test_a_turn_of_a_conversation_is_refused_since_it_could_not_be_remembered():
    stage = Stage(fail_open=True)
    stage.services.archive.conversations.create(a_conversation(), None)
    down(stage)

    with pytest.raises(StoreUnavailable):
        answer(asked(stage, conversation="conv_1"), stage.services)

    assert stage.model.requests == []


def test_who_writes_too_much_at_once_opens_no_gate():
    stage = down(Stage(fail_open=True), StoreBusy)

    with pytest.raises(StoreBusy):
        answer(asked(stage), stage.services)


def failing(stage, *names):
    def refuse(*_):
        raise StoreUnavailable("down")

    for name in names:
        setattr(stage.services.gate.turns, name, refuse)
    return stage


@pytest.mark.parametrize("fail_open", [True, False])
def test_an_answer_that_could_not_be_settled_is_given_and_charged_in_full(fail_open):
    stage = failing(Stage(fail_open=fail_open), "settle")
    ask = asked(stage)

    assert answer(ask, stage.services).completion.text

    assert told(stage)[0] == [ask.turn_id]
    assert stage.leases() == ["open"]
    assert stage.used() == BOUND


def test_a_stream_that_could_not_be_settled_ends_well():
    stage = failing(Stage(), "settle")
    ask = asked(stage)

    assert list(stream(ask, stage.services).deltas)[-1].usage

    assert told(stage)[0] == [ask.turn_id]


def test_an_embedding_that_could_not_be_settled_is_given():
    stage = failing(Stage(WIDE, models={"a": Scripted(3)}), "settle")

    assert embed(EmbedAsk(stage.credential, "vector", ("tide",), "t-1", NOW), stage.services).embedded.vectors

    assert told(stage)[0] == ["t-1"]


def test_an_answer_that_was_to_be_remembered_is_not_given_without():
    stage = failing(Stage(fail_open=True), "settle")
    stage.services.archive.conversations.create(a_conversation(), None)

    with pytest.raises(StoreUnavailable):
        answer(asked(stage, conversation="conv_1"), stage.services)

    assert stage.used() == BOUND


@pytest.mark.parametrize("fault", [ModelUnavailable, ModelTimeout])
def test_a_caller_whose_model_failed_hears_of_that_and_not_of_the_store(fault):
    stage = failing(Stage(models={"a": Scripted(fault("down"))}), "settle", "release")

    with pytest.raises(fault):
        answer(asked(stage), stage.services)

    assert stage.leases() == ["open"]


def unreachable(stage):
    """Not even who asks can be read any more."""
    return failing(down(stage), "recall")


def test_a_key_that_was_let_in_lately_goes_on_while_nothing_can_be_read():
    stage = Stage(WIDE, fail_open=True, caching=False)
    answer(asked(stage), stage.services)
    ask = asked(unreachable(stage), turn_id="0" * 31 + "2", now=NOW + KNOWN_SECONDS - 1)

    assert answer(ask, stage.services).completion.text

    assert told(stage) == ([ask.turn_id], [False, True])


@pytest.mark.parametrize(
    ("plan", "later", "conversation"),
    [({"fail_open": True}, KNOWN_SECONDS, None), ({}, 1, None), ({"fail_open": True}, 1, "conv_1")],
)
def test_nobody_else_does(plan, later, conversation):
    stage = Stage(caching=False, **plan)
    answer(asked(stage), stage.services)
    unreachable(stage)

    with pytest.raises(StoreUnavailable):
        answer(asked(stage, turn_id="0" * 31 + "2", now=NOW + later, conversation=conversation), stage.services)


def test_an_outage_that_lasts_makes_nobody_known_for_longer():
    stage = Stage(fail_open=True, caching=False)
    answer(asked(stage), stage.services)
    unreachable(stage)
    answer(asked(stage, turn_id="0" * 31 + "2", now=NOW + KNOWN_SECONDS - 1), stage.services)

    with pytest.raises(StoreUnavailable):
        answer(asked(stage, turn_id="0" * 31 + "3", now=NOW + KNOWN_SECONDS), stage.services)


def test_a_stranger_with_a_known_id_stays_a_stranger():
    stage = Stage(fail_open=True, caching=False)
    answer(asked(stage), stage.services)
    unreachable(stage)
    forged = msgspec.structs.replace(stage.credential, token=stage.credential.token[:-1] + "x")

    with pytest.raises(Unauthorized):
        answer(an_ask(credential=forged, turn_id="0" * 31 + "2"), stage.services)


def test_those_who_are_known_are_bounded():
    known = Acquaintances()
    for number in range(MOST_KNOWN + 1):
        known.met(str(number), a_memory(), NOW)

    assert len(known._met) == MOST_KNOWN
