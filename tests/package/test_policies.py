"""What the functions of a stage may do: the same in each, on that stage's resources, and no more."""

import json

import pytest

from tests.package.conftest import ROOT, STAGES

OWNED = (
    "dynamodb",
    "es",
    "logs",
    "secretsmanager",
    "sqs",
    "ssm",
)  # services whose resources carry the stage in their name


EVERYWHERE = {"lambda:ListEventSourceMappings"}  # what AWS grants on all resources or on none
FUNCTIONS = ("", "-sweep", "-refit")  # the API, and what has a policy of its own
VALVE = EVERYWHERE | {"lambda:UpdateEventSourceMapping"}
every_policy = pytest.mark.parametrize(("stage", "function"), [(s, f) for s in STAGES for f in FUNCTIONS])


def statements(stage, function=""):
    return json.loads((ROOT / f".chalice/policy-{stage}{function}.json").read_text())["Statement"]


def service_of(arn):
    return "" if arn == "*" else arn.split(":")[2]


def granted(stage, function):
    return {
        (action, arn) for each in statements(stage, function) for action in each["Action"] for arn in each["Resource"]
    }


@every_policy
def test_stages_differ_only_in_their_name(stage, function):
    renamed = json.dumps(statements(stage, function)).replace(f"tidegate-{stage}-", "tidegate-solo-")
    renamed = renamed.replace(f"tidegate/{stage}/", "tidegate/solo/")

    assert json.loads(renamed) == statements("solo", function)


@every_policy
def test_no_action_and_no_resource_is_a_wildcard(stage, function):
    for each in statements(stage, function):
        assert not [action for action in each["Action"] if "*" in action]
        assert "*" not in each["Resource"] or set(each["Action"]) <= EVERYWHERE


@every_policy
def test_a_stage_touches_only_its_own(stage, function):
    named = [arn for each in statements(stage, function) for arn in each["Resource"] if service_of(arn) in OWNED]

    assert named
    assert [arn for arn in named if f"tidegate-{stage}-" not in arn and f"tidegate/{stage}/" not in arn] == []


def test_every_stage_is_generated_from_its_policy_alone():
    config = json.loads((ROOT / ".chalice/config.json").read_text())

    assert config["autogen_policy"] is False
    assert {name: stage["iam_policy_file"] for name, stage in config["stages"].items()} == {
        name: f"policy-{name}.json" for name in STAGES
    }


def test_every_policy_is_used_by_a_function():
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    used = {
        each.get("iam_policy_file", stage["iam_policy_file"])
        for stage in config["stages"].values()
        for each in (stage, *stage["lambda_functions"].values())
    }

    assert used == {path.name for path in (ROOT / ".chalice").glob("policy-*.json")}


@pytest.mark.parametrize("stage", STAGES)
def test_the_api_alone_may_ask_endpoints_on_sagemaker_and_change_none(stage):
    asking = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
    places = ("arn:aws:sagemaker:*:*:endpoint/*", "arn:aws:sagemaker:*:*:inference-component/*")

    api, sweep = (
        {pair for pair in granted(stage, function) if ":sagemaker:" in pair[1]} for function in ("", "-sweep")
    )

    assert api == {(action, place) for action in asking for place in places}
    assert sweep == set()


@pytest.mark.parametrize("stage", STAGES)
def test_opensearch_is_asked_by_the_api_and_rid_of_what_expired_by_the_refit(stage):
    """Neither may delete an index; the refit searches and sends batches, and makes none."""
    methods = ("es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut")
    domains, collections = f"arn:aws:es:*:*:domain/tidegate-{stage}-*/*", "arn:aws:aoss:*:*:collection/*"

    api, sweep, refit = (
        {pair for pair in granted(stage, function) if service_of(pair[1]) in {"es", "aoss"}} for function in FUNCTIONS
    )

    assert api == {*((method, domains) for method in methods), ("aoss:APIAccessAll", collections)}
    assert refit == {("es:ESHttpPost", domains), ("aoss:APIAccessAll", collections)}
    assert sweep == set()


@pytest.mark.parametrize("stage", STAGES)
def test_the_sweep_may_do_less_than_the_api(stage):
    sweep, api = granted(stage, "-sweep"), granted(stage, "")
    tables = {arn.split("/")[1] for _, arn in sweep if ":dynamodb:" in arn}

    assert {action for action, _ in sweep} - {action for action, _ in api} == VALVE
    assert tables == {f"tidegate-{stage}-{name}" for name in ("ledger", "conversations", "jobs")}
    assert {action for action, arn in sweep if ":sqs:" in arn} == {
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
    }


@pytest.mark.parametrize("stage", STAGES)
def test_the_sweep_alone_turns_the_valve_of_the_stages_own_functions(stage):
    own = {"ArnLike": {"lambda:FunctionArn": f"arn:aws:lambda:*:*:function:tidegate-{stage}-*"}}

    (turning,) = (each for each in statements(stage, "-sweep") if "lambda:UpdateEventSourceMapping" in each["Action"])

    assert turning["Condition"] == own
    assert turning["Resource"] == ["arn:aws:lambda:*:*:event-source-mapping:*"]
    assert not [action for name in ("", "-refit") for action, _ in granted(stage, name) if action in VALVE]


@pytest.mark.parametrize("stage", STAGES)
def test_the_refit_reads_answers_and_writes_what_it_learned_alone(stage):
    refit = {pair for pair in granted(stage, "-refit") if ":dynamodb:" in pair[1]}
    written = {arn.split("/")[1] for action, arn in refit if "Get" not in action and "Query" not in action}

    assert {action for action, _ in refit} < {action for action, _ in granted(stage, "")}
    assert {arn.split("/")[1] for _, arn in refit} == {f"tidegate-{stage}-entries", f"tidegate-{stage}-answers"}
    assert written == {f"tidegate-{stage}-entries"}


@pytest.mark.parametrize("stage", STAGES)
def test_connections_are_posted_to_by_the_api_and_ended_by_the_sweep_too(stage):
    place = "arn:aws:execute-api:*:*:*/api/{}/@connections/*"  # an API is named when it is made
    posted, ended = (("execute-api:ManageConnections", place.format(method)) for method in ("POST", "DELETE"))

    found = {
        function: {pair for pair in granted(stage, function) if ":execute-api:" in pair[1]} for function in FUNCTIONS
    }

    assert found == {"": {posted, ended}, "-sweep": {ended}, "-refit": set()}


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_api_reads_secrets_and_does_no_more_with_them(stage):
    catalogue = f"arn:aws:ssm:*:*:parameter/tidegate/{stage}/catalogue"
    secrets = {action for action, arn in granted(stage, "") if ":secretsmanager:" in arn or ":ssm:" in arn}
    sweep = {action for action, arn in granted(stage, "-sweep") if arn not in {catalogue, f"{catalogue}/*"}}

    assert "secretsmanager:GetSecretValue" in secrets
    assert [action for action in secrets if ":Get" not in action] == []
    assert not secrets & sweep
