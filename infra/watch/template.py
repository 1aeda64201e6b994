"""The template of a stage's watch stack."""

from typing import Any

from infra.stages import Stage
from infra.watch import alarms, dashboard, guards, signals


def watch(stage: Stage) -> dict[str, Any]:
    """What `stage` has; what is only known once it is deployed are parameters."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Watches and guards the {stage.name} stage of Tidegate.",
        "Parameters": _parameters(stage),
        "Conditions": {
            "Mailed": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Mail"}, ""]}]},
            "Budgeted": {"Fn::Not": [{"Fn::Equals": [{"Ref": "BudgetUsd"}, 0]}]},
            "Tagged": {"Fn::Equals": [{"Ref": "BudgetOfTag"}, "true"]},
            **(
                {alarms.REPLICATED: {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReplicaRegion"}, ""]}]}}
                if stage.regions
                else {}
            ),
        },
        "Resources": {
            **signals.resources(stage),
            **alarms.resources(stage),
            **dashboard.resources(stage),
            **guards.resources(stage),
        },
        "Outputs": {"Calls": {"Value": {"Ref": "Calls"}}},
    }


def _parameters(stage: Stage) -> dict[str, Any]:
    text = {"Type": "String", "Default": ""}
    return {
        "Mail": {**text, "Description": "Who is written to when an alarm goes off; nobody by default"},
        "BudgetUsd": {
            "Type": "Number",
            "Default": stage.budget_usd,
            "Description": "What a month may cost; 0 is no budget",
        },
        "BudgetOfTag": {
            "Type": "String",
            "Default": "false",
            "AllowedValues": ["true", "false"],
            "Description": "Whether the account's cost allocation tag tidegate:stage is on; else all of it is counted",
        },
        "TableSuffix": {**text, "Description": "-REGION where a stage has several Regions"},
        **({"ReplicaRegion": {**text, "Description": "The other Region, where there is one"}} if stage.regions else {}),
        **({"RestApiId": {"Type": "String"}} if stage.firewall else {}),
        **(
            {
                "WebSocketApiId": {"Type": "String"},
                "ConcurrencyQuota": {"Type": "Number", "Default": 1000, "Description": "Of this account and Region"},
            }
            if stage.thorough
            else {}
        ),
        **(
            {
                "TurningRoles": {"Type": "CommaDelimitedList", "Description": "Of the functions that take turns"},
                "RefitRole": {"Type": "String"},
            }
            if stage.search.kind == "serverless"
            else {}
        ),
    }
