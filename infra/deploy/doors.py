"""Settings of both APIs: what they answer themselves, what they log and let in, and which routes stream.

What is set on a REST API is served once it is deployed: the deployment that its stage serves says, in its description,
from which settings it was made.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from infra.deploy.account import Account, found
from infra.deploy.settings import Setting
from infra.extras import Door, Refusal

_JSON: Final = "application/json"
_EVERY_ROUTE: Final = "*/*"
_PATHS: Final = MappingProxyType(
    {
        "log": "/accessLogSettings/destinationArn",
        "line": "/accessLogSettings/format",
        "a second": "/*/*/throttling/rateLimit",
        "burst": "/*/*/throttling/burstLimit",
        "traced": "/tracingEnabled",
        "level": "/*/*/logging/loglevel",
        "bodies": "/*/*/logging/dataTrace",
    }
)


def refusal(account: Account, api: str, wanted: Refusal) -> Setting:
    """What API Gateway answers by itself."""
    client = account.client("apigateway")
    at = {"restApiId": api, "responseType": wanted.kind}
    status = {} if wanted.status is None else {"statusCode": str(wanted.status)}

    def read() -> Mapping[str, Any]:
        seen = (found(lambda: client.get_gateway_response(**at)) if api else None) or {}
        if seen.get("defaultResponse", True):
            return {}
        return {
            "body": seen.get("responseTemplates", {}).get(_JSON),
            "headers": seen.get("responseParameters"),
            **{name: seen.get(name) for name in status},
        }

    return Setting(
        what=f"answer to {wanted.kind}",
        wanted={"body": wanted.body, "headers": wanted.parameters, **status},
        read=read,
        write=lambda: client.put_gateway_response(
            **at, **status, responseParameters=wanted.parameters, responseTemplates={_JSON: wanted.body}
        ),
    )


def served(account: Account, api: str, wanted: Door, mark: str) -> Setting:
    """That what was set is what is served."""
    client = account.client("apigateway")

    def read() -> Mapping[str, Any]:
        stage = found(lambda: client.get_stage(restApiId=api, stageName=wanted.stage)) if api else None
        if stage is None:
            return {}
        deployment = client.get_deployment(restApiId=api, deploymentId=stage["deploymentId"])
        return {"settings": deployment.get("description", "of before")}

    return Setting(
        what="REST API as served",
        wanted={"settings": mark},
        read=read,
        write=lambda: client.create_deployment(
            restApiId=api, stageName=wanted.stage, description=mark, tracingEnabled=wanted.tracing
        ),
    )


def rest_door(account: Account, api: str, wanted: Door) -> Setting:
    """Access log, throttle and tracing of the REST API."""
    client = account.client("apigateway")
    values = {**_values(account, wanted), "traced": wanted.tracing}
    patches = [{"op": "replace", "path": _PATHS[name], "value": _word(value)} for name, value in values.items()]
    return Setting(
        what="stage of the REST API",
        wanted=values,
        read=partial(_rest_values, client, api, wanted.stage),
        write=lambda: client.update_stage(restApiId=api, stageName=wanted.stage, patchOperations=patches),
    )


def _rest_values(client: Any, api: str, stage: str) -> Mapping[str, Any]:
    seen = found(lambda: client.get_stage(restApiId=api, stageName=stage)) if api else None
    if seen is None:
        return {}
    limits, log = seen.get("methodSettings", {}).get(_EVERY_ROUTE, {}), seen.get("accessLogSettings", {})
    return {
        "log": log.get("destinationArn"),
        "line": log.get("format"),
        "a second": limits.get("throttlingRateLimit"),
        "burst": limits.get("throttlingBurstLimit"),
        "traced": seen.get("tracingEnabled", False),
        "level": limits.get("loggingLevel", "OFF"),
        "bodies": limits.get("dataTraceEnabled", False),
    }


def sockets_door(account: Account, api: str, wanted: Door) -> Setting:
    """Access log and throttle of the WebSocket API."""
    client = account.client("apigatewayv2")
    values = _values(account, wanted)
    return Setting(
        what="stage of the WebSocket API",
        wanted=values,
        read=partial(_socket_values, client, api, wanted.stage),
        write=lambda: client.update_stage(
            ApiId=api,
            StageName=wanted.stage,
            AccessLogSettings={"DestinationArn": values["log"], "Format": values["line"]},
            DefaultRouteSettings={
                "ThrottlingBurstLimit": values["burst"],
                "ThrottlingRateLimit": values["a second"],
                "LoggingLevel": values["level"],
                "DataTraceEnabled": values["bodies"],
            },
        ),
    )


def _socket_values(client: Any, api: str, stage: str) -> Mapping[str, Any]:
    seen = found(lambda: client.get_stage(ApiId=api, StageName=stage)) if api else None
    if seen is None:
        return {}
    limits, log = seen.get("DefaultRouteSettings", {}), seen.get("AccessLogSettings", {})
    return {
        "log": log.get("DestinationArn"),
        "line": log.get("Format"),
        "a second": limits.get("ThrottlingRateLimit"),
        "burst": limits.get("ThrottlingBurstLimit"),
        "level": limits.get("LoggingLevel", "OFF"),
        "bodies": limits.get("DataTraceEnabled", False),
    }


def _values(account: Account, door: Door) -> dict[str, Any]:
    """What both APIs are told, in words of our own."""
    return {
        "log": f"arn:{account.partition}:logs:{account.region}:{account.number}:log-group:{door.log_group}",
        "line": door.log_line,
        "a second": float(door.throttle.per_second),
        "burst": door.throttle.burst,
        "level": "OFF",  # it would log what people say
        "bodies": False,
    }


def mark_of(settings: Iterable[Setting], build: str) -> str:
    """What tells a REST API with these settings from any other."""
    said = json.dumps([build, *([each.what, dict(each.wanted)] for each in settings)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
