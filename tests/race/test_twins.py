"""Twins at once over one store: each key asks the model once, all of its callers hear the same, no other body passes.

`TWIN_KEYS` says how many keys there are, each sent 50 times at once by each of two callers.
"""

import json
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import msgspec
from chalice.app import Response

from chalicelib.adapters.dynamodb.receipts import DynamoReceipts
from chalicelib.adapters.memory.jobs import MemoryJobs
from chalicelib.domain.errors import KeyReused
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id
from chalicelib.edge.gateway import JSON
from chalicelib.edge.once import answering_once
from chalicelib.pipeline.once import Once
from tests.builders import PEPPERS, a_credential
from tests.contract.samples import NOW
from tests.unit.edge.test_call import a_call

TWINS = 50
KEYS = int(os.environ.get("TWIN_KEYS", "4"))
OTHERS = 2  # with another body
CALLERS = 2  # who use the same keys, each for itself
LARGE_EVERY = 10
LARGE_BYTES = 500_000


class Gateway:
    """The decorator over a view that never answers the same twice, and counts how often it was asked."""

    def __init__(self, stores):
        self.asked = Counter()
        self._lock = threading.Lock()
        self._pulse = threading.Event()
        self._numbers = count(1)
        self._once = Once(
            DynamoReceipts(stores.database),
            stores.turns,
            stores.conversations,
            MemoryJobs(),
            stores.keys,
            PEPPERS,
            lambda: NOW,
            self._pulse.wait,
            lease_seconds=90,
            patience_seconds=60,
        )
        self.view = answering_once(lambda: self._once)(self._answer)

    def post(self, caller, key, body):
        headers = {"Authorization": f"Bearer {a_credential(number=caller).token}", "Idempotency-Key": key}
        with self._lock:
            number = next(self._numbers)
        call = a_call(headers=headers, body=json.dumps(body))
        named = turn_id(NOW, number.to_bytes(RANDOM_BYTES, "big"))
        return self.view(msgspec.structs.replace(call, turn_id=named, now=NOW))

    def _answer(self, call):
        body = json.loads(call.raw())
        with self._lock:
            self.asked[call.credential.key_id, body["key"]] += 1
        filler = call.turn_id * (LARGE_BYTES // 32 if body["large"] else 1)
        return Response(json.dumps([call.turn_id, os.urandom(16).hex(), filler]), {"Content-Type": JSON})


def test_fifty_twins_of_each_key_are_one_request(make_stores):
    gateway = Gateway(make_stores())
    kinds = [False] * TWINS + [True] * OTHERS
    with ThreadPoolExecutor(CALLERS * len(kinds)) as pool:
        for number in range(KEYS):
            key = f"order-{number}"
            body = {"key": key, "large": number % LARGE_EVERY == 0}
            posts = [(caller, {**body, "other": other}) for other in kinds for caller in range(CALLERS)]
            heard = list(pool.map(lambda post, key=key: attempted(gateway, post, key), posts))

            for caller in range(CALLERS):
                mine = [each for (who, _), each in zip(posts, heard, strict=True) if who == caller]
                told = {each for each in mine if each is not None}
                assert len(told) == 1, f"{key} of caller {caller} has {len(told)} answers"
                assert mine.count(None) in {OTHERS, TWINS}  # whichever body came first has the key
    assert set(gateway.asked.values()) == {1}
    assert len(gateway.asked) == CALLERS * KEYS


def attempted(gateway, post, key):
    """What one twin is told; None where the key stands for another body."""
    caller, body = post
    try:
        return gateway.post(caller, key, body).body
    except KeyReused:
        return None
