"""What `chalice package` is given as its merge template, and what else is deployed beside it.

`python -m infra.merge STAGE FOLDER` writes `merge.json`, the two other stacks, `data.yaml` and `watch.json`, and
`data-parameters.json`, as `aws cloudformation deploy --parameter-overrides file://…` reads it.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from infra import streaming
from infra.extras import Door, Extras, extras, qualifier
from infra.grants import TURNING
from infra.parameters import data_parameters
from infra.stages import API, STAGES, Stage, function_name
from infra.templates import DATA
from infra.watch.template import watch


def merge(stage: Stage) -> dict[str, Any]:
    """Over what Chalice makes, by its logical names: mappings are merged, all else is replaced."""
    wanted = extras(stage)
    called = "${Stream.Arn}" + qualifier(stage, streaming.FUNCTION)
    alias = [f"StreamAlias{each.alias}" for each in wanted.provisioned if each.function == streaming.FUNCTION]
    return {
        "Resources": {
            **_functions(stage, wanted),
            "RestAPI": {"Properties": {**_rest(wanted.rest), "DefinitionBody": _definition(wanted, called)}},
            "StreamInvokePermission": {
                **streaming.permission(called),
                **({"DependsOn": alias} if alias else {}),
            },
            "WebsocketAPIStage": {"Properties": _sockets(wanted.sockets)},
        },
        "Outputs": {f"{_logical(name)}RoleArn": _role(name) for name in (*TURNING, "refit")},
    }


def write(stage: Stage, folder: Path) -> None:
    """Everything that is deployed beside what Chalice packages into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA, folder / "data.yaml")
    given = [f"{name}={value}" for name, value in data_parameters(stage, gateway_logs=True).items()]
    for name, value in (("merge", merge(stage)), ("watch", watch(stage)), ("data-parameters", given)):
        (folder / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")


def _functions(stage: Stage, wanted: Extras) -> dict[str, Any]:
    """Named as `chalice deploy` names them: logs, policies and alarms hang on the names."""
    properties: dict[str, dict[str, Any]] = {
        name: {"FunctionName": function_name(stage.name, name)} for name in stage.functions
    }
    for source in wanted.event_sources:
        mapping = {
            "FunctionResponseTypes": list(source.responses),
            "ScalingConfig": {"MaximumConcurrency": source.workers},
        }
        event = f"{_logical(source.function)}SqsEventSource"
        properties[source.function]["Events"] = {event: {"Properties": mapping}}
    for each in wanted.provisioned:
        properties[each.function] |= {
            "AutoPublishAlias": each.alias,
            "AutoPublishAliasAllProperties": True,
            "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": each.instances},
        }
    return {_logical(name): {"Properties": each} for name, each in properties.items()}


def _rest(door: Door) -> dict[str, Any]:
    return {
        "AccessLogSetting": _access_log(door),
        "TracingEnabled": door.tracing,
        "MethodSettings": [
            {
                "ResourcePath": "/*",
                "HttpMethod": "*",
                "LoggingLevel": "OFF",  # it would log what people say
                "DataTraceEnabled": False,
                "ThrottlingRateLimit": door.throttle.per_second,
                "ThrottlingBurstLimit": door.throttle.burst,
            }
        ],
    }


def _sockets(door: Door) -> dict[str, Any]:
    return {
        "AccessLogSettings": _access_log(door),
        "DefaultRouteSettings": {
            "LoggingLevel": "OFF",
            "DataTraceEnabled": False,
            "ThrottlingRateLimit": door.throttle.per_second,
            "ThrottlingBurstLimit": door.throttle.burst,
        },
    }


def _access_log(door: Door) -> dict[str, Any]:
    arn = f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{door.log_group}"
    return {"DestinationArn": {"Fn::Sub": arn}, "Format": door.log_line}


def _definition(wanted: Extras, called: str) -> dict[str, Any]:
    refusals = {
        each.kind: {
            **({"statusCode": str(each.status)} if each.status is not None else {}),
            "responseTemplates": {"application/json": each.body},
        }
        for each in wanted.refusals
    }
    return {"paths": streaming.paths(called), "x-amazon-apigateway-gateway-responses": refusals}


def _role(function: str) -> dict[str, Any]:
    """Chalice writes the API's function in capitals, and its role not."""
    name = "ApiHandlerRole" if function == API else f"{_logical(function)}Role"
    return {"Value": {"Fn::GetAtt": [name, "Arn"]}}


def _logical(function: str) -> str:
    """Chalice's logical name of a function."""
    return "APIHandler" if function == API else "".join(part.capitalize() for part in function.split("_"))


if __name__ == "__main__":
    write(STAGES[sys.argv[1]], Path(sys.argv[2]))
