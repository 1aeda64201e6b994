"""Fifty turns at once, each in a process of its own, against one limit."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import openai

from chalicelib.domain.budget import Limit, Plan
from tests.clients.product import ask

TURNS = 50
FORTY_A_MONTH = Plan("forty-a-month", limits=(Limit("key", "month", requests=40),))


def test_a_limit_holds_to_the_turn_and_every_token_is_charged(deployed):
    key = deployed.books().key_with(FORTY_A_MONTH)
    together = Barrier(TURNS)

    def turn(number):
        with deployed.client(api_key=key) as client:
            together.wait()
            try:
                return ask(client, f"How deep is the sea, asker {number}?").usage.total_tokens
            except openai.RateLimitError:
                return None

    with ThreadPoolExecutor(TURNS) as threads:
        tokens = [spent for spent in threads.map(turn, range(TURNS)) if spent is not None]

    spent = deployed.books().spent(key)
    assert len(tokens) == spent.requests == 40
    assert sum(tokens) == spent.tokens
