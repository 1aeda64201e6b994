"""Ledgers with the classic faults, made from the real one: the simulator must catch each of them."""

import msgspec

from chalicelib.adapters.dynamodb.client import Cancelled, Unmet
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.ledger import demands
from tests.simulation.actions import compiled


class CheckThenAdd(DynamoTurns):
    """Reads the counters, decides, then adds without a condition."""

    def reserve(self, reservation):
        found = DynamoKeys(self._database).balances(reservation.subjects, reservation.made_at)
        for demand in demands(reservation):
            used = found[demand.limit.subject, demand.limit.window].of(demand.meter)
            if used > demand.room:
                raise demand.refusal(used, reservation.made_at)
        super().reserve(msgspec.structs.replace(reservation, limits=()))


class Altered:
    """A database that gets the actions of each write as `alter` makes them from those of the real code."""

    def __init__(self, database, alter):
        self._database = database
        self._alter = alter
        self.tables = database.tables
        self.pause = database.pause

    def call(self, operation, request):
        if operation == "update_item":
            return self._one(request)
        if operation == "transact_write_items":
            request = {**request, "TransactItems": self._alter(request["TransactItems"])}
        return self._database.call(operation, request)

    def _one(self, request):
        actions = self._alter([{"Update": request}])
        if len(actions) == 1:
            return self._database.call("update_item", actions[0]["Update"])
        try:
            return self._database.call("transact_write_items", {"TransactItems": actions})
        except Cancelled as cancelled:
            if cancelled.reasons[0]["Code"] != "ConditionalCheckFailed":
                raise
            raise Unmet(cancelled.reasons[0].get("Item")) from cancelled


def bare_settle(database, _audit):
    """A settlement that does not ask what the record says."""

    def alter(actions):
        return [_unconditional(action) if _sets_state(action, "settled") else action for action in actions]

    return DynamoTurns(Altered(database, alter))


def refund_on_expiry(database, audit):
    """A sweep that gives the charge of an expired lease back."""

    def alter(actions):
        record = actions[0].get("Update", {})
        if not _sets_state(actions[0], "expired"):
            return actions
        entry = audit.entries[record["Key"]["pk"]["S"].removeprefix("turn#")]
        refund = [(name, -entry.charge[meter]) for name, meter in entry.names]
        pks = [f"{each.kind}#{each.tag}" for each in entry.claim.subjects]
        others = {action["Update"]["Key"]["pk"]["S"]: action for action in actions[1:]}
        refunds = [_adding(record["TableName"], pk, refund, others.pop(pk, None)) for pk in pks]
        return [actions[0], *refunds, *others.values()]

    return DynamoTurns(Altered(database, alter))


def two_leaders(database, _audit):
    """A reservation that leads whoever else does."""

    def alter(actions):
        return [_taking(action) if "leader" in action.get("Put", {}).get("Item", {}) else action for action in actions]

    return DynamoTurns(Altered(database, alter))


def _taking(action):
    return {"Put": {name: action["Put"][name] for name in ("TableName", "Item")}}


def _unconditional(action):
    """The update without its condition, and without the values that only the condition used."""
    update = dict(action["Update"])
    del update["ConditionExpression"], update["ReturnValuesOnConditionCheckFailure"]
    values = update["ExpressionAttributeValues"]
    return {"Update": update | {"ExpressionAttributeValues": {name: values[name] for name in compiled(update).values}}}


def _adding(table, pk, amounts, action):
    """The update that adds the amounts to a subject's counters, and whatever `action` adds to them."""
    values = {f":refund{place}": {"N": str(amount)} for place, (_, amount) in enumerate(amounts)}
    added = ", ".join(f"{name} {value}" for (name, _), value in zip(amounts, values, strict=True))
    if action is None:
        key = {"pk": {"S": pk}, "sk": {"S": "windows"}}
        update = {"TableName": table, "Key": key, "UpdateExpression": f"ADD {added}"}
        return {"Update": update | {"ExpressionAttributeValues": values}}
    update = action["Update"]
    values |= update["ExpressionAttributeValues"]
    expression = f"{update['UpdateExpression']}, {added}"
    return {"Update": update | {"UpdateExpression": expression, "ExpressionAttributeValues": values}}


def _sets_state(action, state):
    """Whether the action moves a record to `state`."""
    update = action.get("Update", {})
    if update.get("Key", {}).get("sk") != {"S": "lease"}:
        return False
    values = update["ExpressionAttributeValues"]
    target = next(value for name, value in values.items() if f"= {name} " in f"{update['UpdateExpression']} ")
    return target == {"S": state}


def _ledger(database, _audit):
    return DynamoTurns(database)


LEDGERS = {
    "ledger": _ledger,
    "check-then-add": lambda database, _: CheckThenAdd(database),
    "bare settle": bare_settle,
    "refund on expiry": refund_on_expiry,
    "two leaders": two_leaders,
}
MUTANTS = tuple(LEDGERS)[1:]
