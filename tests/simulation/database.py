"""A model of DynamoDB: the calls that the adapters make, each of them at one moment.

Conditional writes, transactions with ordered reasons, request tokens that are remembered for ten minutes, and indexes
that follow later. The errors are those that `Database.call` makes of DynamoDB's.
"""

from chalicelib.adapters.dynamodb.client import Cancelled, Unmet
from chalicelib.adapters.dynamodb.table import tables
from tests.simulation.actions import FIELDS, NOTHING, compiled, updated
from tests.simulation.expressions import Parser, Refused
from tests.simulation.tables import SHAPES, STAGE, Table, ordered

TOKEN_SECONDS = 600
MOST_ACTIONS = 100
QUERY_FIELDS = {
    "TableName",
    "IndexName",
    "KeyConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ProjectionExpression",
    "ConsistentRead",
    "ScanIndexForward",
    "Limit",
    "ExclusiveStartKey",
}
NAMES = tables(STAGE)

_queries = {}


class Model:
    """Stands where `Database` stands. `watch` hears of the changes of each write: (table, place, old, new)."""

    def __init__(self, now=lambda: 0.0, *, watch=lambda _: None, lag=lambda _: 0):
        """`lag` says how many of so many writes have not arrived at an index when it is read."""
        self.tables = NAMES
        self.stored = {shape.name: Table(shape, indexes) for shape, indexes in SHAPES}
        self.now = now
        self.watch = watch
        self.lag = lag
        self.tokens = {}
        self.replayed = 0
        self._calls = {
            "get_item": self._get,
            "batch_get_item": self._get_many,
            "query": self._query,
            "put_item": lambda request: self._write("Put", request),
            "update_item": lambda request: self._write("Update", request),
            "delete_item": lambda request: self._write("Delete", request),
            "batch_write_item": self._write_many,
            "transact_write_items": self._transact,
        }

    def pause(self, attempt):
        """No time passes in a model."""

    def call(self, operation, request):
        """One request, as `Database.call` has it."""
        if operation not in self._calls:
            raise Refused(f"not known: {operation}")
        return self._calls[operation](request)

    def refusals(self, actions):
        """DynamoDB's reason for each action of a transaction as it would be refused now; None is no reason."""
        return [reason for reason, _ in map(self._tried, actions)]

    def _write(self, kind, request):
        reason, change = self._tried({kind: request})
        if reason is not None:
            raise Unmet(reason.get("Item"))
        self._commit([change])
        return {}

    def _transact(self, request):
        token, actions = request.get("ClientRequestToken"), request["TransactItems"]
        if not request.keys() <= {"TransactItems", "ClientRequestToken"} or len(actions) > MOST_ACTIONS:
            raise Refused(f"no such transaction: {request}")
        if self._is_replayed(token, actions):
            return {}
        tried = [self._tried(action) for action in actions]
        if any(reason for reason, _ in tried):
            raise Cancelled([reason or {"Code": "None"} for reason, _ in tried])
        changes = [change for _, change in tried]
        if len({(id(table), place) for table, place, _, _ in changes}) < len(changes):
            raise Refused("a transaction has one action for an item")
        self._commit(changes)
        if token is not None:
            self.tokens[token] = (self.now(), actions)
        return {}

    def _is_replayed(self, token, actions):
        at, known = self.tokens.get(token, (None, None))
        if at is None or self.now() - at > TOKEN_SECONDS:
            return False
        if known != actions:
            raise Refused("IdempotentParameterMismatchException")
        self.replayed += 1
        return True

    def _tried(self, action):
        """Why the action is refused, or None, and the change that it makes."""
        ((kind, request),) = action.items()
        if kind not in FIELDS or not request.keys() <= FIELDS[kind]:
            raise Refused(f"not known: {kind} with {sorted(request)}")
        table = self.stored[request["TableName"]]
        key = request["Item" if kind == "Put" else "Key"]
        place = table.place(key)
        old = table.get(place)
        expressions, values = compiled(request), request.get("ExpressionAttributeValues") or NOTHING
        if values.keys() != expressions.values:
            raise Refused(f"values used: {expressions.values}, given: {set(values)}")
        if expressions.condition is not None and not expressions.condition(NOTHING if old is None else old, values):
            reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
            if old is not None and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                reason["Item"] = dict(old)
            return reason, None
        return None, (table, place, old, _made(kind, request, old, expressions, values))

    def _commit(self, changes):
        for table, place, old, new in changes:
            if new is not old:
                table.set(place, old, new)
        self.watch(changes)

    def _get(self, request):
        if not request.keys() <= {"TableName", "Key", "ConsistentRead"} or not request.get("ConsistentRead"):
            raise Refused(f"not known: {sorted(request)}, or not read consistently")
        table = self.stored[request["TableName"]]
        found = table.get(table.place(request["Key"]))
        return {} if found is None else {"Item": dict(found)}

    def _get_many(self, request):
        found = {}
        for name, wanted in request["RequestItems"].items():
            if not wanted.keys() <= {"Keys", "ConsistentRead"} or not wanted.get("ConsistentRead"):
                raise Refused(f"not known: {sorted(wanted)}, or not read consistently")
            table = self.stored[name]
            items = [table.get(table.place(key)) for key in wanted["Keys"]]
            found[name] = [dict(item) for item in items if item is not None]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _write_many(self, request):
        for name, writes in request["RequestItems"].items():
            for write in writes:
                ((kind, content),) = write.items()
                self._write(kind.removesuffix("Request"), {"TableName": name, **content})
        return {"UnprocessedItems": {}}

    def _query(self, request):
        if not request.keys() <= QUERY_FIELDS:
            raise Refused(f"not known: {sorted(request)}")
        source = self._source(request)
        names = request.get("ExpressionAttributeNames") or NOTHING
        value, test = _key_condition(source, request["KeyConditionExpression"], names)
        values = request["ExpressionAttributeValues"]
        if not (here := source.partitions.get(values[value]["S"])):
            return {"Items": []}
        items = [item for item in here.values() if test is None or test(item, values)]
        return _page(source, request, items)

    def _source(self, request):
        """The table or index that is queried, as far as it shows what was written."""
        table = self.stored[request["TableName"]]
        if ("IndexName" in request) == bool(request.get("ConsistentRead")):
            raise Refused("a table is read consistently here, and an index never")
        if "IndexName" not in request:
            return table
        index = table.indexes[request["IndexName"]]
        if index.coming:
            index.catch_up(len(index.coming) - self.lag(len(index.coming)))
        return index


def _made(kind, request, old, expressions, values):
    """The item as the action leaves it."""
    if kind == "Put":
        return dict(request["Item"])
    if kind == "Update":
        if not expressions.paths.isdisjoint(request["Key"]):
            raise Refused("a key cannot be updated")
        return updated(expressions, dict(request["Key"]) if old is None else old, values)
    return None if kind == "Delete" else old


def _key_condition(source, text, names):
    key = (text, tuple(names.items()), source.shape.name)
    if key not in _queries:
        partition, value, test = Parser(text, names).key_condition()
        if partition != source.shape.partition:
            raise Refused(f"{partition} is not the partition's key")
        _queries[key] = value, test
    return _queries[key]


def _page(source, request, items):
    """The part of `items` that one reply has."""
    forward = request.get("ScanIndexForward", True)
    items = ordered(source.shape, items, forward=forward)
    if (start := request.get("ExclusiveStartKey")) is not None:
        keys = [_key(source, item) for item in items]
        items = items[keys.index(start) + 1 :] if start in keys else _behind(source, start, items, forward=forward)
    limit = request.get("Limit", len(items) + 1)
    page, projection = items[:limit], request.get("ProjectionExpression")
    reply = {"Items": [_projected(item, projection) for item in page]}
    if len(page) == limit:
        reply["LastEvaluatedKey"] = _key(source, page[-1])
    return reply


def _behind(source, start, items, *, forward):
    """What comes after an item that is gone."""
    ranked = ordered(source.shape, [*items, start], forward=forward)
    return ranked[ranked.index(start) + 1 :]


def _key(source, item):
    own = ("pk", "sk") if "sk" in item else ("pk",)
    return {name: item[name] for name in dict.fromkeys((*own, *source.key))}


def _projected(item, projection):
    if projection is None:
        return dict(item)
    return {name: item[name] for name in Parser(projection, NOTHING).paths() if name in item}
