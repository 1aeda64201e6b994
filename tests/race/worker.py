"""One process of a race: it reads jobs, one JSON object a line, makes turns as the product does, and tells what it did.

    {"endpoint", "stage", "worker", "calls", "seed", "record"}      and, to die on the way,  "point"

The fake model writes each token that it burns to the file `record` before it answers, so that no death hides any.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from chalicelib.adapters.dynamodb.answers import DynamoAnswers
from chalicelib.adapters.dynamodb.client import Database, jittered
from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.table import tables
from chalicelib.adapters.dynamodb.targets import DynamoTargets
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.chat import Completion, Usage
from chalicelib.domain.errors import LimitExceeded, StoreUnavailable
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.verdicts import Knobs
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.cache import AnswerCache, SemanticTier
from chalicelib.pipeline.fits import Fits
from chalicelib.pipeline.flights import SingleFlight
from chalicelib.pipeline.history import History
from chalicelib.pipeline.identify import Gate
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.router import Router
from chalicelib.pipeline.sizes import Sizes
from chalicelib.pipeline.turn import answer
from tests.builders import PEPPERS, a_catalogue, a_credential, a_model, a_request, an_ask
from tests.contract.samples import LEASE_SECONDS, NOW
from tests.contract.stores import REGION

CAPS = (20, 60, 150, 400)
POINTS = ("before reserve", "after reserve", "before model", "after model", "before settle", "after settle")


class FakeModel:
    """Burns all of the input and some of the cap."""

    def __init__(self, record, draw, reach):
        self._record = record
        self._draw = draw
        self._reach = reach

    def complete(self, request, patience=None):
        self._reach("before model")
        said = 1 + self._draw.randrange(request.max_output_tokens)  # to state none would be to leave it to the estimate
        usage = Usage(input_bound(request) - self._draw.randrange(8), said)
        with Path(self._record).open("a") as file:
            file.write(f"{usage.input_tokens + usage.output_tokens}\n")
        self._reach("after model")
        return Completion(text="A tide.", usage=usage)


class Reached:
    """`Turns` that tell where the turn is."""

    def __init__(self, turns, reach):
        self.recall = turns.recall
        self._turns = turns
        self._reach = reach

    def reserve(self, reservation):
        self._reach("before reserve")
        self._turns.reserve(reservation)
        self._reach("after reserve")

    def settle(self, reservation, settlement):
        self._reach("before settle")
        self._turns.settle(reservation, settlement)
        self._reach("after settle")


def run(job):
    """Make the job's turns, one after the other; how many were admitted, refused and told to come again."""
    draw = random.Random(job["seed"])
    deadly = {"point": job.get("point"), "calls_left": job["calls"]}

    def reach(point):
        if point == deadly["point"] and deadly["calls_left"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    outcomes = dict.fromkeys(("admitted", "refused", "busy", "unsettled"), 0)
    use = _services(job, draw, reach, outcomes)
    for number in range(job["calls"]):
        deadly["calls_left"] = job["calls"] - number - 1
        request = a_request(f"What is tide {number}?", max_output_tokens=draw.choice(CAPS))
        credential = a_credential(number=job["worker"])
        ask = an_ask(credential=credential, request=request, turn_id=f"{job['seed']}-{job['worker']}-{number}", now=NOW)
        try:
            answer(ask, use)
            outcomes["admitted"] += 1
        except LimitExceeded:
            outcomes["refused"] += 1
        except StoreUnavailable:
            outcomes["busy"] += 1
    return outcomes


def _services(job, draw, reach, outcomes):
    def warn(_):
        outcomes["unsettled"] += 1

    pause = jittered(time.sleep, random.random)
    database = Database(tables(job["stage"]), pause=pause, region=REGION, endpoint=job["endpoint"], direct=True)
    turns, conversations = Reached(DynamoTurns(database), reach), DynamoConversations(database)
    model = FakeModel(job["record"], draw, reach)
    sizes, fits = Sizes(), Fits("", "")
    pool = Pool(DynamoTargets(database), random.random)
    answers = DynamoAnswers(database)
    cache = AnswerCache(answers, 0, SemanticTier("off", "", Knobs(), 0, lambda: None, fits, lambda: 1.0))
    admission = Admission(turns, conversations, LEASE_SECONDS, time.time)
    return SimpleNamespace(
        gate=Gate(
            turns,
            DynamoKeys(database),
            PEPPERS,
            a_catalogue(a_model()),
            caching=False,
            watch=pool,
            cap=sizes.cap,
            meaning=lambda _: None,
            fits=fits,
        ),
        history=History(conversations),
        cache=cache,
        admission=admission,
        flights=SingleFlight(answers, admission, cache, 0, 0, time.time, time.sleep),
        router=Router(lambda _: model, lambda _: model, pool, turns, time.time, 60),
        sizes=sizes,
        meter=SimpleNamespace(record=lambda _: None, unmetered=warn, words=lambda _: None),
        clock=time.time,
    )


def main():
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(_killed(job) if "point" in job else run(job)), flush=True)  # noqa: T201 - its only word


def _killed(job):
    """The job in a child of this process: which signal ended it."""
    child = os.fork()
    if child == 0:
        run(job)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return {"signal": os.WTERMSIG(status)}


if __name__ == "__main__":
    main()
