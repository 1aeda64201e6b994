"""What a deployment needs beyond what Chalice makes: values alone, for the merge template and for AWS's API alike."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from chalicelib.edge.problems import SECURITY_HEADERS
from infra.stages import APP, Stage, Throttle

GATEWAY_STAGE: Final = "api"  # Chalice's own name of what it deploys, in REST and WebSocket
ALIAS: Final = "live"
SCHEDULED: Final = ("refit", "sweep")  # functions that a rule of EventBridge calls

_REST_LINE: Final = MappingProxyType(
    {
        "request": "$context.requestId",
        "invocation": "$context.integration.requestId",
        "at": "$context.requestTimeEpoch",
        "method": "$context.httpMethod",
        "route": "$context.resourcePath",  # the template: no id, no cursor, no query
        "status": "$context.status",
        "refused": "$context.error.responseType",
        "bytes": "$context.responseLength",
        "milliseconds": "$context.responseLatency",
        "integration": "$context.integrationLatency",
        "fault": "$context.integration.error",
        "trace": "$context.xrayTraceId",
    }
)
_SOCKET_LINE: Final = MappingProxyType(
    {
        "request": "$context.requestId",
        "at": "$context.requestTimeEpoch",
        "event": "$context.eventType",
        "route": "$context.routeKey",
        "status": "$context.status",
        "refused": "$context.error.responseType",
        "milliseconds": "$context.integrationLatency",
        "fault": "$context.integration.error",
    }
)


class EventSource(msgspec.Struct, frozen=True, kw_only=True):
    """A queue's mapping: `workers` is where a new one begins, and is left alone on one that the sweep turns."""

    function: str
    queue: str
    workers: int
    responses: tuple[str, ...] = ("ReportBatchItemFailures",)


class Provisioned(msgspec.Struct, frozen=True, kw_only=True):
    """Instances that are kept warm behind the alias of a published version."""

    function: str
    alias: str
    instances: int


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """The stage of one API in API Gateway; what is said in it is logged nowhere, only that it was."""

    stage: str
    log_group: str
    log_line: str
    throttle: Throttle
    tracing: bool


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What API Gateway itself answers, in the shape of every other error; without a status each keeps its own."""

    kind: str
    status: int | None
    body: str
    headers: Mapping[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        """The headers as API Gateway takes them: between single quotes, so that none may be in them."""
        return {f"gatewayresponse.header.{name}": f"'{text}'" for name, text in self.headers.items()}


class Extras(msgspec.Struct, frozen=True, kw_only=True):
    """All of it for one stage; functions are named as in `.chalice/config.json`."""

    stage: str
    event_sources: tuple[EventSource, ...]
    schedules: tuple[str, ...]
    provisioned: tuple[Provisioned, ...]
    rest: Door
    sockets: Door
    refusals: tuple[Refusal, ...]


def extras(stage: Stage) -> Extras:
    """What `stage` has; nothing is looked up."""
    return Extras(
        stage=stage.name,
        event_sources=(EventSource(function="work", queue=f"{APP}-{stage.name}-turns", workers=stage.workers),),
        schedules=SCHEDULED,
        provisioned=tuple(
            Provisioned(function=name, alias=ALIAS, instances=size.provisioned)
            for name, size in stage.functions.items()
            if size.provisioned
        ),
        rest=_door(stage, "rest", _REST_LINE, tracing=stage.tracing),
        sockets=_door(stage, "sockets", _SOCKET_LINE, tracing=False),  # API Gateway traces no WebSocket
        refusals=_REFUSALS,
    )


def qualifier(stage: Stage, function: str) -> str:
    """The alias that a function is called by, with its colon; empty where it is called by its name."""
    return f":{ALIAS}" if stage.functions[function].provisioned else ""


def log_group(stage: str, door: str) -> str:
    """Where the access log of an API goes; the data stack makes it."""
    return f"/{APP}/{stage}/{door}"


def _door(stage: Stage, name: str, line: Mapping[str, str], *, tracing: bool) -> Door:
    return Door(
        stage=GATEWAY_STAGE,
        log_group=log_group(stage.name, name),
        log_line=json.dumps(dict(line)),
        throttle=stage.throttle,
        tracing=tracing,
    )


_HEADERS: Final = MappingProxyType(
    {
        # A list of sources without any is as good as one of 'none', and takes no quotes.
        **{name: text.replace(" 'none'", "") for name, text in SECURITY_HEADERS.items()},
        # Nothing in it is anybody's: every page may know why its call was turned away.
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "*",
    }
)


def _refusal(kind: str, status: int | None, error: str, code: str, **more: str) -> Refusal:
    """API Gateway puts its own message in, quotes included."""
    body = f'{{"error":{{"message":$context.error.messageString,"type":"{error}","param":null,"code":"{code}"}}}}'
    return Refusal(kind=kind, status=status, body=body, headers={**_HEADERS, **more})


_REFUSALS: Final = (
    _refusal("THROTTLED", 429, "rate_limit_error", "rate_limit_exceeded", **{"Retry-After": "1"}),
    _refusal("WAF_FILTERED", 403, "permission_error", "insufficient_permissions"),
    _refusal("REQUEST_TOO_LARGE", 413, "invalid_request_error", "payload_too_large"),
    _refusal("MISSING_AUTHENTICATION_TOKEN", 404, "invalid_request_error", "not_found"),  # no such route
    _refusal("INTEGRATION_TIMEOUT", 504, "server_error", "model_timeout"),
    _refusal("DEFAULT_4XX", None, "invalid_request_error", "invalid_value"),
    _refusal("DEFAULT_5XX", None, "server_error", "internal_error"),
)
