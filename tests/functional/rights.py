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
        missing.extend(_lacking([] if service == "dynamodb" else [(operation, service)]))
        return make(client, operation, request)

    patch.setattr(Database, "call", called)
    patch.setattr(BaseClient, "_make_api_call", made)
    return missing


def needed(operation, request):
    """The permissions that a call of DynamoDB takes, each with its resource."""
    if operation == "transact_write_items":
        for action in request["TransactItems"]:
            ((kind, write),) = action.items()
            yield ACTIONS[kind], write["TableName"]
    elif operation.startswith("batch"):
        yield from ((operation.title().replace("_", ""), table) for table in request["RequestItems"])
    else:
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        yield operation.title().replace("_", ""), request["TableName"] + index


@cache
def granted(function):
    """Actions with the tables and queues they are granted on; of another service with the service."""
    pairs = [
        (action, arn)
        for each in policy(STAGES["solo"], function)["Statement"]
        for action in each["Action"]
        for arn in each["Resource"]
    ]
    named = {(action.partition(":")[2], re.split("table/|sqs:[^:]*:[^:]*:", arn)[-1]) for action, arn in pairs}
    return named | {tuple(reversed(action.split(":"))) for action, _ in pairs}


def _lacking(pairs):
    if not _acting:
        return []
    asked = [(action, re.sub("^tidegate-[a-z]+-", "tidegate-solo-", place)) for action, place in pairs]
    return [(_acting[-1], *pair) for pair in asked if pair not in granted(_acting[-1])]
