"""Work that waits in line is done once, and none is lost: real processes over a real queue, killed in the middle.

`LANE_MESSAGES` says how many messages there are, `LANE_KILLS` how many deaths at each point; the promises are about
10,000 and 50. A lease runs out when a test says so; nothing waits for it.
"""

import json
import os
import random
from contextlib import ExitStack

import pytest

from chalicelib.domain.budget import Charge
from chalicelib.domain.identity import tenant_tag
from chalicelib.domain.jobs import job_id
from tests.contract.samples import NOW
from tests.race import lane_worker
from tests.race.conftest import Crew
from tests.race.lane_world import PROCESSES, World

MESSAGES = int(os.environ.get("LANE_MESSAGES", "100"))
KILLS = int(os.environ.get("LANE_KILLS", "1"))
POINTS = lane_worker.ACCEPTING + lane_worker.WORKING
TWICE = 0.2
LIFE = 2_500 if MESSAGES > 1_000 else 300  # what a process sends to servers; a batch of ten is some 150
TURN_SECONDS = 3_600  # longer than the lease of a turn
TOGETHER = 5  # turns of a conversation


@pytest.fixture(scope="module")
def lane_crew():
    with ExitStack() as stack:
        yield Crew(stack, PROCESSES, "tests.race.lane_worker")


@pytest.fixture
def world(endpoint, emulator, lane_crew, tmp_path):
    return World(endpoint, emulator, lane_crew, tmp_path / "record")


def names(worker, count):
    """The names of a worker's turns."""
    return [f"{worker + 1:016x}{number:016x}" for number in range(count)]


def conversations(worker):
    """Which of a worker's turns are said in conversations, by theirs; the others are said alone."""
    everyone = names(worker, MESSAGES // PROCESSES)
    return {
        f"conv_{worker}_{place}": everyone[place : place + TOGETHER] for place in range(0, len(everyone), 2 * TOGETHER)
    }


def turns_of(worker):
    """All of them as they are asked for."""
    places = {name: conversation for conversation, group in conversations(worker).items() for name in group}
    return [[name, places.get(name), name] for name in names(worker, MESSAGES // PROCESSES)]


def deliver(world, turns):
    """A message for each turn, some twice, in any order."""
    draw = random.Random(10)
    lines = {worker: tenant_tag(lane_worker.owner_of(worker)[0]) for worker in range(PROCESSES)}
    bodies = [
        json.dumps({"job": job_id(name), "line": lines[worker]})
        for worker in range(PROCESSES)
        for name, *_ in turns[worker]
    ]
    bodies += draw.sample(bodies, int(len(bodies) * TWICE))
    draw.shuffle(bodies)
    for ten in range(0, len(bodies), 10):
        entries = [
            {"Id": str(place), "MessageBody": body, "MessageGroupId": json.loads(body)["line"]}
            for place, body in enumerate(bodies[ten : ten + 10])
        ]
        world.sqs.send_message_batch(QueueUrl=world.url, Entries=entries)


def test_what_waits_is_done_once_though_messages_come_twice_and_workers_die(world, capsys):
    for worker in range(PROCESSES):
        for conversation in conversations(worker):
            world.begin(worker, conversation)
    turns = [turns_of(worker) for worker in range(PROCESSES)]
    world.do([{"do": "accept", "turns": each, "sends": False} for each in turns])
    deliver(world, turns)

    deaths = world.work(life=LIFE)
    world.recover()

    batches, count = len(world.told("brought")), sum(map(len, turns))
    with capsys.disabled():
        figures = f"{count} jobs, {batches} batches, {deaths} deaths, {world.asked()} calls of the model"
        print(f"\n{figures}, {world.buried()} buried")  # noqa: T201
    assert deaths >= batches / 20
    assert [name for each in turns for name, *_ in each if world.answer(name) != ("completed", f"Tide {name}")] == []
    assert world.asked_again() == []
    for worker in range(PROCESSES):
        for conversation, group in conversations(worker).items():
            expected = [(number, name, "done") for number, name in enumerate(group, 1)]
            assert [(turn.number, turn.id, turn.state) for turn in world.turns(conversation)] == expected
    assert sum(used.requests for used in world.used()) == count
    assert sum(used.tokens for used in world.used()) >= world.burned()
    assert set(world.held()) == {Charge()}
    assert world.stores.turns.expire(NOW + 10**6, 10) == 0


def test_a_turn_that_was_accepted_is_in_its_conversation_once_wherever_a_process_dies(world, capsys):
    deaths = [point for _ in range(KILLS) for point in POINTS]
    places = {number: world.begin(number % PROCESSES, f"conv_{number}") for number in range(len(deaths))}

    _said(world, places, 1)
    _said(world, places, 2, deaths)
    world.recover()
    _said(world, places, 3)
    world.recover()
    world.now += TURN_SECONDS
    never = world.stores.turns.expire(world.now, 10_000)

    accepted, lost, cut = world.accepted(), [], 0
    for number, place in places.items():
        kept = world.turns(place)
        assert [(turn.number, turn.id) for turn in kept] == [(nth, _name(number, nth)) for nth in (1, 2, 3)]
        lost += [turn.id for turn in kept if turn.id in accepted and not _is_answered(world, turn)]
        cut += sum(turn.id not in accepted and not _is_answered(world, turn) for turn in kept)
    with capsys.disabled():
        print(f"\n{len(world.killed)} deaths, {len(accepted)} accepted, {len(lost)} lost, {cut} cut")  # noqa: T201
    assert len(world.killed) == len(deaths)
    assert len(accepted) == 3 * len(deaths) - KILLS * len(lane_worker.ACCEPTING)
    assert lost == []
    assert cut == never == KILLS  # a process that died before it had kept the job: the caller heard of nothing
    assert world.asked_again() == []
    assert sum(used.requests for used in world.used()) == 3 * len(deaths)
    assert sum(used.tokens for used in world.used()) >= world.burned()
    assert set(world.held()) == {Charge()}


def _name(number, nth):
    return f"{number:016x}{nth:016x}"


def _is_answered(world, turn):
    texts = [answer.content[0].text for answer in turn.items[1:]]
    return (turn.state, texts) == ("done", [f"Tide {turn.id}"]) and world.answer(turn.id)[0] == "completed"


def _said(world, places, nth, deaths=()):
    """The turn of that number in each conversation, from a caller to the end; `deaths` cost a process its life each."""
    asks = {
        number: {
            "do": "accept",
            "worker": number % PROCESSES,
            "turns": [[_name(number, nth), place, _name(number, nth)]],
        }
        for number, place in places.items()
    }
    early = {number: point for number, point in enumerate(deaths) if point in lane_worker.ACCEPTING}
    late = [point for point in deaths if point in lane_worker.WORKING]
    world.do_all([asks.pop(number) | {"point": point} for number, point in early.items()])
    world.do_all(
        {"do": "accept", "worker": worker, "turns": [turn for ask in own for turn in ask["turns"]]}
        for worker in range(PROCESSES)
        if (own := [ask for ask in asks.values() if ask["worker"] == worker])
    )
    world.do_all({"do": "work", "batch": 1, "point": point} for point in late)
    world.work()
