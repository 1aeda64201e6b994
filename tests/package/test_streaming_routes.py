"""What API Gateway is told of the routes that stream: the right ones, and the same by the template and by its API."""

import inspect
import json

import botocore.session
import pytest
from botocore.validate import ParamValidator

from app import app
from infra import streaming
from infra.stages import STAGES
from tests.contract.stores import REGION

ACCOUNT = "123456789012"
API = "a1b2c3d4e5"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:tidegate-solo-stream"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com"}
KNOWN = PSEUDO | {"RestAPI": API, "Stream.Arn": ARN}


def resolved(value):
    """A template's value with its references in place."""
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" not in value:
        return {name: resolved(each) for name, each in value.items()}
    text = value["Fn::Sub"]
    for name, known in KNOWN.items():
        text = text.replace(f"${{{name}}}", known)
    assert "${" not in text
    return text


def refused(service, operation, arguments):
    """What boto3 finds wrong with the arguments of a call."""
    model = botocore.session.Session().get_service_model(service).operation_model(operation)
    return ParamValidator().validate(arguments, model.input_shape).generate_report()


def test_exactly_the_views_that_can_stream_are_entered_by_the_function_that_does():
    views = {(method, path): entry for path, found in app.routes.items() for method, entry in found.items()}

    able = {where for where, entry in views.items() if ".streamed(" in inspect.getsource(entry.view_function)}

    assert able == {(route.method, route.path) for route in streaming.ROUTES}


def test_the_merged_template_says_what_the_api_is_told(template):
    """Swagger has other names for two of them, and writes two in lower case."""
    own = json.loads(template.read_text())["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    wanted = streaming.integration(ARN)

    for path, methods in streaming.paths().items():
        for method, changes in methods.items():
            found, changed = (each["x-amazon-apigateway-integration"] for each in (own[path][method], changes))
            merged = {**found, **resolved(changed)}
            merged["integrationHttpMethod"] = merged.pop("httpMethod")
            merged |= {name: merged[name].upper() for name in ("type", "passthroughBehavior")}
            assert {name: merged[name] for name in wanted} == wanted
            assert merged.keys() - wanted.keys() == {"responses"}  # which a proxy does not read


def test_the_api_may_call_the_function_by_either_way():
    made = resolved(streaming.permission()["Properties"])

    told = streaming.grant(API, ARN)

    assert made == {
        "FunctionName": ARN,
        **{name: told[name] for name in ("Action", "Principal", "SourceArn")},
    }
    assert told["FunctionName"] == "tidegate-solo-stream"
    assert told["SourceArn"] == f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/*"


@pytest.mark.parametrize("arn", [ARN, f"{ARN}:live"])
def test_the_calls_are_ones_that_aws_knows(arn):
    place = {"restApiId": API, "resourceId": "r1", "httpMethod": "POST"}

    assert refused("apigateway", "PutIntegration", place | streaming.integration(arn)) == ""
    assert refused("lambda", "AddPermission", streaming.grant(API, arn)) == ""


def test_an_alias_is_called_and_granted_by_its_name():
    told = streaming.grant(API, f"{ARN}:live")

    assert (told["FunctionName"], told["Qualifier"]) == ("tidegate-solo-stream", "live")
    assert f"{ARN}:live/response-streaming-invocations" in streaming.integration(f"{ARN}:live")["uri"]


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_the_gateway_waits_for_as_long_as_the_function_runs(stage):
    waited = streaming.integration(ARN)["timeoutInMillis"]

    assert waited == stage.functions[streaming.FUNCTION].timeout_s * 1000


def test_the_function_is_started_by_its_own_runtime_alone(template):
    resources = json.loads(template.read_text())["Resources"].values()
    functions = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Function"]

    wrapped = {each["Handler"]: each["Environment"]["Variables"].get("AWS_LAMBDA_EXEC_WRAPPER") for each in functions}

    assert wrapped.pop("app.stream") == "/var/task/chalicelib/runtime/start"
    assert set(wrapped.values()) == {None}
