"""What `chalice package` is given as its merge template, and what else is deployed beside it.

`python -m infra.merge STAGE FOLDER` writes `merge.json`, the two other stacks, `data.yaml` and `watch.json`, and
`data-parameters.json`, as `aws cloudformation deploy --parameter-overrides file://…` reads it.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from infra import addresses, streaming
from infra.deploy.configured import settings_faults
from infra.deploy.faults import CannotDeploy
from infra.deploy.project import ROOT, Project
from infra.extras import Door, Extras, extras, qualifier
from infra.grants import CONNECTIONS, TURNING, connections
from infra.parameters import data_parameters
from infra.stages import API, STAGES, Stage, function_name
from infra.templates import DATA
from infra.watch.template import watch

_SOCKET: Final = "websocket_"  # how Chalice calls a function of the WebSocket API


def merge(stage: Stage, environments: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Over what Chalice makes of `environments`, by its logical names: mappings are merged, all else is replaced."""
    wanted = extras(stage)
    called = "${Stream.Arn}" + qualifier(stage, streaming.FUNCTION)
    alias = [f"StreamAlias{each.alias}" for each in wanted.provisioned if each.function == streaming.FUNCTION]
    return {
        "Resources": {
            **_functions(stage, wanted, environments),
            "RestAPI": {"Properties": {**_rest(wanted.rest), "DefinitionBody": _definition(wanted, called)}},
            "StreamInvokePermission": {
                **streaming.permission(called),
                **({"DependsOn": alias} if alias else {}),
            },
            **_socket_routes(stage, wanted.sockets),
            **{f"{_logical(name)}Connections": _connections(name) for name in CONNECTIONS},
        },
        "Outputs": {
            f"{_logical(name)}RoleArn": {"Value": {"Fn::GetAtt": [_role(name), "Arn"]}} for name in (*TURNING, "refit")
        },
    }


def write(stage: Stage, folder: Path) -> None:
    """Everything that is deployed beside what Chalice packages into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA, folder / "data.yaml")
    given = [f"{name}={value}" for name, value in data_parameters(stage, gateway_logs=True).items()]
    merged = merge(stage, Project(ROOT, stage.name).environments)
    for name, value in (("merge", merged), ("watch", watch(stage)), ("data-parameters", given)):
        (folder / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")


def _functions(stage: Stage, wanted: Extras, environments: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Named as `chalice deploy` names them: logs, policies and alarms hang on the names."""
    properties: dict[str, dict[str, Any]] = {
        name: {"FunctionName": function_name(stage.name, name)} for name in stage.functions
    }
    for name, own in addresses.told(environments, rest=_host("RestAPI"), sockets=_host("WebsocketAPI")).items():
        properties[name]["Environment"] = {"Variables": {key: {"Fn::Sub": value} for key, value in own.items()}}
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


def _host(api: str) -> str:
    return f"${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"


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


def _socket_routes(stage: Stage, door: Door) -> dict[str, Any]:
    """A deployment has the routes that there were when it was made, so other routes take one of another name."""
    functions = [name for name in stage.functions if name.startswith(_SOCKET)]
    digest = hashlib.sha256(" ".join([version("chalice"), *sorted(functions)]).encode()).hexdigest()[:8]
    name = f"WebsocketAPIDeployment{digest}"
    routes = [f"Websocket{each.removeprefix(_SOCKET).capitalize()}Route" for each in functions]
    return {
        name: {
            "Type": "AWS::ApiGatewayV2::Deployment",
            "DependsOn": routes,
            "Properties": {"ApiId": {"Ref": "WebsocketAPI"}},
        },
        "WebsocketAPIStage": {"Properties": {**_sockets(door), "DeploymentId": {"Ref": name}}},
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
            "responseParameters": each.parameters,
            "responseTemplates": {"application/json": each.body},
        }
        for each in wanted.refusals
    }
    return {"paths": streaming.paths(called), "x-amazon-apigateway-gateway-responses": refusals}


def _connections(function: str) -> dict[str, Any]:
    """Beside the policies that Chalice puts into the role: what is merged into a list replaces it."""
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebsocketAPI}"
    document = connections(function, api)
    (granted,) = document["Statement"]
    places = [{"Fn::Sub": each} for each in granted["Resource"]]
    return {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "connections",
            "PolicyDocument": {**document, "Statement": [{**granted, "Resource": places}]},
            "Roles": [{"Ref": _role(function)}],
        },
    }


def _role(function: str) -> str:
    """Chalice writes the API's function in capitals, and its role not."""
    return "ApiHandlerRole" if function == API else f"{_logical(function)}Role"


def _logical(function: str) -> str:
    """Chalice's logical name of a function."""
    return "APIHandler" if function == API else "".join(part.capitalize() for part in function.split("_"))


def checked(stage: str) -> Project:
    """The stage as it is configured; `CannotDeploy` where that could not be deployed."""
    if stage not in STAGES:
        raise CannotDeploy(f"there is no stage {stage!r}: say STAGE={'|'.join(STAGES)}")
    project = Project(ROOT, stage)
    if faults := [*settings_faults(project)]:
        raise CannotDeploy("\n".join(faults))
    return project


def main(stage: str, folder: str) -> int:
    """Write it, or say what is in the way."""
    try:
        write(STAGES[checked(stage).stage], Path(folder))
    except (CannotDeploy, OSError) as fault:
        print(f"package: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
