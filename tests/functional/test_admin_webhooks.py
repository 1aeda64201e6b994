"""A tenant's webhook as an administrator sets it; its secret is told once."""

import pytest

from chalicelib.domain.webhooks import SECRET_PREFIX

TENANT = "/admin/tenants/acme"
URL = "https://hooks.example.com/tide"


@pytest.fixture
def admin(world):
    key = world.key(scopes=frozenset({"admin"}))

    def call(method, body=None):
        return world.call(method, TENANT, body, key=key).json

    return call


def stored(world):
    return world.keys.tenant("acme").webhook


def test_a_new_webhook_has_a_secret_that_is_told_once(world, admin):
    made = admin("POST", {"webhook": {"url": URL}})

    assert made == {
        "tenant": "acme",
        "object": "tenant",
        "plan": None,
        "webhook": {"url": URL, "secret": stored(world).secrets[0].text},
    }
    assert made["webhook"]["secret"].startswith(SECRET_PREFIX)
    assert admin("GET")["webhook"] == {"url": URL}
    assert admin("POST", {"webhook": {"url": URL}})["webhook"] == {"url": URL}


def test_another_url_keeps_the_secret(world, admin):
    secret = admin("POST", {"webhook": {"url": URL}})["webhook"]["secret"]

    assert admin("POST", {"webhook": {"url": f"{URL}/2"}})["webhook"] == {"url": f"{URL}/2"}
    assert [each.text for each in stored(world).secrets] == [secret]


def test_a_rotated_webhook_has_both_secrets_for_a_while(world, admin):
    old = admin("POST", {"webhook": {"url": URL}})["webhook"]["secret"]

    new = admin("POST", {"webhook": {"url": URL, "rotate": True}})["webhook"]["secret"]

    assert [each.text for each in stored(world).secrets] == [new, old]
    assert old != new


def test_plan_and_webhook_are_changed_one_by_one(world, admin):
    admin("POST", {"plan": "standard", "webhook": {"url": URL}})

    assert admin("POST", {"plan": None})["webhook"] == {"url": URL}
    assert admin("POST", {"plan": "standard"})["plan"] == "standard"
    assert admin("POST", {"webhook": None}) == {
        "tenant": "acme",
        "object": "tenant",
        "plan": "standard",
        "webhook": None,
    }
    assert stored(world) is None


def test_a_record_of_before_there_were_webhooks_is_read(world, admin):
    admin("POST", {"plan": "standard"})
    (item,) = [each for each in world.rows("access") if each["pk"]["S"].startswith("tenant#")]
    world.dynamodb.put_item(
        TableName="tidegate-functional-access",
        Item={**item, "body": {"S": '{"tenant":"acme","plan":"standard"}'}},
    )

    assert admin("POST", {"webhook": {"url": URL}})["plan"] == "standard"
    assert admin("GET")["webhook"] == {"url": URL}
