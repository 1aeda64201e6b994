"""What CloudFormation makes of a package is what `chalice deploy` makes, and what is set after it."""

import json
from types import SimpleNamespace

import pytest
from chalice.app import SQSEventConfig
from chalice.cli.factory import CLIFactory
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.models import LambdaFunction, RestAPI, ScheduledEvent, SQSEventSource, WebsocketAPI

from app import app
from chalicelib.bootstrap import queue
from infra.deploy import doors, lambdas
from infra.extras import extras
from infra.stages import STAGES
from tests.contract.stores import REGION
from tests.package.conftest import ROOT

ACCOUNT = SimpleNamespace(partition="aws", region=REGION, number="123456789012", client=lambda _: None)
PSEUDO = {"AWS::Partition": ACCOUNT.partition, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT.number}


@pytest.fixture
def packaged(template):
    return json.loads(template.read_text())["Resources"]


@pytest.fixture
def stage(template):
    return STAGES[template.parent.name]


@pytest.fixture
def deployed(stage, monkeypatch):
    """What `chalice deploy` would make, as its own planner is told."""
    monkeypatch.setenv("TIDEGATE_STAGE", stage.name)
    for source in app.event_sources:
        if isinstance(source, SQSEventConfig):
            monkeypatch.setattr(source, "queue", queue())  # which was named as the app was imported
    monkeypatch.chdir(ROOT)
    factory = CLIFactory(str(ROOT), environ={})
    config = factory.create_config_obj(stage.name)
    graph = ApplicationGraphBuilder().build(config, stage.name)
    return DependencyBuilder().build_dependencies(graph)


def of_kind(resources, kind):
    return [each["Properties"] for each in resources.values() if each["Type"] == kind]


def of_class(deployed, kind):
    return {each.resource_name: each for each in deployed if isinstance(each, kind)}


def resolved(said):
    text = said["Fn::Sub"]
    for name, value in PSEUDO.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def policy_of(packaged, function):
    (granted,) = packaged[function["Role"]["Fn::GetAtt"][0]]["Properties"]["Policies"]
    return granted["PolicyDocument"]


def test_functions_are_the_same(packaged, deployed):
    made = {each.function_name: each for each in of_class(deployed, LambdaFunction).values()}
    found = {each["FunctionName"]: each for each in of_kind(packaged, "AWS::Serverless::Function")}

    assert found.keys() == made.keys()
    for name, each in found.items():
        other = made[name]
        assert each["Handler"] == other.handler
        assert each["Runtime"] == other.runtime
        assert each["MemorySize"] == other.memory_size
        assert each["Timeout"] == other.timeout
        assert each["Environment"]["Variables"] == other.environment_variables
        assert each.get("ReservedConcurrentExecutions") == other.reserved_concurrency
        assert each["Tracing"] == ("Active" if other.xray else "PassThrough")


def test_each_function_has_the_same_rights(packaged, deployed):
    for function in of_kind(packaged, "AWS::Serverless::Function"):
        (other,) = (
            each
            for each in of_class(deployed, LambdaFunction).values()
            if each.function_name == function["FunctionName"]
        )
        document = json.loads((ROOT / ".chalice" / other.role.policy.filename).read_text())
        assert policy_of(packaged, function) == document


def test_the_same_is_called_when_a_message_or_the_time_comes(packaged, deployed):
    events = {
        (
            each["FunctionName"],
            kind["Properties"].get("Schedule") or resolved(kind["Properties"]["Queue"]).rpartition(":")[2],
        )
        for each in of_kind(packaged, "AWS::Serverless::Function")
        for kind in each.get("Events", {}).values()
    }
    schedules = of_class(deployed, ScheduledEvent).values()
    queues = of_class(deployed, SQSEventSource).values()

    assert events == {(each.lambda_function.function_name, each.schedule_expression) for each in schedules} | {
        (each.lambda_function.function_name, each.queue) for each in queues
    }


def test_both_apis_are_of_one_stage_and_one_kind(packaged, deployed, stage):
    (rest,) = of_class(deployed, RestAPI).values()
    (sockets,) = of_class(deployed, WebsocketAPI).values()
    found = packaged["RestAPI"]["Properties"]

    assert found["EndpointConfiguration"] == rest.endpoint_type
    assert found["StageName"] == rest.api_gateway_stage == extras(stage).rest.stage
    assert found["MinimumCompressionSize"] == int(rest.minimum_compression)
    assert packaged["WebsocketAPIStage"]["Properties"]["StageName"] == sockets.api_gateway_stage
    assert packaged["WebsocketAPI"]["Properties"]["Name"] == sockets.name


def test_the_stage_of_the_rest_api_is_set_the_same(packaged, stage):
    found = packaged["RestAPI"]["Properties"]
    (limits,) = found["MethodSettings"]
    log = found["AccessLogSetting"]

    assert (limits["ResourcePath"], limits["HttpMethod"]) == ("/*", "*")
    assert doors.rest_door(ACCOUNT, "rest", extras(stage).rest).wanted == {
        "log": resolved(log["DestinationArn"]),
        "line": log["Format"],
        "a second": limits["ThrottlingRateLimit"],
        "burst": limits["ThrottlingBurstLimit"],
        "traced": found["TracingEnabled"],
        "level": limits["LoggingLevel"],
        "bodies": limits["DataTraceEnabled"],
    }


def test_the_stage_of_the_websocket_api_is_set_the_same(packaged, stage):
    found = packaged["WebsocketAPIStage"]["Properties"]
    limits, log = found["DefaultRouteSettings"], found["AccessLogSettings"]

    assert doors.sockets_door(ACCOUNT, "sockets", extras(stage).sockets).wanted == {
        "log": resolved(log["DestinationArn"]),
        "line": log["Format"],
        "a second": limits["ThrottlingRateLimit"],
        "burst": limits["ThrottlingBurstLimit"],
        "level": limits["LoggingLevel"],
        "bodies": limits["DataTraceEnabled"],
    }


def test_api_gateway_refuses_in_the_same_words(packaged, stage):
    found = packaged["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    wanted = {each.kind: doors.refusal(ACCOUNT, "rest", each).wanted for each in extras(stage).refusals}

    assert wanted == {
        kind: {
            "body": each["responseTemplates"]["application/json"],
            **({"statusCode": each["statusCode"]} if "statusCode" in each else {}),
        }
        for kind, each in found.items()
    }


def test_the_queue_brings_its_messages_the_same_way(packaged, stage):
    (source,) = extras(stage).event_sources
    (event,) = packaged["Work"]["Properties"]["Events"].values()

    assert (
        tuple(event["Properties"]["FunctionResponseTypes"])
        == lambdas.event_source(ACCOUNT, source, "").wanted["answers"]
    )
    assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": source.workers}


def test_as_many_instances_are_kept_warm_behind_the_same_alias(packaged, stage):
    wanted = {
        each.alias: setting.wanted["instances"]
        for each in extras(stage).provisioned
        for setting in lambdas.provisioned(ACCOUNT, each, "stream")
        if "instances" in setting.wanted
    }
    functions = of_kind(packaged, "AWS::Serverless::Function")

    assert wanted == {
        each["AutoPublishAlias"]: each["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"]
        for each in functions
        if "AutoPublishAlias" in each
    }
