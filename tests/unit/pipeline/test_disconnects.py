"""Clients that leave in the middle of a stream, and processes that die in it, leave nothing reserved."""

import random

from chalicelib.domain.budget import Charge
from chalicelib.domain.chat import Delta, Usage
from chalicelib.domain.ledger import subjects_of
from chalicelib.pipeline.sweep import sweep
from chalicelib.pipeline.turn import stream
from tests.builders import NOW, an_ask
from tests.unit.pipeline.stage import LEASE_SECONDS, Scripted, Stage

DISCONNECTS = 1_000
PIECES = (*(Delta(text=f"word{number} ") for number in range(12)), Delta(usage=Usage(30, 24)))


def test_a_thousand_disconnects_leave_no_open_reservation_after_the_lease_and_one_sweep():
    draw = random.Random(4)
    stage = Stage(models={"a": Scripted(*PIECES)}, caching=False, concurrent=DISCONNECTS)
    dead = []
    for number in range(DISCONNECTS):
        deltas = stream(an_ask(credential=stage.credential, turn_id=f"{number:032x}"), stage.services).deltas
        for _ in range(draw.randrange(len(PIECES))):
            next(deltas)
        if draw.random() < 0.5:
            deltas.close()
        else:
            dead.append(deltas)  # the process dies: nobody closes anything

    assert stage.leases().count("open") == len(dead) > 100
    key = subjects_of(stage.credential)[0]
    before = stage.used()
    ended = sweep(stage.services.gate.turns, NOW + LEASE_SECONDS + 1)

    assert getattr(ended, "ended", ended) == len(dead)
    assert "open" not in stage.leases()
    assert (stage.shelf.held(key), stage.shelf.running(key)) == (Charge(), 0)
    assert stage.used() == before
