"""What CloudFormation makes of a package is what `chalice deploy` plans; `test_two_ways` has what is set after it."""

import json
from types import SimpleNamespace

import pytest
from chalice.app import SQSEventConfig
from chalice.cli.factory import CLIFactory
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.models import LambdaFunction, RestAPI, ScheduledEvent, SQSEventSource, WebsocketAPI
from chalice.deploy.swagger import TemplatedSwaggerGenerator

from app import app
from chalicelib.bootstrap import queue
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


def methods_of(paths):
    """Each path's methods, with how API Gateway comes to their answer."""
    return {
        path: {name: each["x-amazon-apigateway-integration"]["type"] for name, each in methods.items()}
        for path, methods in paths.items()
    }


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
        known = {key: value for key, value in each["Environment"]["Variables"].items() if isinstance(value, str)}
        later = each["Environment"]["Variables"].keys() - known.keys()
        assert known == {key: value for key, value in other.environment_variables.items() if key not in later}
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


def test_every_path_has_the_same_methods_and_the_app_says_what_a_page_may(packaged):
    deployed = methods_of(TemplatedSwaggerGenerator().generate_swagger(app)["paths"])

    assert methods_of(packaged["RestAPI"]["Properties"]["DefinitionBody"]["paths"]) == deployed
    asked = {path: methods.get("options") for path, methods in deployed.items()}
    assert asked == dict.fromkeys(app.routes, "aws_proxy")
