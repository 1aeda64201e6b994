"""Twins at once over one store: each key asks the model once, all of its callers hear the same, no other body passes.

`TWIN_KEYS` says how many keys there are, each sent 50 times at once by each of two callers.
"""

import json
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, product

import msgspec
from chalice.app import Response

from chalicelib.adapters.dynamodb.receipts import DynamoReceipts
from chalicelib.adapters.memory.jobs import MemoryJobs
from chalicelib.domain.errors import KeyReused, StoreUnavailable
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
ATTEMPTS = 5
LARGE_BYTES = 500_000


class Gateway:
    """The decorator over a view that never answers the same twice, and counts how often it was asked."""

    def __init__(self, stores):
        self.asked = Counter()
        self._lock = threading.Lock()
        self._pulse = threading.Event()
        self._numbers = count(1)
        self._began = time.monotonic()
        self._once = Once(
            DynamoReceipts(stores.database),
            stores.turns,
            stores.conversations,
            MemoryJobs(),
            stores.keys,
            PEPPERS,
            lambda: NOW + time.monotonic() - self._began,
            self._pulse.wait,
            lease_seconds=90,
            patience_seconds=60,
        )
        self.view = answering_once(lambda: self._once)(self._answer)

    def call(self, caller, body):
        token = a_credential(number=caller).token
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": body["key"]}
        with self._lock:
            number = next(self._numbers)
        call = a_call(headers=headers, body=json.dumps(body))
        named = turn_id(NOW, number.to_bytes(RANDOM_BYTES, "big"))
        return msgspec.structs.replace(call, turn_id=named, now=NOW + time.monotonic() - self._began)

    def _answer(self, call):
        body = json.loads(call.raw())
        with self._lock:
            self.asked[call.credential.key_id, body["key"]] += 1
        filler = call.turn_id * (LARGE_BYTES // 32 if body["large"] else 1)
        return Response(json.dumps([call.turn_id, os.urandom(16).hex(), filler]), {"Content-Type": JSON})


def test_fifty_twins_of_each_key_are_one_request(make_stores):
    gateway = Gateway(make_stores())
    kinds = [False] * TWINS + [True] * OTHERS
    with ThreadPoolExecutor(len(kinds)) as pool:
        for number, caller in product(range(KEYS), range(CALLERS)):
            body = {"key": f"order-{number}", "large": number % LARGE_EVERY == 0}
            posts = [(caller, {**body, "other": other}) for other in kinds]

            heard = list(pool.map(partial(attempted, gateway), posts))

            assert len(set(heard) - {None}) == 1
            assert heard.count(None) in {OTHERS, TWINS}  # whichever body came first has the key
    assert set(gateway.asked.values()) == {1}
    assert len(gateway.asked) == CALLERS * KEYS


def attempted(gateway, post):
    """What one twin is told; None where the key stands for another body. A busy machine may leave the store unheard."""
    call = gateway.call(*post)
    for _ in range(ATTEMPTS):
        try:
            return gateway.view(call).body
        except KeyReused:
            return None
        except StoreUnavailable:
            continue
    raise AssertionError("the store was never heard")
