"""What each function may do: one table, from which the policy files of every stage are written.

They name no partition: an account is in one, and the same files are for all.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from chalicelib.adapters.dynamodb.table import PLANS
from infra.extras import GATEWAY_STAGE
from infra.stages import API, APP, Stage, function_name

Statement = dict[str, Any]

_READ: Final = ("BatchGetItem", "GetItem", "Query")
_WRITE: Final = ("BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem")
_TURN: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "access": ("BatchGetItem", "GetItem"),
        "answers": ("BatchGetItem", "DeleteItem", "GetItem", "PutItem"),
        "conversations": (*_READ, *_WRITE),
        "entries": ("BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        "jobs": (*_READ, *_WRITE),
        "ledger": ("BatchGetItem", "GetItem", "PutItem", "UpdateItem"),
    }
)
TABLES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = MappingProxyType(
    {
        API: {
            **_TURN,
            "access": ("BatchGetItem", "GetItem", "PutItem"),
            "answers": (*_TURN["answers"], "BatchWriteItem"),
            "ledger": (*_TURN["ledger"], "Query"),
        },
        "stream": _TURN,
        "work": {**_TURN, "answers": (*_TURN["answers"], "BatchWriteItem")},
        "websocket_connect": {"jobs": ("PutItem",)},
        "websocket_message": _TURN,
        "websocket_disconnect": {"jobs": ("DeleteItem",)},
        "sweep": {
            "conversations": ("BatchGetItem", "BatchWriteItem", "GetItem", "Query", "UpdateItem"),
            "jobs": ("BatchGetItem", "DeleteItem", "UpdateItem"),
            "ledger": ("BatchGetItem", "GetItem", "UpdateItem"),
        },
        "refit": {
            "answers": ("BatchGetItem",),
            "entries": ("GetItem", "PutItem", "Query", "UpdateItem"),
        },
    }
)
_OWNED: Final = ("answers/index/by-owner", "conversations/index/by-owner", "jobs/index/by-owner")
INDEXES: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        API: ("access/index/by-plan", "access/index/by-tenant", "access/index/by-time", *_OWNED),
        "work": _OWNED,
        "sweep": ("jobs/index/open-jobs", "ledger/index/open-leases"),
    }
)
QUEUES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = MappingProxyType(
    {
        API: {"turns": ("GetQueueUrl", "SendMessage")},
        "stream": {"turns": ("GetQueueUrl", "SendMessage")},
        "websocket_message": {"turns": ("GetQueueUrl", "SendMessage")},
        "sweep": {"turns": ("GetQueueAttributes", "GetQueueUrl", "SendMessage")},
        "work": {
            "turns": (
                "ChangeMessageVisibility",
                "DeleteMessage",
                "GetQueueAttributes",
                "GetQueueUrl",
                "ReceiveMessage",
                "SendMessage",
            ),
            "turns-dlq": ("GetQueueUrl", "SendMessage"),
        },
    }
)
CONNECTIONS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {API: ("DELETE",), "sweep": ("DELETE",), "websocket_message": ("DELETE", "POST"), "work": ("DELETE", "POST")}
)
REGIONAL: Final = ("jobs", "ledger")  # tables that each Region has of its own
TURNING: Final = (API, "stream", "websocket_message", "work")  # what calls models, if only to embed
SERVING: Final = (*TURNING, "websocket_connect", "websocket_disconnect")  # what knows the peppers
SEARCHING: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    dict.fromkeys(TURNING, ("ESHttpGet", "ESHttpHead", "ESHttpPost", "ESHttpPut")) | {"refit": ("ESHttpPost",)}
)


def policy(stage: Stage, function: str) -> dict[str, Any]:
    """The whole policy of one function's role."""
    found = [
        *_tables(stage, function),
        *_plans(stage.name, function),
        *(_regions(stage.name, function) if stage.regions else ()),
        *_queues(stage.name, function),
        *(_MODELS if function in TURNING else ()),
        *_search(stage.name, function),
        *_secrets(stage.name, function),
        *_valve(stage.name, function),
        *_traces(stage),
        _logs(stage.name, function),
    ]
    return {"Version": "2012-10-17", "Statement": found}


def allow(sid: str, service: str, actions: Iterable[str], resources: Iterable[str]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(f"{service}:{each}" for each in actions),
        "Resource": sorted(resources),
    }


def _tables(stage: Stage, function: str) -> Iterable[Statement]:
    """One statement for the tables that are used alike."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for table, actions in TABLES[function].items():
        alike.setdefault(tuple(sorted(actions)), []).append(table)
    for actions, tables in sorted(alike.items(), key=lambda each: sorted(each[1])):
        names = sorted(tables)
        sid = "".join(name.capitalize() for name in names)
        yield allow(sid, "dynamodb", actions, [_table(stage.name, name) for name in names])
    if function in INDEXES:
        yield allow("Indexes", "dynamodb", ["Query"], [_table(stage.name, name) for name in INDEXES[function]])


def _plans(stage: str, function: str) -> Iterable[Statement]:
    """Of the table of keys one item is updated in place: nobody has the right to update an event, or to delete one."""
    if function == API:
        updated = allow("Plans", "dynamodb", ["UpdateItem"], [_table(stage, "access")])
        keys = {"dynamodb:LeadingKeys": [PLANS["pk"]["S"]]}
        yield {**updated, "Condition": {"ForAllValues:StringEquals": keys}}


def _regions(stage: str, function: str) -> Iterable[Statement]:
    """A Region writes what it owns and reads what others own: a policy variable has the name of where the call goes."""
    owned = {name: TABLES[function][name] for name in REGIONAL if name in TABLES[function]}
    for name, actions in owned.items():
        mine = f"{_table(stage, name)}-${{aws:RequestedRegion}}"
        yield allow(f"Own{name.capitalize()}", "dynamodb", actions, [mine])
        indexes = [each.removeprefix(name) for each in INDEXES.get(function, ()) if each.startswith(f"{name}/")]
        if indexes:
            yield allow(f"Own{name.capitalize()}Index", "dynamodb", ["Query"], [f"{mine}{each}" for each in indexes])
    if owned and function in (*TURNING, "sweep"):
        yield allow("OtherRegions", "dynamodb", _READ, [f"{_table(stage, name)}-*" for name in owned])
        yield allow("Seats", "dynamodb", ["GetItem"], [_table(stage, "seats")])


def _table(stage: str, name: str) -> str:
    return f"arn:*:dynamodb:*:*:table/{APP}-{stage}-{name}"


def _queues(stage: str, function: str) -> Iterable[Statement]:
    for queue, actions in QUEUES.get(function, {}).items():
        sid = "Dead" if queue.endswith("-dlq") else "Turns"
        yield allow(sid, "sqs", actions, [f"arn:*:sqs:*:*:{APP}-{stage}-{queue}"])


_MODELS: Final = (
    allow(
        "Bedrock",
        "bedrock",
        ["InvokeModel", "InvokeModelWithResponseStream"],
        [
            "arn:*:bedrock:*::foundation-model/*",
            "arn:*:bedrock:*:*:inference-profile/*",
            "arn:*:bedrock:*:*:application-inference-profile/*",
        ],
    ),
    allow("Guardrails", "bedrock", ["ApplyGuardrail"], ["arn:*:bedrock:*:*:guardrail/*"]),
    allow(
        "SageMaker",
        "sagemaker",
        ["InvokeEndpoint", "InvokeEndpointWithResponseStream"],
        ["arn:*:sagemaker:*:*:endpoint/*", "arn:*:sagemaker:*:*:inference-component/*"],
    ),
)


def _search(stage: str, function: str) -> Iterable[Statement]:
    """Serverless names a collection by an id of its own: who may use which is in the collection's access policy."""
    if function in SEARCHING:
        yield allow("OpenSearch", "es", SEARCHING[function], [f"arn:*:es:*:*:domain/{APP}-{stage}-*/*"])
        yield allow("OpenSearchServerless", "aoss", ["APIAccessAll"], ["arn:*:aoss:*:*:collection/*"])


def _secrets(stage: str, function: str) -> Iterable[Statement]:
    parameters = f"arn:*:ssm:*:*:parameter/{APP}/{stage}"
    secrets = f"arn:*:secretsmanager:*:*:secret:{APP}/{stage}"
    catalogue = [f"{parameters}/catalogue", f"{parameters}/catalogue/*"]
    if function in TURNING:
        yield allow("Secrets", "secretsmanager", ["GetSecretValue"], [f"{secrets}/*"])
        yield allow("Parameters", "ssm", ["GetParameter", "GetParametersByPath"], [f"{parameters}/*"])
    elif function in SERVING:
        yield allow("Peppers", "secretsmanager", ["GetSecretValue"], [f"{secrets}/peppers-*"])
        yield allow("Catalogue", "ssm", ["GetParametersByPath"], catalogue)
    elif function == "sweep":
        yield allow("Catalogue", "ssm", ["GetParametersByPath"], catalogue)
    elif function in SEARCHING:
        yield allow("Search", "ssm", ["GetParameter"], [f"{parameters}/opensearch"])


def _valve(stage: str, function: str) -> Iterable[Statement]:
    if function == "sweep":
        yield allow("Sources", "lambda", ["ListEventSourceMappings"], ["*"])
        turned = allow("Valve", "lambda", ["UpdateEventSourceMapping"], ["arn:*:lambda:*:*:event-source-mapping:*"])
        work = f"arn:*:lambda:*:*:function:{function_name(stage, 'work')}"
        yield {**turned, "Condition": {"ArnLike": {"lambda:FunctionArn": work}}}


def connections(function: str, api: str) -> dict[str, Any]:
    """What one of CONNECTIONS may beside its own policy, once the WebSocket API is there: its ARNs begin with `api`."""
    places = [f"{api}/{GATEWAY_STAGE}/{method}/@connections/*" for method in CONNECTIONS[function]]
    granted = allow("Connections", "execute-api", ["ManageConnections"], places)
    return {"Version": "2012-10-17", "Statement": [granted]}


def _traces(stage: Stage) -> Iterable[Statement]:
    if stage.tracing:
        yield allow("Traces", "xray", ["PutTelemetryRecords", "PutTraceSegments"], ["*"])


def _logs(stage: str, function: str) -> Statement:
    group = f"arn:*:logs:*:*:log-group:/aws/lambda/{function_name(stage, function)}:*"
    return allow("Logs", "logs", ["CreateLogStream", "PutLogEvents"], [group])
