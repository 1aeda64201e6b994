"""A turn that no limit can refuse, and nothing remembers, writes to the ledger once: when it is over."""

import pytest

from chalicelib.domain.budget import Limit, period
from chalicelib.domain.errors import ModelThrottled, ModelTimeout, ModelUnavailable, StoreUnavailable
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.turn import Prefer, Reply
from chalicelib.domain.usage import Tally
from chalicelib.pipeline import work
from chalicelib.pipeline.embed import EmbedAsk, embed
from chalicelib.pipeline.lane import Waiting
from chalicelib.pipeline.turn import answer, enqueue, stream
from tests.builders import NOW, WIDE, a_conversation, an_ask
from tests.unit.pipeline.stage import HELLO, Scripted, Stage
from tests.unit.pipeline.test_turn import BOUND, BURNED

SPENT = Tally(1, BURNED.tokens - 2, 2, BURNED.usd_micros)
ALL = Tally(1, BOUND.tokens - 100, 100, BOUND.usd_micros)
FULL = ModelThrottled("Full.", retry_after_seconds=5)


class Watched(Scripted):
    """Notes how many leases there are when the model is asked."""

    def __init__(self, stage, *pieces):
        super().__init__(*pieces)
        self.stage = stage
        self.found = []

    def stream(self, request, patience=None):
        self.found.append(self.stage().leases())
        return super().stream(request, patience)


def watched(*limits, pieces=HELLO, **plan):
    model = Watched(lambda: stage, *pieces)
    stage = Stage(*limits, caching=False, models={"a": model}, **plan)
    return stage


def ask(stage, **changes):
    return an_ask(credential=stage.credential, **changes)


def told(stage):
    """What became of the user's turns today."""
    days = stage.shelf.told_in(subjects_of(stage.credential)[1], period("day", NOW).label)
    return {outcome: tally for model in days.values() for outcome, tally in model.items()}


@pytest.mark.parametrize("call", [answer, lambda *given: list(stream(*given).deltas)])
def test_it_is_charged_and_told_at_its_end(call):
    stage = watched()

    call(ask(stage), stage.services)

    assert stage.model.found == [[]]
    assert (stage.leases(), stage.used(), told(stage)) == (["settled"], BURNED, {"answered": SPENT})


@pytest.mark.parametrize(
    ("limits", "plan"), [((WIDE,), {}), ((), {"concurrent": 9}), ((Limit("tenant", "day", usd_micros=10**9),), {})]
)
def test_what_is_limited_is_charged_before_the_model_is_asked(limits, plan):
    stage = watched(*limits, **plan)

    answer(ask(stage), stage.services)

    assert stage.model.found == [["open"]]
    assert (stage.leases(), stage.used(), told(stage)) == (["settled"], BURNED, {"answered": SPENT})


def test_what_is_remembered_is_reserved_so_that_a_death_loses_nothing():
    stage = watched()
    stage.services.archive.conversations.create(a_conversation(), None)

    answer(ask(stage, conversation="conv_1"), stage.services)

    assert stage.model.found == [["open"]]


def test_who_leads_reserves_so_that_equal_questions_ask_once():
    stage = Stage(models={"a": Watched(lambda: stage, *HELLO)})

    answer(ask(stage), stage.services)

    assert stage.model.found == [["open"]]


def test_a_reader_who_leaves_pays_for_what_came():
    stage = watched()
    deltas = stream(ask(stage), stage.services).deltas

    next(deltas)
    assert stage.leases() == []
    deltas.close()

    assert stage.leases() == ["settled"]
    assert 0 < stage.used().tokens <= BOUND.tokens


@pytest.mark.parametrize(
    ("fault", "tally", "states"),
    [(ModelTimeout("late"), ALL, ["settled"]), (ModelUnavailable("down"), Tally(turns=1), ["released"])],
)
def test_what_fails_is_told_as_that_and_charged_if_it_may_have_burned(fault, tally, states):
    stage = watched(pieces=(fault,))

    with pytest.raises(type(fault)):
        answer(ask(stage), stage.services)

    assert (stage.leases(), told(stage)) == (states, {"failed": tally})
    assert stage.used().tokens == tally.input_tokens + tally.output_tokens


def test_a_repeated_end_changes_nothing():
    stage = watched()
    settle, turns = stage.services.admission.turns.reserve, stage.services.admission.turns
    turns.reserve = lambda claim: (settle(claim), settle(claim))

    answer(ask(stage), stage.services)

    assert stage.used() == BURNED


def test_an_answer_is_given_though_it_cannot_be_charged_and_that_is_told():
    stage = watched()

    def down(*_):
        raise StoreUnavailable("down")

    stage.services.admission.turns.reserve = down

    assert answer(ask(stage), stage.services).completion.text == "Hello"
    assert [each.turn_id for each in stage.meter.warnings] == [ask(stage).turn_id]


def test_what_is_to_wait_for_a_worker_is_charged_before():
    stage = watched(pieces=(FULL,))

    waiting = answer(ask(stage), stage.services)

    assert isinstance(waiting, Waiting)
    assert (stage.model.found, stage.leases(), stage.used()) == ([[]], ["open"], BOUND)

    stage.model.pieces, stage.now = HELLO, stage.now + 60
    work.complete(stage.queue.waiting.popleft()[0], stage.services)

    assert (stage.leases(), stage.used()) == (["settled"], BURNED)


def test_what_goes_into_the_line_at_once_is_charged_before_its_caller_hears_of_it():
    stage, found = watched(), []

    enqueue(ask(stage), stage.services, accepted=lambda _: found.append(stage.leases()))
    answer(ask(stage, turn_id="f" * 32, prefer=Prefer(respond_async=True)), stage.services)

    assert found == [["open"]]
    assert stage.leases() == ["open", "open"]


def test_nothing_is_lined_up_that_cannot_be_charged():
    stage = watched()

    def down(*_):
        raise StoreUnavailable("down")

    stage.services.admission.turns.reserve = down

    with pytest.raises(StoreUnavailable):
        enqueue(ask(stage), stage.services)

    assert not stage.queue.waiting


def test_a_hit_is_counted_as_ever():
    stage = Stage()
    answer(ask(stage), stage.services)

    reply = answer(ask(stage, turn_id="f" * 32), stage.services)

    assert isinstance(reply, Reply)
    assert (reply.head.cache, stage.used().requests) == ("hit", 2)
    assert told(stage)["exact"] == Tally(1, saved_tokens=BURNED.tokens, saved_usd_micros=BURNED.usd_micros)


def test_an_embedding_is_charged_at_its_end_too():
    stage = Stage(models={"a": Scripted(3)})

    embed(EmbedAsk(stage.credential, "vector", ("tide",), "t-1", NOW), stage.services)

    assert (stage.leases(), stage.used().tokens, told(stage)["answered"].input_tokens) == (["settled"], 3, 3)


def test_a_further_attempt_costs_and_is_no_turn():
    stage = Stage(caching=False, models={"a": Scripted(ModelTimeout("late")), "b": Scripted(*HELLO)})

    answer(ask(stage), stage.services)

    assert stage.used().requests == 1
    assert set(told(stage)) <= {"answered", "failed"}
    assert told(stage)["answered"] == SPENT
