"""What `make deploy` tells AWS's API, and what the packaged template has: the same by both ways of deploying."""

import json
from types import SimpleNamespace

import pytest

from infra import addresses
from infra.deploy import doors, lambdas, roles, streams, wanted
from infra.deploy.inventory import Inventory
from infra.deploy.project import Project
from infra.deploy.wish import Wish
from infra.extras import extras, qualifier
from infra.stages import STAGES, function_name
from infra.templates import DATA, read
from tests.contract.stores import REGION
from tests.package.conftest import ROOT

NUMBER = "123456789012"
API, SOCKETS = "a1b2c3d4e5", "f6g7h8i9j0"
KNOWN = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": NUMBER, "AWS::URLSuffix": "amazonaws.com"}


class Recorder:
    """An account in which nothing is there yet but what Chalice makes; it keeps what it was told."""

    partition, region, number = "aws", REGION, NUMBER

    def __init__(self):
        self.told = {}

    def client(self, service):
        return Client(service, self.told)

    def until(self, done, _what):
        assert done()

    def function_arn(self, name):
        return f"arn:aws:lambda:{REGION}:{NUMBER}:function:{name}"


class Client:
    """Answers as if Chalice had just been there."""

    def __init__(self, service, told):
        self._service, self._told = service, told

    def __getattr__(self, operation):
        def call(**asked):
            self._told.setdefault(f"{self._service}.{operation}", []).append(asked)
            return ANSWERS.get(operation, {})

        return call

    def get_paginator(self, _operation):
        paths = [{"id": path, "path": path} for path in ("/v1/chat/completions", "/v1/responses", *LONGER)]
        return SimpleNamespace(paginate=lambda **_: [{"items": paths}])


LONGER = ("/v1/responses/{response_id}",)
ANSWERS = {
    "get_event_source_mapping": {"State": "Enabled"},
    "publish_version": {"Version": "1"},
    "get_alias": {},
    "get_policy": None,
    "describe_stacks": {"Stacks": [{}]},
    "get_account": {},
    "get_function_configuration": {"Environment": {"Variables": {"CHALICES": "own"}}},
}


@pytest.fixture
def stage(template):
    return STAGES[template.parent.name]


@pytest.fixture
def told(stage):
    """Every call by which the settings of a stage are made."""
    account, asked = Recorder(), extras(stage)
    mapped = ({"resource_type": "sqs_event", "name": "work-sqs-event-source", "event_uuid": "uuid"},)
    made = (
        {"resource_type": "websocket_api", "name": "websocket_api", "websocket_api_id": SOCKETS},
        *({"resource_type": "iam_role", "name": f"{name}_role", "role_arn": name} for name in stage.functions),
    )
    stream = account.function_arn(function_name(stage.name, "stream")) + qualifier(stage, "stream")
    settings = [
        *(lambdas.told(account, function_name(stage.name, name), own) for name, own in told_of_apis(stage).items()),
        *roles.of_roles(account, Inventory((*mapped, *made))),
        *lambdas.of_functions(account, asked, Inventory(mapped)),
        *(doors.refusal(account, API, each) for each in asked.refusals),
        *streams.of_streams(account, API, stream),
        doors.rest_door(account, API, asked.rest),
        doors.sockets_door(account, SOCKETS, asked.sockets),
    ]
    for each in settings:
        each.write()
    return account.told


def told_of_apis(stage):
    """What functions learn of APIs that Chalice has just made."""
    hosts = {
        "rest": f"{API}.execute-api.{REGION}.amazonaws.com",
        "sockets": f"{SOCKETS}.execute-api.{REGION}.amazonaws.com",
    }
    return addresses.told(Project(ROOT, stage.name).environments, **hosts)


@pytest.fixture
def resources(template):
    found = json.loads(template.read_text())["Resources"]
    return {name: each.get("Properties", {}) for name, each in found.items()}


def resolved(value, known=KNOWN):
    """A template's value with what is known put in."""
    match value:
        case {"Fn::Sub": text}:
            for name, each in known.items():
                text = text.replace(f"${{{name}}}", each)
            return text
        case dict():
            return {name: resolved(each, known) for name, each in value.items()}
        case list():
            return [resolved(each, known) for each in value]
    return value


def test_functions_are_told_the_same_of_both_apis(told, resources):
    calls = {
        each["FunctionName"]: each["Environment"]["Variables"] for each in told["lambda.update_function_configuration"]
    }
    known = {**KNOWN, "RestAPI": API, "WebsocketAPI": SOCKETS}
    in_template = {
        each["FunctionName"]: {
            name: resolved(value, known)
            for name, value in each["Environment"]["Variables"].items()
            if isinstance(value, dict)
        }
        for each in resources.values()
        if "Environment" in each
    }

    assert {name: {**own, "CHALICES": "own"} for name, own in in_template.items() if own} == calls


def test_the_queue_is_mapped_alike(told, resources):
    (call,) = told["lambda.update_event_source_mapping"]
    (event,) = resources["Work"]["Events"].values()

    assert {name: event["Properties"][name] for name in ("FunctionResponseTypes", "ScalingConfig")} == {
        name: call[name] for name in ("FunctionResponseTypes", "ScalingConfig")
    }


def test_the_same_functions_are_called_by_a_schedule(told, resources, stage):
    scheduled = {
        each["FunctionName"]
        for each in resources.values()
        for event in each.get("Events", {}).values()
        if event["Type"] == "Schedule" and event["Properties"].get("State", "ENABLED") == "ENABLED"
    }

    assert scheduled == {function_name(stage.name, each) for each in extras(stage).schedules}
    assert len(told["events.enable_rule"]) == len(scheduled)


def test_as_many_instances_are_kept_warm(told, resources, stage):
    calls = told.get("lambda.put_provisioned_concurrency_config", [])
    in_template = {
        each["FunctionName"]: (each["AutoPublishAlias"], each["ProvisionedConcurrencyConfig"])
        for each in resources.values()
        if "ProvisionedConcurrencyConfig" in each
    }

    assert in_template == {
        each["FunctionName"]: (
            each["Qualifier"],
            {"ProvisionedConcurrentExecutions": each["ProvisionedConcurrentExecutions"]},
        )
        for each in calls
    }
    assert bool(calls) == any(each.provisioned for each in stage.functions.values())


def test_the_gateway_refuses_in_the_same_words(told, resources):
    calls = told["apigateway.put_gateway_response"]

    by_kind = {each.pop("responseType"): {**each, "restApiId": None} for each in map(dict, calls)}

    definition = resources["RestAPI"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    assert by_kind == {kind: {**each, "restApiId": None} for kind, each in definition.items()}


def test_the_rest_api_logs_traces_and_throttles_alike(told, resources):
    (call,) = told["apigateway.update_stage"]
    patched = {each["path"]: each["value"] for each in call["patchOperations"]}
    rest = resolved(resources["RestAPI"])
    (methods,) = rest["MethodSettings"]

    assert patched == {
        "/accessLogSettings/destinationArn": rest["AccessLogSetting"]["DestinationArn"],
        "/accessLogSettings/format": rest["AccessLogSetting"]["Format"],
        "/tracingEnabled": str(rest["TracingEnabled"]).lower(),
        "/*/*/throttling/rateLimit": str(float(methods["ThrottlingRateLimit"])),
        "/*/*/throttling/burstLimit": str(methods["ThrottlingBurstLimit"]),
        "/*/*/logging/loglevel": methods["LoggingLevel"],
        "/*/*/logging/dataTrace": str(methods["DataTraceEnabled"]).lower(),
    }


def test_the_websocket_api_logs_and_throttles_alike(told, resources):
    (call,) = told["apigatewayv2.update_stage"]
    sockets = resolved(resources["WebsocketAPIStage"])

    assert call["AccessLogSettings"] == sockets["AccessLogSettings"]
    assert call["DefaultRouteSettings"] == sockets["DefaultRouteSettings"]


def test_the_same_functions_answer_on_the_stages_own_connections(told, resources):
    in_template = {
        each["Roles"][0]["Ref"].removesuffix("Role").lower(): resolved(each["PolicyDocument"])
        for name, each in resources.items()
        if name.endswith("Connections")
    }

    assert in_template == {
        call["RoleName"].replace("_", ""): json.loads(call["PolicyDocument"].replace(f":{SOCKETS}", ":${WebsocketAPI}"))
        for call in told["iam.put_role_policy"]
    }


def test_the_streaming_function_may_be_called_by_the_same_api(told, resources):
    (call,) = told["lambda.add_permission"]
    permission = resolved(resources["StreamInvokePermission"])

    assert permission["SourceArn"].replace("${RestAPI}", API) == call["SourceArn"]
    assert (permission["Action"], permission["Principal"]) == (call["Action"], call["Principal"])
    assert permission["FunctionName"].partition(":")[2] == call.get("Qualifier", "")


def test_what_lasts_is_made_of_the_same_template_and_parameters(template, stage):
    found = wanted.data_stack(Recorder(), stage, Wish(stage=stage.name))
    beside = template.parent

    given = json.loads((beside / "data-parameters.json").read_text())
    assert {f"{name}={value}" for name, value in found.parameters.items()} == set(given)
    assert {**found.template, "Resources": None} == {**read(beside / "data.yaml"), "Resources": None}
    assert found.template["Resources"].keys() == read(DATA)["Resources"].keys()


def test_it_is_watched_by_the_same_stack(template, stage):
    there = [{"resource_type": "iam_role", "name": f"{name}_role", "role_arn": name} for name in stage.functions]
    apis = (
        {"resource_type": "rest_api", "name": "rest_api", "rest_api_id": API},
        {"resource_type": "websocket_api", "name": "websocket_api", "websocket_api_id": SOCKETS},
    )

    found = wanted.watch_stack(Recorder(), stage, Wish(stage=stage.name), Inventory((*there, *apis)))

    assert found.template == json.loads((template.parent / "watch.json").read_text())
    assert found.parameters.keys() <= found.template["Parameters"].keys()
    needed = {name for name, each in found.template["Parameters"].items() if "Default" not in each}
    assert needed <= found.parameters.keys()
