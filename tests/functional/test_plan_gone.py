"""A key may get a plan in the moment in which it is deleted: the index that says who has it follows later."""

import pytest

from chalicelib.domain.identity import Tenant

CALLS = (
    ("POST", "/v1/chat/completions", {"model": "nova-lite", "messages": [{"role": "user", "content": "Hello"}]}),
    ("POST", "/v1/embeddings", {"model": "local-embedding", "input": "tide"}),
    ("GET", "/v1/models", None),
    ("GET", "/v1/usage", None),
)


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("whose", ["key", "tenant"])
def test_without_its_plan_a_key_is_good_for_nothing_and_charged_nothing(world, whose, method, path, body):
    world.plan(name="gone")
    key = world.key(plan="gone" if whose == "key" else "standard")
    if whose == "tenant":
        world.keys.change_tenant("acme", lambda _: Tenant("acme", "gone"))
    world.keys.drop_plan("gone")
    before = world.everything()

    refused = world.call(method, path, body, key=key)

    assert (refused.status, refused.error["code"]) == (500, "misconfigured")
    assert world.everything() == before


def test_a_key_whose_plan_comes_back_is_good_again(world):
    key = world.key(plan="gone")
    assert world.chat("Hello", key=key).status == 500

    world.plan(name="gone")

    assert world.chat("Hello", key=key).status == 200
