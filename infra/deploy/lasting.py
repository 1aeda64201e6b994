"""What lasts, as its stack has it, against what there is: names that are taken, and what was removed by hand.

CloudFormation looks at neither: it fails halfway at the first, and takes the second for being there.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from infra.deploy.account import Account
from infra.deploy.cloudformation import MADE, SHELL, status_of
from infra.deploy.naming import conditioned
from infra.deploy.stacks import Wanted
from infra.deploy.wanted import watch_name
from infra.stages import APP, Stage

_STANDS: Final = MADE | {"UPDATE_ROLLBACK_COMPLETE"}
_NAMED: Final = {
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SQS::Queue": "QueueName",
}
_TABLES: Final = frozenset(kind for kind, name in _NAMED.items() if name == "TableName")
_LOGS, _QUEUES = "AWS::Logs::LogGroup", "AWS::SQS::Queue"


class There:
    """The tables, queues and logs that are called as a stage's would be; each kind is asked for once."""

    def __init__(self, account: Account, stage: str) -> None:
        self._account = account
        self._stage = stage

    def has(self, kind: str, name: str) -> bool:
        return name in {_LOGS: self._logs, _QUEUES: self.queues}.get(kind, self._tables)

    def keys(self, table: str) -> dict[str, str]:
        """What a table is keyed by, and how."""
        seen = self._account.client("dynamodb").describe_table(TableName=table)["Table"]
        return _keys(seen)

    @cached_property
    def queues(self) -> Mapping[str, str]:
        """The address of each by its name."""
        found = self._each("sqs", "list_queues", "QueueUrls", QueueNamePrefix=f"{APP}-{self._stage}-")
        return {url.rpartition("/")[2]: url for url in found}

    @cached_property
    def _tables(self) -> frozenset[str]:
        return frozenset(self._each("dynamodb", "list_tables", "TableNames"))

    @cached_property
    def _logs(self) -> frozenset[str]:
        prefixes = (f"/aws/lambda/{APP}-{self._stage}", f"/{APP}/{self._stage}/")
        pages = (self._each("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=each) for each in prefixes)
        return frozenset(group["logGroupName"] for page in pages for group in page)

    def _each(self, service: str, operation: str, key: str, **asked: Any) -> Iterator[Any]:
        for page in self._account.client(service).get_paginator(operation).paginate(**asked):
            yield from page.get(key, [])


def lasting_faults(account: Account, stage: Stage, wanted: Wanted) -> Iterator[str]:
    """Why what lasts cannot be made, or is not whole."""
    status, there = status_of(account, wanted.name), There(account, stage.name)
    if status in {"", SHELL}:
        yield from _taken(account, there, wanted)
    elif status in _STANDS:
        yield from _gone(account, there, stage, wanted.name)


def _taken(account: Account, there: There, wanted: Wanted) -> Iterator[str]:
    """A table that outlives its stack is taken in again; all else must not be there yet."""
    for each in conditioned(wanted.template, wanted.parameters).values():
        kind = each["Type"]
        name = str(each["Properties"].get(_NAMED.get(kind, ""), ""))
        if not name or not there.has(kind, name):
            continue
        if kind in _TABLES and each["DeletionPolicy"] == "Retain":
            if there.keys(name) != _keys(each["Properties"]):
                yield (
                    f"the table {name} is there, and is not Tidegate's: its keys are others; use another Region, or "
                    f"save what is in it, and remove it with {account.command(_removal(there, kind, name))}"
                )
            continue
        yield (
            f"{_called(kind)} {name} is there, and of no stack: look whether it is needed, remove it with "
            f"{account.command(_removal(there, kind, name))}, then run this again"
        )


def _removal(there: There, kind: str, name: str) -> str:
    if kind == _LOGS:
        return f"logs delete-log-group --log-group-name {name}"
    if kind == _QUEUES:
        return f"sqs delete-queue --queue-url {there.queues[name]}"
    return f"dynamodb delete-table --table-name {name}"


def _gone(account: Account, there: There, stage: Stage, stack: str) -> Iterator[str]:
    """What the stack has and is not there."""
    pages = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    for each in (resource for page in pages for resource in page["StackResourceSummaries"]):
        kind, name = each["ResourceType"], each.get("PhysicalResourceId", "")
        name = name.rpartition("/")[2] if kind == _QUEUES else name  # CloudFormation knows it by its address
        if kind in _NAMED and name and not there.has(kind, name):
            remedy = _remedy(account, stage, kind, name)
            yield f"{_called(kind)} {name} of the stack {stack} was removed by hand: {remedy}"


def _remedy(account: Account, stage: Stage, kind: str, name: str) -> str:
    watch = account.command(f"cloudformation delete-stack --stack-name {watch_name(stage)}")
    if kind == _LOGS:
        made = account.command(f"logs create-log-group --log-group-name {name}")
        kept = account.command(
            f"logs put-retention-policy --log-group-name {name} --retention-in-days {stage.log_days}"
        )
        return f"make it again with {made} and {kept}, take its filters away with {watch}, then run this again"
    anew = (
        f"have it made anew, empty, with {watch} and "
        f"{account.command(f'cloudformation delete-stack --stack-name {APP}-{stage.name}-data')}, then run this again: "
        "keys, conversations and charges in other tables stay, caches, logs and what waits in line do not"
    )
    if kind in _TABLES:
        backups = account.command(f"dynamodb list-backups --backup-type ALL --table-name {name}")
        return f"bring it back from a backup of {backups} with `restore-table-from-backup`, or {anew}"
    return anew


def _called(kind: str) -> str:
    return {_LOGS: "the log group", _QUEUES: "the queue"}.get(kind, "the table")


def _keys(table: Mapping[str, Any]) -> dict[str, str]:
    return {each["AttributeName"]: each["KeyType"] for each in table["KeySchema"]}
