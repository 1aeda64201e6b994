"""What a function asks of AWS in these tests, held against the policy that it is deployed with."""

import re
from contextlib import contextmanager
from functools import cache

from botocore.client import BaseClient

from chalicelib.adapters.dynamodb.client import Database
from infra.grants import policy
from infra.stages import STAGES

ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_acting = []


@contextmanager
def acting(function):
    """Whatever is done within is done by `function`."""
    _acting.append(function)
    try:
        yield
    finally:
        _acting.pop()


def watch(patch):
    """What the acting functions have no right to, as they ask for it from now on."""
    missing = []
    call, make = Database.call, BaseClient._make_api_call

    def called(database, operation, request):
        missing.extend(_lacking(needed(operation, request)))
        return call(database, operation, request)

    def made(client, operation, request):
        service = client.meta.service_model.service_name
        missing.extend(_lacking([] if service == "dynamodb" else [(operation, service, None)]))
        return make(client, operation, request)

    patch.setattr(Database, "call", called)
    patch.setattr(BaseClient, "_make_api_call", made)
    return missing


def needed(operation, request):
    """The permissions that a call of DynamoDB takes, each with its resource and partition."""
    if operation == "transact_write_items":
        for action in request["TransactItems"]:
            ((kind, write),) = action.items()
            yield ACTIONS[kind], write["TableName"], leading(write)
    elif operation.startswith("batch"):
        yield from ((operation.title().replace("_", ""), table, None) for table in request["RequestItems"])
    else:
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        yield operation.title().replace("_", ""), request["TableName"] + index, leading(request)


def leading(request):
    """The partition that one item is in, which a right may be bound to."""
    return (request.get("Key") or request.get("Item") or {}).get("pk", {}).get("S")


@cache
def granted(function):
    """Actions with the tables and queues they are granted on; of another service with the service."""
    pairs = [
        (action, arn, key)
        for each in policy(STAGES["solo"], function)["Statement"]
        for action in each["Action"]
        for arn in each["Resource"]
        for key in bound_to(each)
    ]
    named = {
        (action.partition(":")[2], re.split("table/|sqs:[^:]*:[^:]*:", arn)[-1], key) for action, arn, key in pairs
    }
    return named | {(*reversed(action.split(":")), None) for action, _, _ in pairs}


def bound_to(statement):
    """The partitions that a statement speaks of; None is all of them."""
    return statement.get("Condition", {}).get("ForAllValues:StringEquals", {}).get("dynamodb:LeadingKeys", [None])


def _lacking(pairs):
    if not _acting:
        return []
    asked = [(action, re.sub("^tidegate-[a-z]+-", "tidegate-solo-", place), key) for action, place, key in pairs]
    known = granted(_acting[-1])
    return [(_acting[-1], *each) for each in asked if each not in known and (*each[:2], None) not in known]
