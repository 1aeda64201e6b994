"""Who visits: keys with something behind them, and the way in."""

import time

from chalicelib.domain.budget import Charge, Limit, Plan
from tests.clients.product import ask

NARROW = Plan("narrow", limits=(Limit("user", "day", requests=5), Limit("tenant", "month", usd_micros=2_000_000)))

TEAM = Plan(
    "team",
    limits=(
        Limit("user", "minute", requests=120),
        Limit("user", "day", tokens=250_000),
        Limit("tenant", "month", usd_micros=2_000_000),
    ),
)


def client_of(product, tenant, user):
    """A client with a new key under a plan with limits."""
    return product.client(api_key=product.books().key_with(NARROW, TENANT=tenant, USER=user))


def spend(client, times=2):
    """Ask something new, and once more what was just asked: the last one is answered by the cache."""
    for number in range(times - 1):
        ask(client, f"What is tide number {number}?")
    ask(client, f"What is tide number {times - 2}?")


def had_a_year(product, key):
    """As if the key had been used for more than a year, more in each month."""
    books, now = product.books(), int(time.time())
    for ago in range(400, -1, -10):
        requests = 60 - ago // 10 + ago % 7
        spent = Charge(requests, requests * 1_900, requests * 7_300)
        books.charge(key, spent, Charge(requests // 4, requests * 450, requests * 1_900), now - ago * 86_400)


def told(client, path="/usage"):
    """What the API says at `path` below `/v1`."""
    return client.get(path, cast_to=dict[str, object])


def sign_in(here, key, path="usage"):
    """Come in by the door of a page."""
    here.open(path)
    door = here.page.get_by_label("API key")
    door.fill(key)
    here.page.get_by_role("button", name="Sign in").click()
    door.wait_for(state="detached")
