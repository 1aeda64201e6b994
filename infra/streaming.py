"""Which routes stream on AWS, and what API Gateway is told so that they do: for the merge template and its API alike.

Chalice points every route at the function of the API, which answers whole. These are pointed at `stream` instead; where
that is not to be had, they are left as they are, and a stream arrives in one piece.
"""

from typing import Any, Final

import msgspec

from infra.stages import WORKS_SECONDS

FUNCTION: Final = "stream"
STATEMENT: Final = "streaming"
_PATH: Final = "lambda:path/2021-11-15/functions/{}/response-streaming-invocations"
_INVOKE: Final = "lambda:InvokeFunction"  # it covers InvokeWithResponseStream


class Route(msgspec.Struct, frozen=True):
    """A route whose answer may stream; those of its answers that do not take the same way."""

    method: str
    path: str


ROUTES: Final = (
    Route("POST", "/v1/chat/completions"),
    Route("POST", "/v1/responses"),
    Route("GET", "/v1/responses/{response_id}"),
)

_KIND: Final = {"type": "AWS_PROXY", "passthroughBehavior": "WHEN_NO_MATCH", "contentHandling": "CONVERT_TO_TEXT"}
"""As Chalice has it."""

_STREAMING: Final = {"responseTransferMode": "STREAM", "timeoutInMillis": WORKS_SECONDS * 1000}
"""The most that API Gateway waits for the end of an answer. One that is not streamed may take 29 seconds."""


def paths(function: str = "${Stream.Arn}") -> dict[str, Any]:
    """The routes as Swagger's `paths`, over those of Chalice; `function` is what Fn::Sub makes an ARN of."""
    target = {"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{_PATH.format(function)}"}
    found: dict[str, Any] = {}
    for route in ROUTES:
        integration = {"uri": target, **_STREAMING}
        found.setdefault(route.path, {})[route.method.lower()] = {"x-amazon-apigateway-integration": integration}
    return found


def permission(function: str = "${Stream.Arn}") -> dict[str, Any]:
    """The resource that lets the API call the function."""
    source = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestAPI}/*"
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Fn::Sub": function},
            "Action": _INVOKE,
            "Principal": {"Fn::Sub": "apigateway.${AWS::URLSuffix}"},
            "SourceArn": {"Fn::Sub": source},
        },
    }


def integration(function_arn: str) -> dict[str, Any]:
    """What each route's integration is to be, in the words of PutIntegration; `function_arn` may end in an alias."""
    _, partition, _, region, *_ = function_arn.split(":")
    uri = f"arn:{partition}:apigateway:{region}:{_PATH.format(function_arn)}"
    return {**_KIND, **_STREAMING, "integrationHttpMethod": "POST", "uri": uri}


def grant(rest_api: str, function_arn: str) -> dict[str, Any]:
    """What AddPermission is asked for; a statement that is there already is a conflict, and no fault."""
    name, colon, alias = function_arn.partition(":function:")[2].partition(":")
    _, partition, _, region, account, *_ = function_arn.split(":")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return {
        "FunctionName": name,
        "StatementId": STATEMENT,
        "Action": _INVOKE,
        "Principal": f"apigateway.{suffix}",
        "SourceArn": f"arn:{partition}:execute-api:{region}:{account}:{rest_api}/*",
        **({"Qualifier": alias} if colon else {}),
    }
