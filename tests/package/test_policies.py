"""What the functions of a stage may do: as `infra.grants` says, on that stage's resources, and no more."""

import json

import pytest

from infra.grants import CONNECTIONS, connections, policy
from infra.project import configuration, files, merged
from infra.stages import API, STAGES, function_name
from tests.package.conftest import ROOT

OWNED = ("dynamodb", "es", "logs", "secretsmanager", "sqs", "ssm")  # whose resources carry the stage in their name
EVERYWHERE = {"lambda:ListEventSourceMappings", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
UNNAMED = {  # what has a name of its own making, or the operator's choice
    "arn:*:aoss:*:*:collection/*",
    "arn:*:bedrock:*:*:application-inference-profile/*",
    "arn:*:bedrock:*:*:guardrail/*",
    "arn:*:bedrock:*:*:inference-profile/*",
    "arn:*:bedrock:*::foundation-model/*",
    "arn:*:lambda:*:*:event-source-mapping:*",
    "arn:*:sagemaker:*:*:endpoint/*",
    "arn:*:sagemaker:*:*:inference-component/*",
}
FUNCTIONS = sorted(STAGES["solo"].functions)
CONFIG = json.loads((ROOT / ".chalice/config.json").read_text())
every_policy = pytest.mark.parametrize(("stage", "function"), [(s, f) for s in STAGES for f in FUNCTIONS])
every_stage = pytest.mark.parametrize("stage", STAGES)


def statements(stage, function):
    return json.loads((ROOT / f".chalice/policy-{stage}-{function}.json").read_text())["Statement"]


def service_of(arn):
    return "" if arn == "*" else arn.split(":")[2]


def granted(stage, function):
    return {
        (action, arn) for each in statements(stage, function) for action in each["Action"] for arn in each["Resource"]
    }


def who_may(stage, *services):
    """The functions that have any right to a service."""
    return {name for name in FUNCTIONS if {service_of(arn) for _, arn in granted(stage, name)} & set(services)}


def tables(stage, function, *, written=False):
    asked = {(action, arn) for action, arn in granted(stage, function) if service_of(arn) == "dynamodb"}
    return {
        arn.split("/")[1] for action, arn in asked if not written or ("Get" not in action and "Query" not in action)
    }


def test_what_is_deployed_is_what_the_code_says():
    """`python -m infra.project` writes them."""
    assert [str(path.relative_to(ROOT)) for path, text in files().items() if path.read_text() != text] == []
    assert {path.name for path in (ROOT / ".chalice").glob("policy-*.json")} == {
        path.name for path in files() if path.name.startswith("policy-")
    }


def test_what_an_operator_wrote_stays():
    ours = {"stages": {"solo": {"xray": False, "environment_variables": {"A": "ours", "B": "ours"}}}}
    there = {"domain": 1, "stages": {"solo": {"xray": True, "environment_variables": {"A": "own"}}, "own": {}}}

    assert merged(there, ours) == {
        "domain": 1,
        "stages": {"solo": {"xray": False, "environment_variables": {"A": "own", "B": "ours"}}, "own": {}},
    }


def test_every_function_of_every_stage_has_a_policy_of_its_own():
    used = [
        each["iam_policy_file"] for stage in CONFIG["stages"].values() for each in stage["lambda_functions"].values()
    ]

    assert CONFIG["autogen_policy"] is False
    assert len(set(used)) == len(used) == len(STAGES) * len(FUNCTIONS)
    assert not [name for name, stage in CONFIG["stages"].items() if "iam_policy_file" in stage]  # none by default


def test_stages_are_told_apart_by_one_table():
    assert merged(CONFIG, configuration()) == CONFIG
    for name, stage in STAGES.items():
        for function, size in stage.functions.items():
            told = CONFIG["stages"][name]["lambda_functions"][function]
            assert (told["lambda_memory_size"], told["lambda_timeout"]) == (size.memory_mb, size.timeout_s)
            assert told.get("reserved_concurrency") == size.reserved


@every_policy
def test_stages_differ_only_in_their_name_in_traces_and_in_regions(stage, function):
    renamed = json.dumps(statements(stage, function)).replace(f"tidegate-{stage}", "tidegate-solo")
    found = json.loads(renamed.replace(f"tidegate/{stage}/", "tidegate/solo/"))
    more = [each["Sid"] for each in found if each not in statements("solo", function)]

    assert [each for each in statements("solo", function) if each not in found] == []
    traces = ["Traces"] if STAGES[stage].tracing else []
    regions = [sid for sid in more if sid.startswith(("Own", "OtherRegions", "Seats"))] if STAGES[stage].regions else []
    assert more == regions + traces


@every_policy
def test_no_action_is_a_wildcard_and_no_resource_that_is_not_listed_here(stage, function):
    for each in statements(stage, function):
        assert not [action for action in each["Action"] if "*" in action]
        assert "*" not in each["Resource"] or set(each["Action"]) <= EVERYWHERE


@every_policy
def test_a_stage_touches_only_its_own(stage, function):
    names = (f"tidegate-{stage}-", f"tidegate/{stage}/", f"{function_name(stage, function)}:")
    places = {arn for _, arn in granted(stage, function)} - {"*"}

    assert {arn for arn in places if not any(name in arn for name in names)} <= UNNAMED
    assert not [arn for arn in places & UNNAMED if service_of(arn) in OWNED]


@every_policy
def test_a_function_writes_into_its_own_log_and_makes_none(stage, function):
    logs = {pair for pair in granted(stage, function) if service_of(pair[1]) == "logs"}
    group = f"arn:*:logs:*:*:log-group:/aws/lambda/{function_name(stage, function)}:*"

    assert logs == {("logs:CreateLogStream", group), ("logs:PutLogEvents", group)}


@every_stage
def test_models_are_asked_by_what_takes_turns_and_none_is_changed(stage):
    asking = {action for _, statement in _of(stage, "bedrock", "sagemaker") for action in statement["Action"]}

    assert who_may(stage, "bedrock") == who_may(stage, "sagemaker") == {API, "stream", "websocket_message", "work"}
    assert asking == {
        "bedrock:ApplyGuardrail",
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
        "sagemaker:InvokeEndpoint",
        "sagemaker:InvokeEndpointWithResponseStream",
    }


@every_stage
def test_opensearch_is_asked_by_turns_and_rid_of_what_expired_by_the_refit(stage):
    """None may delete an index; the refit searches and sends batches, and makes none."""
    methods = ("es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut")
    domains, collections = f"arn:*:es:*:*:domain/tidegate-{stage}-*/*", "arn:*:aoss:*:*:collection/*"

    found = {
        name: {pair for pair in granted(stage, name) if service_of(pair[1]) in {"es", "aoss"}} for name in FUNCTIONS
    }

    turning = {*((method, domains) for method in methods), ("aoss:APIAccessAll", collections)}
    assert {name for name, rights in found.items() if rights == turning} == who_may(stage, "bedrock")
    assert found["refit"] == {("es:ESHttpPost", domains), ("aoss:APIAccessAll", collections)}
    assert who_may(stage, "es", "aoss") == who_may(stage, "bedrock") | {"refit"}


@every_stage
def test_keys_and_plans_are_written_by_the_administration_alone(stage):
    access = f"tidegate-{stage}-access"

    assert {name for name in FUNCTIONS if access in tables(stage, name, written=True)} == {API}


@every_stage
def test_nobody_may_change_the_audit_trail_once_it_is_written(stage):
    """`PutItem` is for what is new, on the adapter's condition: no policy can speak of conditions."""
    table = f":table/tidegate-{stage}-access"
    every = [each for name in FUNCTIONS for each in statements(stage, name)]
    found = [each for each in every if any(arn.endswith(table) for arn in each["Resource"])]
    rights = {action.partition(":")[2] for each in found for action in each["Action"]}
    updating = [each for each in found if "dynamodb:UpdateItem" in each["Action"]]

    assert rights == {"BatchGetItem", "GetItem", "PutItem", "UpdateItem"}
    assert [(each["Action"], each["Condition"]) for each in updating] == [
        (["dynamodb:UpdateItem"], {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["plans"]}})
    ]


@every_stage
def test_a_connection_is_opened_and_forgotten_with_one_right_each(stage):
    rights = {
        name: {action for action, arn in granted(stage, f"websocket_{name}") if service_of(arn) == "dynamodb"}
        for name in ("connect", "disconnect")
    }

    assert rights["connect"] - {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"} == {"dynamodb:PutItem"}
    assert rights["disconnect"] - {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"} == {
        "dynamodb:DeleteItem"
    }


def test_connections_are_posted_to_by_what_answers_on_them_on_the_stages_own_api():
    api = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3"
    found = {name: connections(name, api)["Statement"] for name in CONNECTIONS}
    may = {name: {arn for each in said for arn in each["Resource"]} for name, said in found.items()}
    ended, posted = f"{api}/api/DELETE/@connections/*", f"{api}/api/POST/@connections/*"

    assert {name for name, arns in may.items() if posted in arns} == {"work", "websocket_message"}
    assert {name for name, arns in may.items() if ended in arns} == {API, "sweep", "work", "websocket_message"}
    assert {action for said in found.values() for each in said for action in each["Action"]} == {
        "execute-api:ManageConnections"
    }
    assert set().union(*may.values()) == {ended, posted}
    assert [name for stage in STAGES for name in who_may(stage, "execute-api")] == []  # the files know no API


@every_stage
def test_the_queue_is_emptied_by_the_worker_alone(stage):
    taking = {name for name in FUNCTIONS for action, _ in granted(stage, name) if action == "sqs:DeleteMessage"}

    assert taking == {"work"}
    assert "refit" not in who_may(stage, "sqs")


@every_stage
def test_the_sweep_alone_turns_the_valve_and_only_that_of_the_stages_worker(stage):
    work = {"ArnLike": {"lambda:FunctionArn": f"arn:*:lambda:*:*:function:tidegate-{stage}-work"}}

    (turning,) = (each for each in statements(stage, "sweep") if "lambda:UpdateEventSourceMapping" in each["Action"])

    assert turning["Condition"] == work
    assert turning["Resource"] == ["arn:*:lambda:*:*:event-source-mapping:*"]
    assert who_may(stage, "lambda") == {"sweep"}


@every_stage
def test_the_sweep_and_the_refit_read_no_secret_and_write_where_they_must(stage):
    named = {f"tidegate-{stage}-{name}" for name in ("ledger", "conversations", "jobs")}

    assert who_may(stage, "secretsmanager") == set(FUNCTIONS) - {"sweep", "refit"}
    assert {name for name in tables(stage, "sweep", written=True) if "$" not in name} == named
    assert tables(stage, "refit", written=True) == {f"tidegate-{stage}-entries"}
    assert tables(stage, "refit") == {f"tidegate-{stage}-entries", f"tidegate-{stage}-answers"}


@every_stage
def test_whoever_only_opens_and_closes_reads_the_peppers_and_no_other_secret(stage):
    peppers = f"arn:*:secretsmanager:*:*:secret:tidegate/{stage}/peppers-*"

    for name in ("websocket_connect", "websocket_disconnect"):
        assert {arn for _, arn in granted(stage, name) if service_of(arn) == "secretsmanager"} == {peppers}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_region_writes_the_counters_of_its_own(function):
    """The name of the Region that a call goes to is put into the table's name: another's is read at most."""
    found = policy(STAGES["scale"], function)["Statement"]
    counting = [
        each for each in found if any(f"{name}-" in arn for name in ("ledger", "jobs") for arn in each["Resource"])
    ]

    for each in counting:
        writes = [action for action in each["Action"] if "Get" not in action and "Query" not in action]
        own = all("-${aws:RequestedRegion}" in arn for arn in each["Resource"])
        assert own or not writes


def _of(stage, *services):
    return [
        (name, each)
        for name in FUNCTIONS
        for each in statements(stage, name)
        if {service_of(arn) for arn in each["Resource"]} & set(services)
    ]
