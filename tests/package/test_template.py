"""The template of every stage is one that CloudFormation takes, and has what `chalice deploy` leaves to others."""

import json
import subprocess
import sys

import msgspec
import pytest

from chalicelib.edge.problems import SECURITY_HEADERS
from infra.extras import ALIAS, extras
from infra.merge import merge
from infra.stages import STAGES, Size, function_name
from infra.streaming import ROUTES
from tests.infra.test_template import statements
from tests.package.conftest import ROOT
from tests.package.test_policies import EVERYWHERE

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
HTTP_SECONDS = 29  # API Gateway waits no longer
RETRY = "gatewayresponse.header.Retry-After"
SAID = ("authorizer", "body", "header", "identity", "$context.path", "query", "requestOverride")


def functions(template):
    resources = json.loads(template.read_text())["Resources"].values()
    return [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Function"]


def test_a_linter_finds_nothing(template):
    main = "from cfnlint.runner import main; main()"
    lint = [sys.executable, "-c", main, "--regions", "us-east-1", "--format", "parseable", str(template)]

    done = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_function_runs_the_zip_on_this_runtime(template):
    found = functions(template)

    assert found
    assert {each["Runtime"] for each in found} == {RUNTIME}
    assert {each["CodeUri"] for each in found} == {"./deployment.zip"}


def test_every_function_outlives_the_gateway_and_knows_its_stage(template):
    for each in functions(template):
        assert each["Timeout"] > HTTP_SECONDS
        assert each["Environment"]["Variables"]["TIDEGATE_STAGE"] == template.parent.name


def test_no_function_starts_a_thread_of_numpy_for_each_core(template):
    """A comparison is too small to share: with threads it takes up to ten times the CPU."""
    assert {each["Environment"]["Variables"].get("OPENBLAS_NUM_THREADS") for each in functions(template)} == {"1"}


def test_the_gateway_is_regional(template):
    resources = json.loads(template.read_text())["Resources"].values()

    gateways = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Api"]

    assert [each["EndpointConfiguration"] for each in gateways] == ["REGIONAL"]


@pytest.mark.parametrize(
    ("handler", "name", "rate"),
    [("app.sweep_leases", "sweep", "rate(1 minute)"), ("app.refit_cache", "refit", "rate(10 minutes)")],
)
def test_what_is_done_on_a_schedule_is_a_function_with_a_policy_of_its_own(template, handler, name, rate):
    resources = json.loads(template.read_text())["Resources"]
    (found,) = (each for each in functions(template) if each["Handler"] == handler)
    (event,) = found["Events"].values()
    (granted,) = resources[found["Role"]["Fn::GetAtt"][0]]["Properties"]["Policies"]

    assert event == {"Type": "Schedule", "Properties": {"Schedule": rate}}
    assert found["MemorySize"] == STAGES[template.parent.name].functions[name].memory_mb
    policy = json.loads((ROOT / f".chalice/policy-{template.parent.name}-{name}.json").read_text())
    assert granted["PolicyDocument"] == policy


def resource(template, name):
    return json.loads(template.read_text())["Resources"][name]["Properties"]


def stage_of(template):
    return STAGES[template.parent.name]


def integration(template, method, path):
    return resource(template, "RestAPI")["DefinitionBody"]["paths"][path][method]["x-amazon-apigateway-integration"]


def test_functions_have_the_names_that_logs_policies_and_alarms_know_them_by(template):
    stage = stage_of(template)

    assert {each["FunctionName"] for each in functions(template)} == {
        function_name(stage.name, name) for name in stage.functions
    }


def test_what_the_websocket_api_serves_is_deployed_after_all_of_its_routes(template):
    resources = json.loads(template.read_text())["Resources"]

    served = resources[resource(template, "WebsocketAPIStage")["DeploymentId"]["Ref"]]

    assert served["Type"] == "AWS::ApiGatewayV2::Deployment"
    assert set(served["DependsOn"]) == {
        name for name, each in resources.items() if each["Type"] == "AWS::ApiGatewayV2::Route"
    }


def test_other_routes_of_the_websocket_api_are_deployed_anew():
    """CloudFormation leaves a deployment of the same name as it is."""
    solo = STAGES["solo"]
    more = msgspec.structs.replace(solo, functions={**solo.functions, "websocket_ping": Size(memory_mb=512)})

    def served(stage):
        return merge(stage, {})["Resources"]["WebsocketAPIStage"]["Properties"]["DeploymentId"]["Ref"]

    assert served(more) != served(solo) == served(STAGES["scale"])


def test_every_function_has_a_role_of_its_own(template):
    resources = json.loads(template.read_text())["Resources"]
    roles = [each["Role"]["Fn::GetAtt"][0] for each in functions(template)]

    assert len(set(roles)) == len(roles) == len(stage_of(template).functions)
    assert {name for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"} == set(roles)


def test_every_function_is_as_large_as_its_stage_says(template):
    stage = stage_of(template)
    sizes = {function_name(stage.name, name): size for name, size in stage.functions.items()}

    for each in functions(template):
        size = sizes[each["FunctionName"]]
        assert (each["MemorySize"], each["Timeout"]) == (size.memory_mb, size.timeout_s)
        assert each.get("ReservedConcurrentExecutions") == size.reserved
        assert each["Tracing"] == ("Active" if stage.tracing else "PassThrough")


def test_no_role_of_the_template_has_a_wildcard_that_is_not_listed(template):
    for each in statements(json.loads(template.read_text())["Resources"]):
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        assert not [action for action in actions if "*" in action]
        assert "*" not in each.get("Resource", []) or set(actions) <= EVERYWHERE
        assert "*" not in str(each.get("Principal", ""))


def test_a_batch_of_which_a_part_failed_is_not_deleted(template):
    (source,) = resource(template, "Work")["Events"].values()

    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["Properties"]["ScalingConfig"] == {"MaximumConcurrency": stage_of(template).workers}
    assert source["Properties"]["Queue"]["Fn::Sub"].endswith(f":tidegate-{template.parent.name}-turns")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_that_streams_is_answered_by_the_function_that_does(template, route):
    found = integration(template, route.method.lower(), route.path)
    alias = f":{ALIAS}" if stage_of(template).functions["stream"].provisioned else ""

    assert found["responseTransferMode"] == "STREAM"
    assert found["uri"]["Fn::Sub"].endswith(f"/functions/${{Stream.Arn}}{alias}/response-streaming-invocations")
    assert found["type"].lower() == "aws_proxy"
    assert found["httpMethod"] == "POST"


def test_no_other_route_streams(template):
    paths = resource(template, "RestAPI")["DefinitionBody"]["paths"]
    streaming = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method, each in methods.items()
        if "responseTransferMode" in each.get("x-amazon-apigateway-integration", {})
    }

    assert streaming == {(route.method, route.path) for route in ROUTES}


def test_what_is_kept_warm_stands_behind_an_alias(template):
    stage, stream = stage_of(template), resource(template, "Stream")
    kept = [name for name, size in stage.functions.items() if size.provisioned]

    assert kept == (["stream"] if "AutoPublishAlias" in stream else [])
    if kept:
        assert stream["AutoPublishAlias"] == ALIAS
        assert stream["ProvisionedConcurrencyConfig"] == {
            "ProvisionedConcurrentExecutions": stage.functions["stream"].provisioned
        }


def test_what_is_called_is_logged_and_nothing_that_is_said(template):
    """Neither headers nor bodies, paths as called, queries, addresses or whoever calls."""
    rest = resource(template, "RestAPI")
    sockets = resource(template, "WebsocketAPIStage")
    lines = [rest["AccessLogSetting"]["Format"], sockets["AccessLogSettings"]["Format"]]
    said = {value for line in lines for value in json.loads(line).values()}

    assert not [each for each in said if any(word in each for word in SAID)]
    assert "$context.resourcePath" in said
    for settings in (rest["MethodSettings"][0], sockets["DefaultRouteSettings"]):
        assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("OFF", False)


def test_both_apis_let_in_what_their_stage_says(template):
    throttle = stage_of(template).throttle

    for settings in (
        resource(template, "RestAPI")["MethodSettings"][0],
        resource(template, "WebsocketAPIStage")["DefaultRouteSettings"],
    ):
        assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (
            throttle.per_second,
            throttle.burst,
        )


def test_api_gateway_refuses_in_the_shape_of_every_error(template):
    refusals = resource(template, "RestAPI")["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]

    assert set(refusals) == {each.kind for each in extras(stage_of(template)).refusals}
    for each in refusals.values():
        body = each["responseTemplates"]["application/json"].replace("$context.error.messageString", '"Too much."')
        assert json.loads(body)["error"].keys() == {"message", "type", "param", "code"}
    assert refusals["THROTTLED"]["statusCode"] == "429"
    assert "statusCode" not in refusals["DEFAULT_5XX"]


def test_api_gateway_refuses_with_the_headers_of_every_answer(template):
    refusals = resource(template, "RestAPI")["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]

    for each in refusals.values():
        values = {name.rpartition(".")[2]: text for name, text in each["responseParameters"].items()}
        assert {text.count("'") for text in values.values()} == {2}
        assert {text[0] + text[-1] for text in values.values()} == {"''"}
        assert values.keys() >= {*SECURITY_HEADERS, "Access-Control-Allow-Origin"}
        assert values["Content-Security-Policy"] == "'default-src; frame-ancestors'"
    assert [kind for kind, each in refusals.items() if RETRY in each["responseParameters"]] == ["THROTTLED"]


def test_a_request_is_traced_through_the_gateway_where_the_stage_traces(template):
    assert resource(template, "RestAPI")["TracingEnabled"] is stage_of(template).tracing


def test_the_other_two_stacks_lie_beside_it(template):
    folder = template.parent

    assert (folder / "data.yaml").read_text() == (ROOT / "infra/data.yaml").read_text()
    assert f"Stage={folder.name}" in json.loads((folder / "data-parameters.json").read_text())
    assert "Calls" in json.loads((folder / "watch.json").read_text())["Resources"]
