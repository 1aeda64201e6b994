"""Three ledgers with the classic faults, made from the real one: the simulator must catch each of them."""

import msgspec

from chalicelib.adapters.dynamodb.client import Cancelled, Unmet
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.ledger import adding
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.budget import Charge
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
    """A database that gets each write as `alter` makes it from the actions of the real one."""

    def __init__(self, database, alter):
        self._database = database
        self._alter = alter
        self.tables = database.tables
        self.pause = database.pause

    def call(self, operation, request):
        if operation == "update_item":
            return self._one(request)
        if operation == "transact_write_items":
            request = {**request, "TransactItems": self._altered(request["TransactItems"])}
        return self._database.call(operation, request)

    def _one(self, request):
        actions = self._altered([{"Update": request}])
        if len(actions) == 1:
            return self._database.call("update_item", actions[0]["Update"])
        try:
            return self._database.call("transact_write_items", {"TransactItems": actions})
        except Cancelled as cancelled:
            if cancelled.reasons[0]["Code"] != "ConditionalCheckFailed":
                raise
            raise Unmet(cancelled.reasons[0].get("Item")) from cancelled

    def _altered(self, actions):
        return [made for action in actions for made in self._alter(action)]


def bare_settle(database, _audit):
    """A settlement that does not ask what the record says."""

    def alter(action):
        if not _sets_state(action, "settled"):
            return [action]
        update = dict(action["Update"])
        del update["ConditionExpression"], update["ReturnValuesOnConditionCheckFailure"]
        asked = compiled({**update, "ExpressionAttributeNames": {"#state": "state"}}).values
        values = update["ExpressionAttributeValues"]
        return [{"Update": update | {"ExpressionAttributeValues": {name: values[name] for name in asked}}}]

    return DynamoTurns(Altered(database, alter))


def refund_on_expiry(database, audit):
    """A sweep that gives the charge of an expired lease back."""

    def alter(action):
        if not _sets_state(action, "expired"):
            return [action]
        update = action["Update"]
        claim = audit.entries[update["Key"]["pk"]["S"].removeprefix("turn#")].claim
        refund = Charge() - claim.charge
        return [action, *(adding(update["TableName"], each, refund, claim.made_at) for each in claim.subjects)]

    return DynamoTurns(Altered(database, alter))


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
}
MUTANTS = tuple(LEDGERS)[1:]
