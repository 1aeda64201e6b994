"""A turn that waits in line is answered once, whoever dies over it and however often its message comes."""

import threading
from dataclasses import replace

import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.chat import Delta
from chalicelib.domain.errors import (
    BadRequest,
    Conflict,
    JobFailed,
    LimitExceeded,
    ModelNotReady,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    NotFound,
    QueueUnavailable,
    StoreUnavailable,
)
from chalicelib.domain.jobs import Message, Poison, job_id
from chalicelib.domain.outcomes import Done, Failed, outcome_of
from chalicelib.domain.turn import Prefer, Reply
from chalicelib.pipeline import work
from chalicelib.pipeline.lane import Waiting
from chalicelib.pipeline.turn import answer, enqueue, stream
from tests.builders import NOW, an_ask
from tests.infra.runs import eventually
from tests.unit.pipeline.stage import HELLO, Scripted, Stage

LATER = Prefer(respond_async=True)
MANY = Limit("user", "day", requests=100, tokens=1_000_000)
FULL = ModelThrottled("Full.", retry_after_seconds=5)


class Stopped(Scripted):
    """Somebody does not want the answer any more when the model is asked."""

    def __init__(self, stop):
        super().__init__(*HELLO)
        self._stop = stop

    def stream(self, request, patience=None):
        self._stop()
        yield from super().stream(request, patience)


def ask(stage, text="What is a tide?", **changes):
    return an_ask(text, credential=stage.credential, **changes)


def owner_of(stage):
    return f"{stage.credential.tenant_tag}.{stage.credential.user_tag}"


def next_message(stage):
    return stage.queue.waiting.popleft()[0]


def queued(stage, text="What is a tide?", **changes):
    waiting = answer(ask(stage, text, prefer=LATER, **changes), stage.services)
    assert isinstance(waiting, Waiting)
    return waiting.job.id


def outcome(stage, job):
    return outcome_of(stage.jobs.get(job))


def spent(stage, job):
    usage = outcome(stage, job).completion.usage
    return usage.input_tokens + usage.output_tokens


def die_before_it_is_charged(stage, message, monkeypatch):
    with monkeypatch.context() as dying:
        dying.setattr(
            type(stage.services.admission), "settle", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            work.complete(message, stage.services)
    assert stage.leases() == ["open"]


def test_a_turn_may_be_put_into_the_line_at_once():
    stage = Stage(MANY)

    waiting = answer(ask(stage, prefer=LATER), stage.services)

    assert (waiting.job.state, waiting.position, stage.models["a"].requests) == ("queued", 1, [])
    assert stage.leases() == ["open"]


@pytest.mark.parametrize("verb", [answer, stream])
def test_a_turn_that_no_target_takes_is_answered_when_one_does(verb):
    stage = Stage(MANY, models={"a": Scripted(FULL)})

    def a_worker_comes():
        stage.models["a"].pieces = HELLO
        if stage.queue.waiting:
            stage.now += 10
            work.complete(next_message(stage), stage.services)

    stage.meanwhile = a_worker_comes
    reply = verb(ask(stage), stage.services)

    said = reply.completion.text if isinstance(reply, Reply) else "".join(each.text for each in reply.deltas)
    assert said == "Hello"
    assert stage.leases() == ["settled"]


def test_a_caller_hears_of_the_job_when_patience_ends():
    stage = Stage(MANY, models={"a": Scripted(FULL)})

    waiting = answer(ask(stage), stage.services)

    assert isinstance(waiting, Waiting)
    assert stage.now == NOW + 20
    assert waiting.limits.tokens is not None


def test_a_caller_may_wait_for_less():
    stage = Stage(MANY, models={"a": Scripted(FULL)})

    answer(ask(stage, prefer=Prefer(wait_seconds=3)), stage.services)

    assert stage.now == NOW + 3


def test_no_more_wait_for_what_is_down_than_there_are_seats():
    stage = Stage(MANY, models={"a": Scripted(ModelNotReady("Starting."))})
    services = replace(stage.services, lane=replace(stage.lane, seats=threading.Semaphore(1)))
    others = []

    def another_asks():
        if not others:
            others.append(None)
            others[0] = answer(ask(stage, "Another?", turn_id="2" * 32), services), stage.now

    stage.meanwhile = another_asks
    waited = answer(ask(stage), services)

    told, when = others[0]
    assert (type(told), type(waited), stage.now) == (Waiting, Waiting, NOW + 20)
    assert when < NOW + 1, "whoever finds no seat hears of the job at once"
    assert services.lane.seats.acquire(blocking=False), "a seat is free again when its caller leaves"


def test_what_is_full_for_a_moment_is_waited_for_by_all():
    stage = Stage(MANY, models={"a": Scripted(FULL)})
    services = replace(stage.services, lane=replace(stage.lane, seats=threading.Semaphore(0)))

    answer(ask(stage), services)

    assert stage.now == NOW + 20


def test_the_fault_of_a_job_is_raised_to_whoever_still_waits():
    stage = Stage(MANY, models={"a": Scripted(FULL)})

    def a_worker_fails():
        stage.models["a"].pieces = (BadRequest("No."),)
        if stage.queue.waiting:
            stage.now += 10
            work.complete(next_message(stage), stage.services)

    stage.meanwhile = a_worker_fails
    with pytest.raises(JobFailed) as caught:
        answer(ask(stage), stage.services)

    assert caught.value.kind == "BadRequest"
    assert stage.used() == Charge()


def test_who_does_not_wait_does_not_wait_for_an_equal_turn_either():
    stage = Stage(MANY)
    stage.services.flights.board(stage.services.history.resume(stage.services.gate.identify(ask(stage, turn_id="t-1"))))

    queued(stage)

    assert stage.now == NOW


def test_a_worker_answers_and_charges():
    stage = Stage(MANY)
    job = queued(stage)

    work.complete(next_message(stage), stage.services)

    assert outcome(stage, job).completion.text == "Hello"
    assert stage.jobs.get(job).state == "completed"
    assert stage.leases() == ["settled"]
    assert stage.used().tokens == spent(stage, job)


def test_a_message_that_comes_again_changes_nothing():
    stage = Stage(MANY)
    queued(stage)
    message = next_message(stage)
    work.complete(message, stage.services)
    left = stage.used(), stage.leases(), len(stage.models["a"].requests), len(stage.meter.reports)

    work.complete(message, stage.services)

    assert (stage.used(), stage.leases(), len(stage.models["a"].requests), len(stage.meter.reports)) == left


def test_whoever_finds_a_job_that_is_over_charges_what_its_worker_could_not(monkeypatch):
    stage = Stage(MANY)
    queued(stage)
    message = next_message(stage)
    die_before_it_is_charged(stage, message, monkeypatch)

    work.complete(message, stage.services)

    assert stage.leases() == ["settled"]
    assert len(stage.models["a"].requests) == 1


def test_a_job_is_brought_again_until_what_came_of_it_is_charged(monkeypatch):
    stage = Stage(MANY)
    job = queued(stage)
    die_before_it_is_charged(stage, next_message(stage), monkeypatch)
    assert stage.jobs.get(job).state == "completed"

    stage.now += 61
    assert stage.services.lane.resend() == 1
    work.complete(next_message(stage), stage.services)

    assert (stage.leases(), stage.used().tokens) == (["settled"], spent(stage, job))
    stage.now += 61
    assert stage.services.lane.resend() == 0


def test_a_worker_that_died_over_the_model_has_burned_what_it_may_have(monkeypatch):
    stage = Stage(MANY)
    job = queued(stage)
    held = stage.used()
    message = next_message(stage)
    stage.services.lane.begin(message)
    stage.now += 100

    work.complete(message, stage.services)

    assert stage.used().tokens == held.tokens + spent(stage, job)
    assert stage.used().requests == 1


def test_nobody_works_on_what_another_holds():
    stage = Stage(MANY)
    queued(stage)
    message = next_message(stage)
    stage.services.lane.begin(message)

    work.complete(message, stage.services)

    assert stage.models["a"].requests == []


def test_a_job_over_which_workers_die_is_given_up():
    stage = Stage(MANY)
    job = queued(stage)
    message = next_message(stage)
    for _ in range(3):
        stage.services.lane.begin(message)
        stage.now += 100

    work.complete(message, stage.services)

    assert (stage.jobs.get(job).state, outcome(stage, job).kind) == ("failed", "ModelUnavailable")
    assert stage.models["a"].requests == []


def test_a_job_whose_lost_attempt_cannot_be_paid_is_given_up():
    stage = Stage(Limit("user", "day", tokens=300))
    job = queued(stage)
    message = next_message(stage)
    stage.services.lane.begin(message)
    stage.now += 100

    work.complete(message, stage.services)

    assert outcome(stage, job).kind == "ModelUnavailable"
    assert stage.used().tokens <= 300


def test_a_saturated_pool_puts_a_job_back_for_as_long_as_it_asks():
    stage = Stage(MANY, models={"a": Scripted(FULL)})
    job = queued(stage)

    work.complete(next_message(stage), stage.services)

    (message, delay) = stage.queue.waiting[0]
    assert (stage.jobs.get(job).state, message.job, delay >= 5) == ("queued", job, True)
    assert stage.leases() == ["open"]


def test_to_wait_for_room_is_no_death():
    stage = Stage(MANY, models={"a": Scripted(FULL)})
    job = queued(stage)
    for _ in range(5):
        stage.now += 10
        work.complete(next_message(stage), stage.services)
    stage.models["a"].pieces = HELLO
    stage.now += 10

    work.complete(next_message(stage), stage.services)

    assert stage.jobs.get(job).state == "completed"
    assert stage.used().tokens == spent(stage, job)


def test_what_waited_for_too_long_costs_nothing_and_is_said():
    stage = Stage(MANY)
    job = queued(stage)
    stage.now += 3_601

    with pytest.raises(Poison, match="too old"):
        work.complete(next_message(stage), stage.services)

    assert (outcome(stage, job).kind, stage.used(), stage.models["a"].requests) == ("JobExpired", Charge(), [])


@pytest.mark.parametrize(
    ("fault", "lease"), [(ModelTimeout("Nothing came."), "settled"), (BadRequest("No."), "released")]
)
def test_a_fault_of_the_model_ends_the_job_with_it(fault, lease):
    stage = Stage(MANY, models={"a": Scripted(fault)})
    job = queued(stage)
    message = next_message(stage)

    work.complete(message, stage.services)
    work.complete(message, stage.services)

    assert (outcome(stage, job).kind, stage.leases()) == (type(fault).__name__, [lease])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Message("job_none", "acme"), "no such job"),
        (Message(job_id(ask(Stage(MANY)).turn_id), "mallory"), "another tenant's job"),
    ],
)
def test_a_message_of_no_job_of_its_line_is_poison(message, reason):
    stage = Stage(MANY)
    queued(stage)

    with pytest.raises(Poison, match=reason):
        work.complete(message, stage.services)

    assert stage.models["a"].requests == []


def test_a_job_that_waits_may_be_cancelled_and_costs_nothing():
    stage = Stage(MANY)
    job = queued(stage)

    waiting = work.cancel(owner_of(stage), job, stage.services)
    work.complete(next_message(stage), stage.services)

    assert (waiting.job.state, stage.used(), stage.models["a"].requests) == ("cancelled", Charge(), [])


@pytest.mark.parametrize(
    "verb", [lambda s, job: s.services.lane.find("b.b", job), lambda s, job: work.cancel("b.b", job, s.services)]
)
def test_a_job_is_its_owner_s_alone(verb):
    stage = Stage(MANY)
    job = queued(stage)

    with pytest.raises(NotFound):
        verb(stage, job)


def test_a_job_is_forgotten_a_day_after_it_could_matter():
    stage = Stage(MANY)
    job = queued(stage)
    stage.now += 3_600 + 86_401

    with pytest.raises(NotFound):
        stage.services.lane.find(owner_of(stage), job)


def test_a_job_that_is_to_stop_asks_no_model():
    stage = Stage(MANY)
    job = queued(stage)
    message = next_message(stage)
    stage.services.lane.begin(message)
    work.cancel(owner_of(stage), job, stage.services)
    stage.now += 100

    work.complete(message, stage.services)

    assert (stage.jobs.get(job).state, stage.models["a"].requests) == ("cancelled", [])
    assert stage.leases() == ["settled"]


@pytest.mark.parametrize("connection", [None, "c-1"])
def test_what_waits_in_line_ends_with_a_key_that_is_revoked(connection):
    stage = Stage(MANY)
    job = enqueue(ask(stage), stage.services, connection).id

    stage.keys.revoke(stage.credential.key_id, NOW, None)
    work.complete(next_message(stage), stage.services)

    assert (stage.jobs.get(job).state, stage.model.requests) == ("cancelled", [])
    assert (stage.leases(), stage.used()) == (["released"], Charge())


def test_what_was_accepted_is_answered_though_its_key_expired():
    stage = Stage(MANY)
    job = queued(stage)

    stage.keys.expire(stage.credential.key_id, NOW, None)
    stage.now += 60
    work.complete(next_message(stage), stage.services)

    assert stage.jobs.get(job).state == "completed"


def test_a_job_that_is_cancelled_while_a_model_answers_is_cancelled_and_charged():
    stage = Stage(MANY)
    job = queued(stage)
    model = stage.models["a"] = Stopped(lambda: work.cancel(owner_of(stage), job, stage.services))

    work.complete(next_message(stage), stage.services)

    assert (stage.jobs.get(job).state, len(model.requests)) == ("cancelled", 1)
    assert stage.used().tokens == spent(stage, job)


def test_a_cancel_stops_the_model_between_two_pieces():
    stage = Stage(MANY)
    job = queued(stage)
    said = []

    def pieces():
        for number in range(10):
            said.append(number)
            yield Delta(text="word ")
            stage.now += 1
            if number == 2:
                work.cancel(owner_of(stage), job, stage.services)

    stage.models["a"].stream = lambda *_: pieces()
    work.complete(next_message(stage), stage.services)

    assert (stage.jobs.get(job).state, len(said) < 6, stage.leases()) == ("cancelled", True, ["settled"])
    assert outcome(stage, job).completion.text == "word " * len(said)


@pytest.mark.parametrize("connection", [None, "a#1"])
def test_a_cancel_does_not_wait_for_a_model_that_says_nothing(connection):
    """The model may go on until its first piece, and no other is asked in its stead."""
    silence, ended = threading.Event(), threading.Event()

    class Silent(Scripted):
        def stream(self, request, patience=None):
            self.requests.append(request)
            work.cancel(owner_of(stage), job, stage.services)
            try:
                silence.wait(30)
                yield Delta(text="At last")
            finally:
                ended.set()

    stage = Stage(MANY, models={"a": Silent(), "b": Scripted(*HELLO)})
    job = queued(stage)
    if connection:
        stage.jobs.follow(job, connection, 0)

    work.complete(next_message(stage), stage.services)

    assert (stage.jobs.get(job).state, stage.leases()) == ("cancelled", ["settled"])
    assert not ended.is_set()
    assert stage.used().tokens > 0
    silence.set()
    assert ended.wait(30)
    assert stage.models["b"].requests == []


def test_a_worker_that_waits_for_a_silent_model_keeps_its_job():
    stage = Stage(MANY)
    job = queued(stage)
    renewed = []

    class Slow(Scripted):
        def stream(self, request, patience=None):
            begun = stage.jobs.get(job).lease_until
            stage.now += 50
            renewed.append(eventually(lambda: stage.jobs.get(job).lease_until > begun))
            yield from super().stream(request, patience)

    stage.models["a"] = Slow(*HELLO)
    work.complete(next_message(stage), stage.services)

    assert (renewed, outcome(stage, job).completion.text) == ([True], "Hello")


def test_an_answer_that_broke_and_that_nobody_heard_is_asked_for_again():
    stage = Stage(MANY, models={"a": Scripted(Delta(text="Hel"), ModelUnavailable("Gone."))})
    job = queued(stage)
    work.complete(next_message(stage), stage.services)
    lost = stage.used().tokens
    stage.models["a"].pieces = HELLO
    stage.now += 100

    work.complete(next_message(stage), stage.services)

    assert (stage.jobs.get(job).state, outcome(stage, job).completion.text) == ("completed", "Hello")
    assert stage.used().tokens == lost // 2 + spent(stage, job)


def test_an_answer_that_breaks_each_time_fails_and_is_charged_each_time():
    stage = Stage(MANY, models={"a": Scripted(Delta(text="Hel"), ModelUnavailable("Gone."))})
    job = queued(stage)
    while stage.queue.waiting:
        stage.now += 100
        work.complete(next_message(stage), stage.services)

    assert (stage.jobs.get(job).state, outcome(stage, job).kind) == ("failed", "ModelUnavailable")
    assert len(stage.models["a"].requests) == 3
    assert "open" not in stage.leases()


def test_whoever_waits_for_a_job_that_is_cancelled_is_told():
    stage = Stage(MANY, models={"a": Scripted(FULL)})
    stage.meanwhile = lambda: work.cancel(owner_of(stage), job_id(ask(stage).turn_id), stage.services)

    with pytest.raises(Conflict):
        answer(ask(stage), stage.services)

    assert stage.used() == Charge()


def test_an_eta_knows_when_a_target_will_be_up():
    stage = Stage(MANY, models={"a": Scripted(ModelNotReady("Starting.", retry_after_seconds=240))})
    job = queued(stage)
    work.complete(next_message(stage), stage.services)

    assert stage.services.lane.find(owner_of(stage), job).eta_seconds >= 240


def test_a_turn_beyond_the_limit_is_refused_before_it_waits():
    stage = Stage(Limit("user", "day", requests=1))
    queued(stage)

    with pytest.raises(LimitExceeded):
        answer(ask(stage, "Other", prefer=LATER, turn_id="t-2"), stage.services)

    assert len(stage.queue.waiting) == 1


def test_a_queue_that_is_down_costs_time_and_nothing_else(monkeypatch):
    stage = Stage(MANY)
    with monkeypatch.context() as down:
        down.setattr(stage.queue, "send", lambda *_, **__: (_ for _ in ()).throw(QueueUnavailable("Down.")))
        job = queued(stage)
    stage.now += 61

    assert stage.services.lane.resend() == 1
    work.complete(next_message(stage), stage.services)

    assert stage.jobs.get(job).state == "completed"


def test_a_line_that_cannot_be_joined_charges_nothing(monkeypatch):
    stage = Stage(MANY)
    monkeypatch.setattr(stage.jobs, "put", lambda *_: (_ for _ in ()).throw(StoreUnavailable("Down.")))

    with pytest.raises(StoreUnavailable):
        answer(ask(stage, prefer=LATER), stage.services)

    assert (stage.used(), list(stage.queue.waiting)) == (Charge(), [])


def test_an_order_has_no_secret():
    stage = Stage(MANY)

    waiting = answer(ask(stage, prefer=LATER), stage.services)

    assert stage.credential.token.encode() not in waiting.job.order


def test_the_answer_of_a_job_is_cached_like_any_other():
    stage = Stage(MANY)
    queued(stage)
    work.complete(next_message(stage), stage.services)

    reply = answer(ask(stage, turn_id="t-2"), stage.services)

    assert (reply.head.cache, reply.completion.text) == ("hit", "Hello")


def test_positions_follow_the_line():
    stage = Stage(MANY)
    first, second = queued(stage), queued(stage, turn_id="t-2", text="Other")
    found = [stage.services.lane.find(owner_of(stage), job).position for job in (first, second)]

    work.complete(next_message(stage), stage.services)

    assert found == [1, 2]
    assert stage.services.lane.find(owner_of(stage), second).position == 1
    assert isinstance(outcome(stage, first), Done)
    assert not isinstance(outcome(stage, second), Failed)


def test_text_of_a_stream_that_waited_comes_in_pieces():
    stage = Stage(MANY, models={"a": Scripted(Delta(text="x" * 100), Delta(finish_reason="stop"))})
    queued(stage)
    work.complete(next_message(stage), stage.services)

    streamed = stream(ask(stage, turn_id="t-2"), stage.services)

    assert [len(each.text) for each in streamed.deltas if each.text] == [48, 48, 4]
