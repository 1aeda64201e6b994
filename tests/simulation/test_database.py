"""The model of DynamoDB where an emulator cannot be its judge: tokens, indexes that lag, and what it refuses."""

import pytest

from chalicelib.adapters.dynamodb.client import Cancelled, Unmet
from tests.simulation.database import NAMES, Model
from tests.simulation.expressions import Refused

KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
LEASE = {**KEY, "turn_id": {"S": "t"}, "lease_shard": {"S": "0"}, "lease_until": {"N": "9"}}
OVERDUE = {
    "TableName": NAMES.ledger,
    "IndexName": "open-leases",
    "KeyConditionExpression": "lease_shard = :shard AND lease_until < :before",
    "ExpressionAttributeValues": {":shard": {"S": "0"}, ":before": {"N": "9.5"}},
}


class Moment:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def put(**fields):
    return {"TableName": NAMES.ledger, "Item": {**KEY, **fields}}


def update(expression, *, condition=None, names=None, key=KEY, **values):
    request = {"TableName": NAMES.ledger, "Key": key, "UpdateExpression": expression}
    if condition:
        request["ConditionExpression"] = condition
    if names:
        request["ExpressionAttributeNames"] = names
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    return request


def adding(token, amount="1"):
    action = {"Update": update("ADD n :n", n={"N": amount})}
    return {"TransactItems": [action], "ClientRequestToken": token}


def stored(model):
    return model.call("get_item", {"TableName": NAMES.ledger, "Key": KEY, "ConsistentRead": True}).get("Item")


@pytest.mark.parametrize(("seconds", "sum_"), [(0, "1"), (600, "1"), (601, "2")])
def test_a_token_is_good_for_ten_minutes(seconds, sum_):
    moment = Moment()
    model = Model(moment)

    model.call("transact_write_items", adding("token"))
    moment.now += seconds
    model.call("transact_write_items", adding("token"))

    assert stored(model)["n"] == {"N": sum_}


def test_a_token_with_other_writes_is_refused():
    model = Model()
    model.call("transact_write_items", adding("token"))

    with pytest.raises(Refused, match="Mismatch"):
        model.call("transact_write_items", adding("token", "2"))


def test_a_refused_transaction_leaves_its_token_free():
    model = Model()
    guarded = {"Update": update("ADD n :n", condition="attribute_exists(pk)", n={"N": "1"})}
    request = {"TransactItems": [guarded], "ClientRequestToken": "token"}
    with pytest.raises(Cancelled):
        model.call("transact_write_items", request)
    model.call("put_item", put())

    model.call("transact_write_items", request)

    assert stored(model)["n"] == {"N": "1"}


def test_a_transaction_happens_whole_or_not_at_all():
    model = Model()
    model.call("put_item", put(n={"N": "1"}))
    free = {"Update": update("ADD n :n", key={**KEY, "sk": {"S": "c"}}, n={"N": "1"})}
    guarded = {"Put": {**put(), "ConditionExpression": "attribute_not_exists(pk)"}}
    shown = {"Put": {**guarded["Put"], "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}

    for action, item in ((guarded, {}), (shown, {"Item": {**KEY, "n": {"N": "1"}}})):
        with pytest.raises(Cancelled) as refusal:
            model.call("transact_write_items", {"TransactItems": [free, action]})
        none, failed = refusal.value.reasons
        assert none == {"Code": "None"}
        assert failed == {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", **item}

    assert model.stored[NAMES.ledger].get(("a", "c")) is None


def test_a_condition_that_fails_shows_the_item_where_it_is_asked_to():
    model = Model()
    model.call("put_item", put(n={"N": "1"}))
    request = {**put(), "ConditionExpression": "attribute_not_exists(pk)"}

    with pytest.raises(Unmet) as silent:
        model.call("put_item", request)
    with pytest.raises(Unmet) as shown:
        model.call("put_item", {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"})

    assert silent.value.item is None
    assert shown.value.item == {**KEY, "n": {"N": "1"}}


def test_an_index_shows_what_has_arrived():
    behind = [1]
    model = Model(lag=lambda _: behind[0])
    model.call("put_item", {"TableName": NAMES.ledger, "Item": LEASE})

    assert model.call("query", OVERDUE)["Items"] == []
    behind[0] = 0
    assert model.call("query", OVERDUE)["Items"] == [LEASE]
    model.call("update_item", update("REMOVE lease_shard, lease_until"))
    behind[0] = 1
    assert model.call("query", OVERDUE)["Items"] == [LEASE]
    behind[0] = 0
    assert model.call("query", OVERDUE)["Items"] == []


def test_what_was_read_is_the_readers_own():
    model = Model()
    model.call("put_item", put())

    stored(model)["n"] = {"N": "1"}

    assert stored(model) == KEY


@pytest.mark.parametrize(
    "request_",
    [
        update("ADD n"),
        update("ADD n :n", n={"S": "text"}),
        update("ADD n :n, n :m", n={"N": "1"}, m={"N": "2"}),
        update("ADD n :n REMOVE n", n={"N": "1"}),
        update("ADD n :n", n={"N": "1"}, m={"N": "2"}),
        update("ADD n :n"),
        update("ADD pk :n", n={"N": "1"}),
        update("SET n = m"),
        update("SET n = m + :n", n={"N": "1"}),
        update("SET #n = :n", n={"N": "1"}),
        update("SET n = :n", names={"#n": "n"}, n={"N": "1"}),
        update("SET a.b = :n", n={"N": "1"}),
        update("SET a[0] = :n", n={"N": "1"}),
        update("SET n = list_append(n, :n)", n={"L": []}),
        update("SET n = :n SET m = :n", n={"N": "1"}),
        update("PUT n :n", n={"N": "1"}),
        update("SET n = :n", condition="attribute_type(n, :n)", n={"S": "N"}),
        update("SET n = :n", condition="n", n={"N": "1"}),
        update("SET n = :n", condition="n = :n AND", n={"N": "1"}),
        update("SET n = :n", condition="n = :n :n", n={"N": "1"}),
        {**put(), "Expected": {}},
        {**put(), "ReturnValues": "ALL_OLD"},
    ],
    ids=lambda request: request.get("UpdateExpression", "put") + " | " + request.get("ConditionExpression", ""),
)
def test_what_the_model_does_not_know_is_refused(request_):
    model = Model()

    with pytest.raises(Refused):
        model.call("put_item" if "Item" in request_ else "update_item", request_)

    assert stored(model) is None


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("scan", {"TableName": NAMES.ledger}),
        ("get_item", {"TableName": NAMES.ledger, "Key": KEY}),
        ("get_item", {"TableName": NAMES.ledger, "Key": {"pk": {"S": "a"}}, "ConsistentRead": True}),
        ("query", {**OVERDUE, "ConsistentRead": True}),
        ("query", {**OVERDUE, "FilterExpression": "n = :n"}),
        ("query", {**OVERDUE, "KeyConditionExpression": "turn_id = :shard"}),
        (
            "transact_write_items",
            {"TransactItems": [{"Put": put()}, {"Delete": {"TableName": NAMES.ledger, "Key": KEY}}]},
        ),
        ("transact_write_items", {"TransactItems": [{"Get": {}}]}),
    ],
)
def test_a_call_that_the_model_does_not_know_is_refused(operation, request_):
    with pytest.raises(Refused):
        Model().call(operation, request_)
