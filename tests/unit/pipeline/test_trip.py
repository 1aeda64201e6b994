"""An answer reaches whoever listens, piece by piece, and every piece once, whatever becomes of connections."""

import json
import random

import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.chat import Delta, Usage
from chalicelib.domain.errors import ModelUnavailable, NotFound, StoreUnavailable, Unauthorized
from chalicelib.domain.jobs import job_id
from chalicelib.domain.sockets import Connection, address
from chalicelib.pipeline import sockets, work
from chalicelib.pipeline.sockets import Wish
from chalicelib.pipeline.trip import DEAF_SECONDS
from tests.builders import an_ask
from tests.unit.pipeline.stage import Stage

MANY = Limit("user", "day", requests=100, tokens=1_000_000)
END = Delta(finish_reason="stop", usage=Usage(10, 7))
JOB = job_id(an_ask().turn_id)
PAUSE = 0.2  # between words: each is a page of its own


class Speaker:
    """Says words with pauses between them; before the word of a number something may happen."""

    def __init__(self, words, *, pause=PAUSE):
        self.words = [Delta(text=f"{word} ") for word in words]
        self.pause = pause
        self.events = {}
        self.said = 0
        self.closed = False

    def stream(self, request, patience=None):
        try:
            for number, delta in enumerate([*self.words, END]):
                self.stage.now += self.pause
                self.events.get(number, lambda: None)()
                self.said = number + 1
                yield delta
        except GeneratorExit:
            self.closed = True
            raise


@pytest.fixture
def speaker():
    return Speaker(f"word{number}" for number in range(40))


@pytest.fixture
def stage(speaker):
    made = Stage(MANY, models={"a": speaker})
    speaker.stage = made
    return made


def connect(stage, name="api/local/one", credential=None):
    stage.services.reception.open(name, "https://chat.example.com")
    connection = stage.connections.hear(name)
    sockets.auth(connection, credential or stage.credential, stage.services)
    return stage.connections.hear(name)


def chat(stage, connection, name="c1", text="What is a tide?"):
    known = stage.connections.hear(connection.id)
    sockets.chat(known, name, an_ask(text, credential=known.credential), stage.services)


def resume(stage, name, after, job=JOB):
    connection = connect(stage, name)
    sockets.resume(connection, Wish(job, after), stage.services)


def work_off(stage):
    while stage.queue.waiting:
        work.complete(stage.queue.waiting.popleft()[0], stage.services)


def chunks(frames):
    return [each for each in frames if each["type"] == "chunk"]


def text_of(frames):
    return "".join(each["data"]["choices"][0]["delta"].get("content") or "" for each in chunks(frames))


def numbers(frames):
    return [each["seq"] for each in chunks(frames)]


def whole(speaker):
    return "".join(delta.text for delta in speaker.words)


def test_a_chat_is_accepted_answered_in_numbered_chunks_and_done(stage, speaker):
    connection = connect(stage)

    chat(stage, connection)
    work_off(stage)

    accepted, *said, done = stage.exchange.frames[connection.id]
    assert accepted == {"type": "accepted", "id": "c1", "job": JOB}
    assert text_of(said) == whole(speaker)
    assert numbers(said) == list(range(1, len(said) + 1))
    assert said[0]["data"]["choices"][0]["delta"]["role"] == "assistant"
    assert {each["id"] for each in said} == {"c1"}
    assert (done["type"], done["seq"]) == ("done", len(said))
    assert done["usage"]["completion_tokens"] == 7
    assert stage.used() == Charge(requests=1, tokens=17, usd_micros=stage.used().usd_micros)


def test_a_chunk_is_kept_before_anybody_hears_it(stage, monkeypatch):
    send, heard = stage.exchange.send, []

    def watched(connection_id, frame):
        kept = max((page.last for page in stage.jobs.pages(JOB, 0)), default=0)
        heard.append((json.loads(frame).get("seq", 0), kept))
        return send(connection_id, frame)

    monkeypatch.setattr(stage.exchange, "send", watched)
    chat(stage, connect(stage))
    work_off(stage)

    assert len(heard) > 40
    assert [number for number, kept in heard if number > kept] == []


def test_work_is_accepted_before_a_worker_can_have_it(stage, monkeypatch):
    connection = connect(stage)
    send, heard = stage.queue.send, []

    def watched(message, delay_seconds=0):
        heard.extend(each["type"] for each in stage.exchange.frames[connection.id])
        send(message, delay_seconds)

    monkeypatch.setattr(stage.queue, "send", watched)
    chat(stage, connection)

    assert heard == ["accepted"]


def test_a_key_that_is_revoked_while_it_is_admitted_is_not(stage, monkeypatch):
    stage.services.reception.open("api/local/one", "https://chat.example.com")
    connection = stage.connections.hear("api/local/one")
    admit = stage.connections.admit

    def revoke_and_admit(*given):
        stage.keys.revoke(stage.credential.key_id, 1)
        return admit(*given)

    monkeypatch.setattr(stage.connections, "admit", revoke_and_admit)

    with pytest.raises(Unauthorized):
        sockets.auth(connection, stage.credential, stage.services)


def test_words_that_come_together_are_sent_together(stage, speaker):
    speaker.pause = 0.001
    connection = connect(stage)

    chat(stage, connection)
    work_off(stage)

    frames = stage.exchange.frames[connection.id]
    assert text_of(frames) == whole(speaker)
    assert len(chunks(frames)) < 10


def test_an_answer_of_before_comes_at_once(stage, speaker):
    connection = connect(stage)
    chat(stage, connection)
    work_off(stage)
    stage.exchange.frames.clear()

    sockets.chat(
        stage.connections.hear(connection.id),
        "c2",
        an_ask(credential=stage.connections.hear(connection.id).credential, turn_id="0" * 31 + "2"),
        stage.services,
    )

    accepted, *said, done = stage.exchange.frames[connection.id]
    assert accepted == {"type": "accepted", "id": "c2", "job": None}
    assert text_of(said) == whole(speaker)
    assert (done["type"], done["seq"]) == ("done", len(said))
    assert not stage.queue.waiting


@pytest.mark.parametrize("seed", range(60))
def test_connections_may_break_anywhere_and_nothing_is_lost_or_repeated(seed, stage, speaker):
    fate = random.Random(seed)
    speaker.pause = fate.uniform(0.08, 0.5)
    first = connect(stage)
    names = [first.id]

    def break_off():
        heard = max(numbers(stage.exchange.frames[names[-1]]), default=heard_before())
        stage.exchange.gone.add(names[-1])
        starts.append(heard)
        names.append(f"api/local/{len(names) + 1}")
        resume(stage, names[-1], heard)

    def heard_before():
        return starts[-1] if starts else 0

    starts = []
    for number in fate.sample(range(1, 41), fate.randint(1, 6)):
        speaker.events[number] = break_off
    chat(stage, first)
    work_off(stage)
    if fate.random() < 0.5:
        break_off()

    heard = [each for name in names for each in stage.exchange.frames[name]]
    assert numbers(heard) == list(range(1, len(chunks(heard)) + 1))
    assert text_of(heard) == whole(speaker)
    assert heard[-1]["type"] == "done"
    assert heard[-1]["seq"] == numbers(heard)[-1]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_not_taken_is_sent_again_in_order(seed, stage, speaker):
    fate = random.Random(seed)
    connection = connect(stage)
    chat(stage, connection)
    stage.exchange.moods[connection.id] = fate.choices(["sent", "late"], [2, 1], k=60)

    work_off(stage)

    frames = stage.exchange.frames[connection.id]
    assert text_of(frames) == whole(speaker)
    assert numbers(frames) == sorted(set(numbers(frames)))
    assert frames[-1]["type"] == "done"


def test_a_cancelled_answer_stops_and_is_charged_as_far_as_it_came(stage, speaker):
    connection = connect(stage)
    speaker.events[10] = lambda: sockets.cancel(stage.connections.hear(connection.id), "c1", stage.services)
    chat(stage, connection)

    work_off(stage)

    frames = stage.exchange.frames[connection.id]
    assert frames[-1]["error"]["code"] == "cancelled"
    assert speaker.said <= 10 + 1 + 1 / PAUSE
    assert whole(speaker).startswith(text_of(frames))
    assert stage.jobs.get(JOB).state == "cancelled"
    assert (stage.leases(), stage.meter.reports[-1].error) == (["settled"], "cut")


def test_a_chat_that_waits_is_cancelled_without_a_worker(stage):
    connection = connect(stage)
    chat(stage, connection)

    sockets.cancel(stage.connections.hear(connection.id), "c1", stage.services)

    assert stage.exchange.frames[connection.id][-1]["error"]["code"] == "cancelled"
    assert stage.used() == Charge()


def test_an_answer_that_nobody_hears_goes_on_for_a_while_and_then_stops(stage, speaker):
    speaker.pause = 5
    connection = connect(stage)
    chat(stage, connection)
    stage.exchange.gone.add(connection.id)

    work_off(stage)

    assert DEAF_SECONDS / speaker.pause < speaker.said < DEAF_SECONDS / speaker.pause + 5
    assert stage.jobs.get(JOB).state == "cancelled"
    assert stage.leases() == ["settled"]
    resume(stage, "api/local/two", 0)
    assert whole(speaker).startswith(text_of(stage.exchange.frames["api/local/two"]))
    assert stage.exchange.frames["api/local/two"][-1]["error"]["code"] == "cancelled"


def test_a_model_that_breaks_off_is_an_error_after_what_it_said(stage, speaker):
    def break_off():
        raise ModelUnavailable("Broken.")

    speaker.events[5] = break_off
    connection = connect(stage)
    chat(stage, connection)

    work_off(stage)

    frames = stage.exchange.frames[connection.id]
    assert text_of(frames) == "".join(delta.text for delta in speaker.words[:5])
    assert frames[-1]["error"]["code"] == "model_unavailable"
    assert stage.jobs.get(JOB).state == "failed"
    assert stage.used().tokens > 0
    assert stage.leases() == ["settled"]


def test_a_worker_that_dies_in_the_middle_leaves_an_error_and_no_second_answer(stage, speaker):
    class Killed(BaseException):
        pass

    def die():
        raise Killed

    speaker.events[5] = die
    connection = connect(stage)
    chat(stage, connection)
    message = stage.queue.waiting[0][0]
    with pytest.raises(Killed):
        work_off(stage)
    stage.now += 100
    speaker.events.clear()

    work.complete(message, stage.services)

    frames = stage.exchange.frames[connection.id]
    assert whole(speaker).startswith(text_of(frames))
    assert speaker.said == 5
    assert frames[-1]["error"]["code"] == "model_unavailable"
    assert (stage.jobs.get(JOB).state, stage.leases()) == ("failed", ["settled"])
    assert stage.used().tokens > 0


def test_a_worker_that_dies_before_it_said_anything_is_made_up_for(stage, speaker):
    connection = connect(stage)
    chat(stage, connection)
    message = stage.queue.waiting.popleft()[0]
    stage.lane.begin(message)
    stage.now += 100

    work.complete(message, stage.services)

    frames = stage.exchange.frames[connection.id]
    assert text_of(frames) == whole(speaker)
    assert frames[-1]["type"] == "done"


def test_a_store_that_fails_in_the_middle_fails_the_message(stage, speaker, monkeypatch):
    def fail(job, page):
        raise StoreUnavailable("Down.")

    connection = connect(stage)
    chat(stage, connection)
    monkeypatch.setattr(stage.jobs, "keep", fail)

    with pytest.raises(StoreUnavailable):
        work_off(stage)

    assert chunks(stage.exchange.frames[connection.id]) == []


def test_what_another_worker_took_over_is_not_ended_twice(stage, speaker):
    connection = connect(stage)
    chat(stage, connection)
    message = stage.queue.waiting[0][0]

    def overtake():
        stage.now += 200
        speaker.events.clear()
        work.complete(message, stage.services)

    speaker.events[5] = overtake
    work_off(stage)

    endings = [each["type"] for each in stage.exchange.frames[connection.id] if each["type"] in {"done", "error"}]
    assert endings == ["error"]
    assert stage.jobs.get(JOB).state == "failed"


def test_a_job_of_somebody_else_is_as_unknown_as_none(stage):
    mine = connect(stage)
    chat(stage, mine)
    other = Connection(id="api/local/x", opened_at=stage.now, credential=stage.credential)
    stage.connections.open(other)

    with pytest.raises(NotFound) as unknown:
        sockets.resume(other, Wish("job_none", 0), stage.services)
    foreign = Connection(id="api/local/x", opened_at=stage.now)
    with pytest.raises(NotFound) as theirs:
        sockets.resume(foreign, Wish(JOB, 0), stage.services)

    assert theirs.value.message.replace(JOB, "job_none") == unknown.value.message
    assert stage.jobs.get(JOB).connection == address(mine.id, "c1")
