"""The model against moto, in one thread: the same requests, the same outcomes, the same tables."""

import itertools
from random import Random

import pytest
from moto import mock_aws

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Cancelled, Database, Unmet
from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.errors import TidegateError
from chalicelib.ports import TurnPage
from tests.contract.samples import (
    NOW,
    OWNER,
    answered,
    conversation,
    cue,
    in_conversation,
    reservation,
)
from tests.contract.stores import REGION, _client, template_tables
from tests.simulation.database import NAMES, Model
from tests.simulation.tables import STAGE

SEEDS = range(20)
FAR = NOW + 10**6
KEYS = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk in "ab" for sk in ("x", "y", "z")]
CONDITIONS = [
    None,
    None,
    "attribute_not_exists(pk)",
    "attribute_exists(n)",
    "(attribute_not_exists(n) OR n <= :low) AND (attribute_not_exists(m) OR m <= :high)",
    "NOT n = :low AND #state IN (:one, :two)",
    "n BETWEEN :low AND :high",
    "n < :high OR begins_with(#state, :one)",
    "#state = :one OR tags = :tags",
    "attribute_exists(#state) AND size(#state) > :low",
]
UPDATES = [
    "ADD n :low, m :minus",
    "ADD n :minus REMOVE m",
    "SET #state = :one REMOVE lease_shard, lease_until",
    "SET lease_shard = :shard, lease_until = :high, turn_id = :one",
    "SET n = if_not_exists(n, :low) + :high, #state = :two",
    "SET m = :high - :low ADD tags :tags",
    "DELETE tags :tags SET n = :minus",
    "REMOVE n, m, #state",
]
VALUES = {
    ":low": {"N": "2"},
    ":high": {"N": "5"},
    ":minus": {"N": "-3"},
    ":one": {"S": "on"},
    ":two": {"S": "off"},
    ":shard": {"S": "0"},
    ":tags": {"NS": ["1", "3"]},
}


@pytest.fixture(scope="module")
def moto():
    """The real adapter's way to moto's tables; they are emptied for each case."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            database = Database(NAMES, pause=lambda _: None, region=REGION)
            database._client = _client(None)
            for table in template_tables(STAGE):
                database._client.create_table(**table)
            yield database


@pytest.fixture
def both(moto):
    for name in NAMES.__struct_fields__:
        for item in items(moto, getattr(NAMES, name)):
            key = {part: item[part] for part in ("pk", "sk") if part in item}
            moto._client.delete_item(TableName=getattr(NAMES, name), Key=key)
    return moto, Model()


def items(database, table):
    pages = database._client.get_paginator("scan").paginate(TableName=table)
    return list(itertools.chain.from_iterable(page["Items"] for page in pages))


def as_sets(item):
    return {
        name: {kind: sorted(content) if kind == "NS" else content}
        for name, value in item.items()
        for kind, content in value.items()
    }


def in_order(found):
    return sorted(map(as_sets, found), key=str)


def tables_of(moto, model):
    """Both sides' tables, side by side."""
    for table in (NAMES.ledger, NAMES.conversations):
        partitions = model.stored[table].partitions.values()
        yield in_order(items(moto, table)), in_order(item for each in partitions for item in each.values())


def outcome(database, operation, request):
    """What the caller of a request hears."""
    try:
        reply = database.call(operation, request)
    except Unmet as unmet:
        return "unmet", unmet.item and as_sets(unmet.item)
    except Cancelled as cancelled:
        return "cancelled", [(each["Code"], as_sets(each.get("Item", {}))) for each in cancelled.reasons]
    if "Items" in reply:
        return [as_sets(item) for item in reply["Items"]], rest(database, request, reply)
    return as_sets(reply.get("Item", {}))


def rest(database, request, reply):
    """The pages after the first: whether a last page says that it is the last, both may decide."""
    if "LastEvaluatedKey" not in reply:
        return []
    start = {"ExclusiveStartKey": reply["LastEvaluatedKey"]}
    return list(map(as_sets, batch.query(database, {**request, **start})))


class Requests:
    """Random requests to one table, of every form that the model knows."""

    def __init__(self, seed):
        self.random = Random(seed)

    def one(self):
        kind = self.random.choice(["write", "write", "write", "transact", "transact", "get", "query", "index"])
        return getattr(self, f"_{kind}")()

    def _write(self):
        kind, request = self._action(self.random.choice(KEYS))
        return {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}[kind], request

    def _transact(self):
        keys = self.random.sample(KEYS, self.random.randint(1, 4))
        return "transact_write_items", {"TransactItems": [dict([self._action(key)]) for key in keys]}

    def _get(self):
        key = self.random.choice(KEYS)
        return "get_item", {"TableName": NAMES.ledger, "Key": key, "ConsistentRead": True}

    def _query(self):
        low, high = sorted(self.random.choices("wxyz", k=2))
        request = {
            "TableName": NAMES.ledger,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
            "ExpressionAttributeValues": {
                ":pk": {"S": self.random.choice("ab")},
                ":low": {"S": low},
                ":high": {"S": high},
            },
            "ScanIndexForward": self.random.random() < 0.5,
            "ConsistentRead": True,
        }
        return "query", request | ({"Limit": self.random.randint(1, 3)} if self.random.random() < 0.5 else {})

    def _index(self):
        return "query", {
            "TableName": NAMES.ledger,
            "IndexName": "open-leases",
            "KeyConditionExpression": "lease_shard = :shard AND lease_until < :before",
            "ExpressionAttributeValues": {":shard": {"S": "0"}, ":before": {"N": self.random.choice(["5", "5.5"])}},
        }

    def _action(self, key):
        kind = self.random.choice(["Put", "Update", "Update", "Update", "Delete"])
        request, texts = {"TableName": NAMES.ledger}, []
        if kind == "Put":
            fields = self.random.sample([("n", VALUES[":low"]), ("m", VALUES[":high"]), ("state", VALUES[":one"])], 2)
            request["Item"] = {**key, **dict(fields)}
        else:
            request["Key"] = key
        if kind == "Update":
            request["UpdateExpression"] = self.random.choice(UPDATES)
            texts.append(request["UpdateExpression"])
        if condition := self.random.choice(CONDITIONS):
            request["ConditionExpression"] = condition
            texts.append(condition)
        if self.random.random() < 0.7:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return kind, request | _used(" ".join(texts))


def _used(text):
    """The names and values that an expression needs, and no others."""
    used = {}
    if "#state" in text:
        used["ExpressionAttributeNames"] = {"#state": "state"}
    if values := {name: value for name, value in VALUES.items() if name in text}:
        used["ExpressionAttributeValues"] = values
    return used


@pytest.mark.parametrize("seed", SEEDS)
def test_random_requests_have_the_same_outcomes(both, seed):
    moto, model = both
    requests = Requests(seed)

    for _ in range(40):
        operation, request = requests.one()
        assert outcome(model, operation, request) == outcome(moto, operation, request), request

    for told, shown in tables_of(moto, model):
        assert shown == told


class Ledger:
    """The adapters over one database, called by name."""

    limits = (
        Limit("key", "minute", tokens=250),
        Limit("user", "day", requests=6),
        Limit("tenant", "month", tokens=400),
    )

    def __init__(self, database):
        self.turns = DynamoTurns(database)
        self.conversations = DynamoConversations(database)
        self.conversations.create(conversation(), None)

    def claim(self, name, number):
        limits, charge = self.limits, Charge(1, 20 * int(name), int(name))
        if number:
            return in_conversation(f"t-{name}", number, charge=charge, limits=limits)
        return reservation(f"t-{name}", charge=charge, limits=limits)

    def reserve(self, name, number):
        self.turns.reserve(self.claim(name, number))

    def settle(self, name, number):
        claim = self.claim(name, number)
        self.turns.settle(claim, answered(claim, charge=Charge(1, 7 * int(name), 1)))

    def release(self, name, number):
        self.turns.release(self.claim(name, number))

    def expire(self, *_):
        return self.turns.expire(FAR, 3)

    def recall(self, *_):
        return self.turns.recall(cue(conversation="conv_1", now=NOW))

    def remove(self, _, number):
        self.conversations.remove_item(OWNER, "conv_1", number, 0)

    def read(self, *_):
        return list(self.conversations.turns("conv_1", TurnPage()))

    def outcome(self, call, *arguments):
        try:
            return getattr(self, call)(*arguments)
        except TidegateError as fault:
            return type(fault), fault.message


@pytest.mark.parametrize("seed", SEEDS)
def test_random_lives_of_turns_have_the_same_outcomes(both, seed):
    moto, model = both
    random = Random(seed)
    told, shown = Ledger(moto), Ledger(model)
    calls = ["reserve"] * 4 + ["settle"] * 2 + ["release", "expire", "recall", "remove", "read"]

    for _ in range(20):
        call = random.choice(calls), str(random.randint(1, 6)), random.randint(0, 3)
        assert shown.outcome(*call) == told.outcome(*call), call

    for mine, its in tables_of(moto, model):
        assert its == mine
