"""Work that waits: the queue, the function behind it, its dead, and the schedules that look after it."""

import json
from pathlib import Path

import pytest

from tests.clients.product import MODEL, said
from tests.e2e.line import Line
from tests.infra.runs import eventually

SCHEDULED = json.loads((Path(__file__).parents[1] / "events" / "scheduled.json").read_text())


@pytest.fixture
def line(deployed, client):
    """The queue of the stage; what a test stopped of it runs again."""
    line = Line(deployed, client)
    yield line
    line.open()


def test_a_turn_that_may_wait_is_taken_at_once_and_done_by_the_function_behind_the_queue(line):
    job = line.put("What is an ebb?")

    assert job["status"] == "queued"
    assert "What is an ebb?" in line.answer(job)


def test_a_background_response_is_done_by_it_too(client):
    made = client.responses.create(model=MODEL, input="In the background, please", background=True)

    assert eventually(lambda: client.responses.retrieve(made.id).status not in {"queued", "in_progress"})
    assert "In the background, please" in client.responses.retrieve(made.id).output_text


def test_poison_is_put_aside_and_what_died_of_bad_luck_is_put_back(deployed, line):
    line.close()
    unlucky = line.put("Bring me back")
    line.kill()
    line.send("{")
    line.open()
    assert eventually(lambda: line.dead() == 2)

    report = deployed.tool("redrive")

    assert report.splitlines()[-1] == "1 kept, 1 moved"
    assert "Bring me back" in line.answer(unlucky)
    assert line.dead() == 1


def test_the_sweep_sends_again_what_the_queue_lost(deployed, line):
    line.close()
    lost = line.put("Where did it go?")
    line.lose()
    line.age(lost)
    line.open()

    (said_so,) = deployed.invoke("sweep_leases", SCHEDULED)

    assert json.loads(said_so)["message"] == "sweep"
    assert "Where did it go?" in line.answer(lost)


def test_the_refit_looks_at_what_the_cache_learned(deployed, client):
    said(client, "Something to learn from")

    (said_so,) = deployed.invoke("refit_cache", SCHEDULED)

    assert json.loads(said_so)["message"] == "refit"
