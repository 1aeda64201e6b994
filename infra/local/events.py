"""What API Gateway's REST API sends to a Lambda function (proxy integration), made from an HTTP request."""

import base64
import random
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

STAGE: Final = "local"
ACCOUNT: Final = "000000000000"
FUNCTION: Final = "tidegate-local-api_handler"
API: Final = "local00000"
_NOBODY: Final[dict[str, None]] = dict.fromkeys(
    (
        "accessKey",
        "accountId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    )
)

_chance: Final = random.Random()  # noqa: S311 - names, no secrets

Event = dict[str, Any]
Scope = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where in the API a request goes."""

    template: str
    parameters: Mapping[str, str]


def chance_id() -> uuid.UUID:
    """One that nobody has to find hard to guess, and that asks the system for nothing.

    Who does lets go of the interpreter, and in a busy process waits for it: a seventh of what a refusal took.
    """
    return uuid.UUID(int=_chance.getrandbits(128), version=4)


def make_event(scope: Scope, destination: Destination, body: bytes, binary_types: Collection[str]) -> Event:
    """`body` arrives as text unless its media type is one of the API's binary ones, or it is no text."""
    headers = _group((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    query = _group(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    path = unquote(scope["raw_path"].decode("latin-1"))
    source = (scope.get("client") or ("127.0.0.1",))[0]
    headers |= {
        "x-amzn-trace-id": [f"Root=1-{int(time.time()):08x}-{chance_id().hex[:24]}"],
        "x-forwarded-for": [source],
        "x-forwarded-port": ["443"],
        "x-forwarded-proto": ["https"],
    }
    text, is_binary = _encode(body, headers.get("content-type", [""])[-1], binary_types)
    return {
        "resource": destination.template,
        "path": path,
        "httpMethod": scope["method"],
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(destination.parameters) or None,
        "stageVariables": None,
        "requestContext": _request_context(scope, destination.template, path, headers),
        "body": text,
        "isBase64Encoded": is_binary,
    }


def _request_context(scope: Scope, template: str, path: str, headers: Mapping[str, list[str]]) -> Event:
    now = time.time()
    host = headers.get("host", ["localhost"])[-1]
    return {
        "accountId": ACCOUNT,
        "apiId": API,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "extendedRequestId": chance_id().hex[:16],
        "httpMethod": scope["method"],
        "identity": {
            **_NOBODY,
            "sourceIp": headers["x-forwarded-for"][-1],
            "userAgent": headers.get("user-agent", [""])[-1],
        },
        "path": f"/{STAGE}{path}",
        "protocol": f"HTTP/{scope['http_version']}",
        "requestId": str(chance_id()),
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": "local0",
        "resourcePath": template,
        "stage": STAGE,
    }


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _encode(body: bytes, content_type: str, binary_types: Collection[str]) -> tuple[str | None, bool]:
    if not body:
        return None, False
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in binary_types and f"{media_type.partition('/')[0]}/*" not in binary_types:
        with suppress(UnicodeDecodeError):
            return body.decode("utf-8"), False
    return base64.b64encode(body).decode("ascii"), True


class Context:
    """What Lambda tells a function about its invocation."""

    function_name = FUNCTION
    function_version = "$LATEST"
    invoked_function_arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{FUNCTION}"
    memory_limit_in_mb = "1024"
    log_group_name = f"/aws/lambda/{FUNCTION}"
    log_stream_name = "local"
    identity = None
    client_context = None

    def __init__(self, timeout_s: float) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._deadline = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


@dataclass(frozen=True, slots=True)
class Refusal:
    """What API Gateway answers by itself, in the words of the product."""

    status: HTTPStatus
    message: str
    code: str
