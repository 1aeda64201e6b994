"""`make destroy`: what a deployment made, taken away in the order in which nothing calls what is gone."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

from infra.deploy.account import Account, found
from infra.deploy.blueprint import Blueprint
from infra.deploy.chalice import Chalice
from infra.deploy.cloudformation import described, remove_stack
from infra.deploy.faults import CannotDeploy
from infra.deploy.inventory import Finder, Inventory
from infra.deploy.roles import forget_connections
from infra.deploy.secrets import PEPPERS
from infra.deploy.shared import used_elsewhere
from infra.deploy.steps import Change, Say, Step
from infra.deploy.wanted import data_name, data_stack, watch_name
from infra.deploy.wish import Wish

RECOVERY_DAYS: Final = 7


class NoStack:
    """A step: a stack is deleted; what it retains stays."""

    def __init__(self, account: Account, name: str) -> None:
        self.title = f"stack {name}"
        self._account = account
        self._name = name

    def changes(self) -> Sequence[Change]:
        return [Change(self.title, "there", "DELETED")] if described(self._account, self._name) else []

    def apply(self, say: Say) -> None:
        say(f"CloudFormation deletes {self._name}")
        remove_stack(self._account, self._name)


class NoFunctions:
    """A step: what Chalice made is deleted by Chalice, from what is found, but for roles that other Regions need."""

    title = "functions and APIs"

    def __init__(self, account: Account, finder: Finder, chalice: Chalice) -> None:
        self._account = account
        self._finder = finder
        self._chalice = chalice

    def changes(self) -> Sequence[Change]:
        going = self._going()
        there = [f"{each['resource_type']} {each['name']}" for each in going.resources]
        if not there and self._finder.outdated(going):  # what ended a deletion was cut before it could say so
            return [Change("chalice's record", "of what is gone", "DELETED")]
        return [Change(each, "there", "DELETED") for each in there]

    def apply(self, say: Say) -> None:
        going, kept = self._going(), self._kept
        for region in sorted(set(kept.values())):
            say(f"roles stay for {region}: {', '.join(name for name in kept if kept[name] == region)}")
        for name in kept:
            forget_connections(self._account, name)
        self._finder.write(going)
        if going.resources:
            say("chalice deletes")
            self._chalice.delete()
            self._finder.write(self._going())

    def _going(self) -> Inventory:
        return self._finder.find().without_roles(self._kept)

    @cached_property
    def _kept(self) -> dict[str, str]:
        """The Region of each role that stays: to ask every Region takes seconds, once."""
        roles = self._finder.find().roles.values()
        return used_elsewhere(self._account, {arn.rpartition("/")[2]: arn for arn in roles})


class NoTables:
    """A step: the tables that outlive their stack."""

    title = "tables"

    def __init__(self, account: Account, names: Iterable[str]) -> None:
        self._account = account
        self._ours = frozenset(names)

    def changes(self) -> Sequence[Change]:
        return [Change(f"table {name}", "there", "DELETED, with what is in it") for name in self._names()]

    def apply(self, say: Say) -> None:
        client = self._client
        for name in self._names():
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.delete_table(TableName=name)
            say(f"deleted {name}")
        self._account.until(lambda: not self._names(), "deleting the tables")

    @property
    def _client(self) -> Any:
        return self._account.client("dynamodb")

    def _names(self) -> list[str]:
        pages = self._client.get_paginator("list_tables").paginate()
        return [name for page in pages for name in page["TableNames"] if name in self._ours]


class NoPepper:
    """A step: the secret, which can be had back for a week."""

    title = "the pepper of the keys"

    def __init__(self, account: Account, name: str) -> None:
        self._account = account
        self._name = name

    def changes(self) -> Sequence[Change]:
        client = self._account.client("secretsmanager")
        seen = found(lambda: client.describe_secret(SecretId=self._name)) if self._name else None
        if seen is None or "DeletedDate" in seen:
            return []
        return [Change(f"secret {self._name}", "there", f"DELETED in {RECOVERY_DAYS} days; restore-secret stops it")]

    def apply(self, say: Say) -> None:
        client = self._account.client("secretsmanager")
        client.delete_secret(SecretId=self._name, RecoveryWindowInDays=RECOVERY_DAYS)
        say(f"{self._name} goes in {RECOVERY_DAYS} days")


def steps_of(blueprint: Blueprint, wish: Wish) -> Sequence[Step]:
    """What is taken away, last made first; data only if that is said."""
    kept: list[Step] = [
        NoStack(blueprint.account, watch_name(blueprint.stage)),
        NoFunctions(blueprint.account, blueprint.finder, blueprint.chalice),
        NoStack(blueprint.account, data_name(blueprint.stage)),
    ]
    if not wish.data:
        return kept
    lasting = data_stack(blueprint.account, blueprint.stage, wish).template["Resources"].values()
    properties = [each.get("Properties", {}) for each in lasting]
    tables = [each["TableName"] for each in properties if "TableName" in each]
    secret = blueprint.project.environment.get(PEPPERS, "")
    return [*kept, NoTables(blueprint.account, tables), NoPepper(blueprint.account, secret)]


def refuse_unconfirmed(wish: Wish, answer: str) -> None:
    """The stage's name, typed or in CONFIRM, is the only word for yes."""
    if answer.strip() != wish.stage:
        raise CannotDeploy(f"nothing was touched: type {wish.stage}, or say CONFIRM={wish.stage}")
