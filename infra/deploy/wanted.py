"""The two stacks of a stage as they should be.

What an operator once said, where the Regions are and who is written to, the stacks themselves know: it stays until
another word is said.
"""

from collections.abc import Mapping
from typing import Any, Final

from infra.deploy.account import Account
from infra.deploy.cloudformation import SHELL, described, status_of
from infra.deploy.inventory import Inventory
from infra.deploy.kept_key import kept_key
from infra.deploy.naming import named_in_full
from infra.deploy.stacks import Wanted
from infra.deploy.wish import Wish
from infra.parameters import Deployed, Regions, data_parameters, watch_parameters
from infra.stages import APP, Stage
from infra.templates import DATA, read
from infra.watch.template import watch

SAID: Final = ("BudgetOfTag", "ConcurrencyQuota")
"""What the runbooks have an operator say to the watch stack itself."""


def data_name(stage: Stage) -> str:
    return f"{APP}-{stage.name}-data"


def watch_name(stage: Stage) -> str:
    return f"{APP}-{stage.name}-watch"


def data_stack(account: Account, stage: Stage, wish: Wish) -> Wanted:
    """What lasts: tables, queues, logs, search."""
    given = _given(account, data_name(stage))
    logs = given.get("GatewayLogs") == "true" or not _has_gateway_logs(account)
    parameters = data_parameters(stage, gateway_logs=logs, regions=_regions(account, given, wish))
    template = named_in_full(read(DATA), {**parameters, "AWS::Region": account.region})
    key = given.get("KeyArn", "") or (_kept_key(account, stage, template) if stage.own_key else "")
    return Wanted(
        name=data_name(stage),
        stage=stage.name,
        template=template,
        parameters={**parameters, "KeyArn": key} if key else parameters,
    )


def watch_stack(account: Account, stage: Stage, wish: Wish, inventory: Inventory) -> Wanted | None:
    """Alarms, dashboard, budget and firewall; None while what they watch is not all there."""
    if not stage.functions.keys() <= inventory.roles.keys() or not (inventory.rest_api and inventory.websocket_api):
        return None
    given = _given(account, watch_name(stage))
    budget = wish.budget_usd or given.get("BudgetUsd", "")
    parameters = watch_parameters(
        stage,
        Deployed(rest_api=inventory.rest_api, websocket_api=inventory.websocket_api, roles=inventory.roles),
        mail=wish.mail or given.get("Mail", ""),
        budget_usd=int(float(budget)) if budget else None,
        regions=_regions(account, _given(account, data_name(stage)), wish),
    )
    template = watch(stage)
    said = {name: given[name] for name in SAID if name in given and name in template["Parameters"]}
    return Wanted(name=watch_name(stage), stage=stage.name, template=template, parameters=said | parameters)


def _given(account: Account, stack: str) -> Mapping[str, str]:
    found = (described(account, stack) or {}).get("Parameters", [])
    return {each["ParameterKey"]: each["ParameterValue"] for each in found}


def _kept_key(account: Account, stage: Stage, template: Mapping[str, Any]) -> str:
    """The key of what an earlier stack left; a stack that stands has its own."""
    if status_of(account, data_name(stage)) not in {"", SHELL}:
        return ""
    return kept_key(account, template["Resources"]["JobsTable"]["Properties"]["TableName"])


def _has_gateway_logs(account: Account) -> bool:
    """Whether API Gateway may write logs already: it is one setting of an account and Region."""
    return bool(account.client("apigateway").get_account().get("cloudwatchRoleArn"))


def _regions(account: Account, given: Mapping[str, str], wish: Wish) -> Regions | None:
    known = known_regions(account.region, given, wish)
    return known if known.home or known.other else None


def known_regions(here: str, given: Mapping[str, str], wish: Wish) -> Regions:
    """Where the stage is, by what is said now, and else by what its stack was given."""
    return Regions(
        here=here,
        home=wish.home_region or given.get("HomeRegion", ""),
        other=wish.replica_region or given.get("ReplicaRegion", ""),
        witness=wish.witness_region or given.get("WitnessRegion", ""),
        other_key=wish.replica_key or given.get("ReplicaKeyArn", ""),
    )
