"""Who visits: keys with something behind them, and the way in."""

from chalicelib.domain.budget import Limit, Plan
from tests.clients.product import ask

NARROW = Plan("narrow", limits=(Limit("user", "day", requests=5), Limit("tenant", "month", usd_micros=2_000_000)))


def client_of(product, tenant, user):
    """A client with a new key under a plan with limits."""
    return product.client(api_key=product.books().key_with(NARROW, TENANT=tenant, USER=user))


def spend(client, times=2):
    """Ask something new, and once more what was just asked: the last one is answered by the cache."""
    for number in range(times - 1):
        ask(client, f"What is tide number {number}?")
    ask(client, f"What is tide number {times - 2}?")


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
