"""What the stacks of a stage are given: the same by whichever way its functions are deployed."""

from collections.abc import Mapping

import msgspec

from infra.grants import TURNING
from infra.stages import Stage


class Regions(msgspec.Struct, frozen=True, kw_only=True):
    """Where else a stage is: `home` has the tables that are shared, unless it is this one, and then it is empty."""

    here: str
    home: str = ""
    other: str = ""
    witness: str = ""
    other_key: str = ""


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What is only known of a stage once its functions are there; roles by Chalice's names of the functions."""

    rest_api: str
    websocket_api: str
    roles: Mapping[str, str]


def data_parameters(stage: Stage, *, gateway_logs: bool, regions: Regions | None = None) -> dict[str, str]:
    """Of `infra/data.yaml`; `gateway_logs` where this stage is the one that lets API Gateway write logs."""
    search = stage.search
    return {
        "Stage": stage.name,
        "PointInTimeRecovery": _switch(stage.history),
        "TurnsVisibilitySeconds": str(6 * stage.functions["work"].timeout_s),
        "OwnKey": _switch(stage.own_key),
        "LogDays": str(stage.log_days),
        "GatewayLogs": _switch(gateway_logs),
        **_warm(stage),
        "Search": search.kind,
        **({"SearchUnits": str(search.most_units)} if search.kind == "serverless" else {}),
        **(_domain(stage) if search.kind == "managed" else {}),
        **(_regions(regions) if regions else {}),
    }


def watch_parameters(
    stage: Stage, deployed: Deployed, *, mail: str = "", budget_usd: int | None = None, regions: Regions | None = None
) -> dict[str, str]:
    """Of `infra.watch.template`; a budget of 0 is none."""
    turning = ",".join(deployed.roles[name] for name in TURNING) if stage.search.kind == "serverless" else ""
    several = regions is not None and bool(regions.home or regions.other)
    given = {
        "Mail": mail,
        "BudgetUsd": str(stage.budget_usd if budget_usd is None else budget_usd),
        "TableSuffix": f"-{regions.here}" if regions and several else "",
        "ReplicaRegion": regions.other if regions and stage.regions else "",
        "RestApiId": deployed.rest_api if stage.firewall else "",
        "WebSocketApiId": deployed.websocket_api if stage.thorough else "",
        "TurningRoles": turning,
        "RefitRole": deployed.roles["refit"] if turning else "",
    }
    return {name: value for name, value in given.items() if value}


def _warm(stage: Stage) -> dict[str, str]:
    return {
        f"{table.capitalize()}{what}": str(units)
        for table, warm in stage.warm.items()
        for what, units in (("Writes", warm.writes), ("Reads", warm.reads))
    }


def _domain(stage: Stage) -> dict[str, str]:
    search = stage.search
    return {
        "SearchInstance": search.instance,
        "SearchNodes": str(search.nodes),
        "SearchZones": str(search.zones),
        "SearchVolume": str(search.volume_gb),
    }


def _regions(regions: Regions) -> dict[str, str]:
    return {
        "HomeRegion": regions.home,
        "ReplicaRegion": regions.other,
        "WitnessRegion": regions.witness,
        "ReplicaKeyArn": regions.other_key,
    }


def _switch(on: bool) -> str:  # noqa: FBT001 - a value on its way into a template
    return str(on).lower()
