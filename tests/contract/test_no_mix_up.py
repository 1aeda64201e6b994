"""No call is answered with another call's words, over kept connections that callers leave in the middle.

`NONCES=100000 pytest -s tests/contract/test_no_mix_up.py` makes the full number of calls, and prints what came of them.
"""

import os
import random
import sys
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor

from chalicelib.adapters.models.openai import open_openai
from chalicelib.domain.chat import User
from chalicelib.domain.errors import ModelError
from tests.upstreams.openai_server import OpenAiServer, Reply
from tests.upstreams.targets import ask

CALLS = int(os.environ.get("NONCES", "2000"))
THREADS = 8
CANCELLED = 0.2
FAULTY = 0.02
WORDS = 6
FAULTS = (
    Reply(keep_open=False),
    Reply(cut_after=3),
    Reply(status=429, body=b"{}"),
    Reply(status=500, body=b"x" * 40_000),
    Reply(piece=1),
    Reply(usage=False, done=False),
    Reply(body=b'{"choices": [{"message": {"content": "Echo', headers={"content-length": "20"}),
    Reply(body=b'{"choices": []}', headers={"content-encoding": "gzip"}),
)


class Caller:
    """One thread's calls, each with a nonce of its own; what an answer says must be a beginning of what is expected."""

    def __init__(self, server, seed):
        self.server = server
        self.model = open_openai(f"openai+{server.url}?first_byte_ms=20000&idle_ms=20000")
        self.chance = random.Random(seed)
        self.seen = Counter()

    def run(self, numbers):
        for number in numbers:
            if self.chance.random() < FAULTY:
                self.server.replies.append(self.chance.choice(FAULTS))
            self.seen[self.call(f"{number}-{self.chance.getrandbits(64):016x}")] += 1
        return self.seen

    def call(self, nonce):
        expected = "Echo: " + " ".join([nonce] * WORDS)
        request = ask(User(" ".join([nonce] * WORDS)))
        cancelled = self.chance.random() < CANCELLED
        try:
            said = self.left(request) if cancelled else self.heard(request)
        except ModelError as fault:
            return "cancelled" if cancelled else type(fault).__name__
        if not expected.startswith(said):
            return "foreign"
        return "cancelled" if cancelled else "whole" if said == expected else "part"

    def heard(self, request):
        if self.chance.random() < 0.5:
            return self.model.complete(request).text
        return "".join(delta.text for delta in self.model.stream(request))

    def left(self, request):
        """Give up after some time, or after some pieces."""
        if self.chance.random() < 0.5:
            return self.model.complete(request, self.chance.uniform(0.0001, 0.01)).text
        stream = self.model.stream(request)
        said = [next(stream).text for _ in range(self.chance.randint(1, WORDS))]
        stream.close()
        return "".join(said)


def test_no_answer_has_another_call_s_nonce():
    with OpenAiServer() as server, ThreadPoolExecutor(THREADS) as pool:
        server.requests = deque(maxlen=1)
        parts = [range(first, CALLS, THREADS) for first in range(THREADS)]
        runs = [pool.submit(Caller(server, seed).run, numbers) for seed, numbers in enumerate(parts)]
        seen = sum((run.result() for run in runs), Counter())
        connections = server.connections

    sys.stdout.write(f"{CALLS} calls over {connections} connections: {dict(seen.most_common())}\n")
    assert seen["foreign"] == 0
    assert seen.total() == CALLS
    assert seen["cancelled"] > CALLS * CANCELLED * 0.8
    assert seen["whole"] > CALLS * (1 - CANCELLED) * 0.9
    assert connections < CALLS / 2  # most calls were made over a connection that another had left


def test_the_check_sees_a_foreign_nonce():
    with OpenAiServer() as server:
        caller = Caller(server, 0)
        server.replies += [Reply(text="Echo: " + " ".join(["7-00000000000000ff"] * WORDS))] * 20

        assert caller.run(range(8, 20))["foreign"] > 0
