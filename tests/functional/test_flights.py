"""Many who ask the same at once, through the whole product: one call to the model."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import bootstrap
from chalicelib.adapters.models.simulated import open_simulated
from chalicelib.domain.errors import ModelRejected
from tests.functional.world import events_of

QUESTION = "What is a tide?"
MANY = 50
PATIENCE_SECONDS = 60  # of a test that would otherwise never end


class Hall:
    """Who waits for a leader, and a model that answers once all others wait."""

    def __init__(self, others):
        self._others = others
        self._waiting = set()
        self._changed = threading.Condition()
        self.calls = 0
        self.faults = []

    def pause(self, longest):
        with self._changed:
            self._waiting.add(threading.get_ident())
            self._changed.notify_all()
            self._changed.wait(longest)

    def open(self, uri):
        return self

    def complete(self, request, patience=None):
        self._call()
        return open_simulated("simulated://echo").complete(request, patience)

    def stream(self, request, patience=None):
        self._call()
        yield from open_simulated("simulated://echo").stream(request, patience)

    def _call(self):
        with self._changed:
            self.calls += 1
            assert self._changed.wait_for(lambda: len(self._waiting) >= self._others, PATIENCE_SECONDS)
        if self.faults:
            raise self.faults.pop()


@pytest.fixture
def hall(world, monkeypatch):
    return opened(world, monkeypatch, MANY - 1)


def opened(world, monkeypatch, others):
    monkeypatch.setenv("TIDEGATE_FLIGHT_SECONDS", "1000")
    monkeypatch.setenv("TIDEGATE_DEADLINE_SECONDS", "9000")
    world.restart()
    services, hall = bootstrap.services(), Hall(others)
    object.__setattr__(services.flights, "pause", hall.pause)
    object.__setattr__(services.router, "open_chat", hall.open)
    database, lock = services.gate.turns._database, threading.Lock()
    call = database.call

    def one_by_one(operation, request):
        """Moto, served with threads, loses updates of its own."""
        with lock:
            return call(operation, request)

    monkeypatch.setattr(database, "call", one_by_one)
    return hall


def at_once(world, key, count=MANY, **fields):
    """Half of them streamed: status, what the cache says, and the text."""
    start = threading.Barrier(count)

    def ask(number):
        start.wait(PATIENCE_SECONDS)
        if number % 2:
            answer = world.chat(QUESTION, key=key, **fields)
            return answer.status, answer.headers.get("x-tidegate-cache"), answer.status == 200 and answer.text
        answer = world.stream(QUESTION, key=key, **fields)
        if answer.status != 200:
            return answer.status, answer.headers.get("x-tidegate-cache"), False
        chunks = [each for each in events_of(answer.body) if each != "[DONE]" and each["choices"]]
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        return answer.status, answer.headers["x-tidegate-cache"], text

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def test_fifty_at_once_are_one_call_and_equal_answers(world, hall):
    answers = at_once(world, world.key())

    assert hall.calls == 1
    assert {(status, text) for status, _, text in answers} == {(200, answers[0][2])}
    assert Counter(outcome for _, outcome, _ in answers) == {"miss": 1, "hit": MANY - 1}


def test_one_is_charged_what_was_burned_and_the_others_a_request(world, hall):
    key = world.key()
    at_once(world, key)
    used = world.used()

    alone = world.key("acme", "bob")
    hall.pause(0)
    world.chat(QUESTION, key=alone)

    expected = world.used("acme", "bob")
    assert (used.requests, used.tokens, used.usd_micros) == (MANY, expected.tokens, expected.usd_micros)
    assert world.leases() == {"settled": MANY + 1}


def test_a_leader_that_the_model_turns_down_fails_alone(world, hall):
    hall.faults.append(ModelRejected("No."))

    answers = at_once(world, world.key())

    assert hall.calls == 2
    assert Counter((status, outcome) for status, outcome, _ in answers)[200, "hit"] == MANY - 2
    assert Counter(status for status, _, _ in answers) == {200: MANY - 1, 400: 1}
    assert world.used().requests == MANY - 1
    assert world.leases() == {"settled": MANY - 1, "released": 1}


def test_users_wait_for_their_own_alone(world, monkeypatch):
    hall = opened(world, monkeypatch, others=0)
    keys = [world.key("acme", f"user{number}") for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda key: world.chat(QUESTION, key=key), keys))

    assert hall.calls == 8
    assert {answer.headers["x-tidegate-cache"] for answer in answers} == {"miss"}


def test_a_leader_whose_process_died_is_made_up_for(world, monkeypatch):
    hall, key = opened(world, monkeypatch, others=0), world.key()
    leader = world.stream(QUESTION, key=key)
    next(leader.body)
    flights = bootstrap.services().flights
    now, passed = flights.clock, [0.0]
    object.__setattr__(flights, "clock", lambda: now() + passed[0])
    object.__setattr__(flights, "pause", lambda _: passed.append(passed.pop() + 100))

    answer = world.chat(QUESTION, key=key)

    assert (answer.status, answer.headers["x-tidegate-cache"], hall.calls) == (200, "miss", 2)
    assert world.leases() == {"open": 1, "settled": 1}
    assert 1_000 - 1 <= passed[0] <= 1_100
