"""Taking a stage away: what goes, what stays, and who must say so."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from infra.deploy.__main__ import destroy
from infra.deploy.destroy import NoStack, refuse_unconfirmed
from infra.deploy.faults import CannotDeploy
from infra.deploy.kept_key import kept_key
from infra.deploy.naming import named_in_full
from infra.deploy.shared import used_elsewhere
from infra.deploy.stacks import Stack, Wanted
from infra.deploy.wish import Wish
from infra.stages import STAGES
from tests.infra.deploy_world import World, environment
from tests.infra.test_deploy_checks import account, error

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {
        "TableName": {"Fn::Sub": "notes-${Stage}"},
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    },
}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "line"}}


@pytest.mark.parametrize("answer", ["", "team", "y", "SOLO"])
def test_only_the_name_of_the_stage_is_a_yes(answer):
    with pytest.raises(CannotDeploy, match="nothing was touched: type solo, or say CONFIRM=solo"):
        refuse_unconfirmed(Wish(stage="solo"), answer)

    refuse_unconfirmed(Wish(stage="solo"), "solo\n")


def test_what_people_said_and_who_they_are_stays(world):
    world.deploy()

    world.destroy()

    tables = world.client("dynamodb").list_tables()["TableNames"]
    assert {"tidegate-solo-access", "tidegate-solo-conversations", "tidegate-solo-ledger"} <= set(tables)
    assert [each["Name"] for each in world.client("secretsmanager").list_secrets()["SecretList"]]
    assert world.client("lambda").list_functions()["Functions"] == []
    assert world.client("apigateway").get_rest_apis()["items"] == []
    assert world.client("cloudformation").describe_stacks()["Stacks"] == []
    assert not (world.folder / ".chalice/deployed/solo.json").exists()


def test_the_record_of_what_is_gone_goes_where_a_deletion_was_cut_before_it_could_say_so(world):
    record = world.folder / ".chalice/deployed/solo.json"
    world.deploy()
    before = record.read_text()
    world.destroy()
    record.write_text(before)
    world.calls.made.clear()

    world.destroy()

    assert not record.exists()
    assert not [each for each in world.calls.made if each.partition(".")[2].startswith("Delete")]


def test_what_cloudformation_deployed_is_not_taken_away(world):
    with environment(**world.variables):
        blueprint = world.blueprint()
        theirs = Wanted(name="tidegate-solo", stage="solo", template={"Resources": {"Line": QUEUE}}, parameters={})
        Stack(blueprint.account, "tidegate-solo", "theirs", lambda: theirs, replace=False).apply(world.said.append)

        with pytest.raises(CannotDeploy, match="tidegate-solo deploys this stage by CloudFormation"):
            destroy(blueprint, Wish(stage="solo", confirm="solo"))

    assert [each["StackName"] for each in world.client("cloudformation").describe_stacks()["Stacks"]] == [
        "tidegate-solo"
    ]


def test_a_stack_that_would_lose_something_is_changed_only_when_told(world):
    with environment(**world.variables):
        account = world.blueprint().account
        before = wanted(Line=QUEUE, Spare={"Type": "AWS::SQS::Queue"})
        after = wanted(Line={**QUEUE, "Properties": {"QueueName": "other"}})
        Stack(account, "lines", "lines", lambda: before, replace=False).apply(world.said.append)
        careful = Stack(account, "lines", "lines", lambda: after, replace=False)

        planned = {str(each) for each in careful.changes()}
        with pytest.raises(CannotDeploy, match=r"Line, Spare of the stack lines would be .* with REPLACE=1"):
            careful.apply(world.said.append)
        left = world.client("cloudformation").list_change_sets(StackName="lines")["Summaries"]
        Stack(account, "lines", "lines", lambda: after, replace=True).apply(world.said.append)

        assert "Spare (AWS::SQS::Queue): there -> REMOVED" in planned
        assert "Line (AWS::SQS::Queue): there -> REPLACED, changed: QueueName" in planned
        assert left == []
        assert careful.changes() == []
        assert [url.rpartition("/")[2] for url in world.client("sqs").list_queues()["QueueUrls"]] == ["other"]


def test_a_stack_that_cannot_be_made_says_why_and_is_not_there(world):
    with environment(**world.variables):
        account = world.blueprint().account
        page = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardName": "x" * 300, "DashboardBody": "{}"}}
        broken = wanted(Line=QUEUE, Page=page)
        step = Stack(account, "lines", "lines", lambda: broken, replace=False)

        with pytest.raises(CannotDeploy, match=r"could not do it \(\w+\): Page: "):
            step.apply(world.said.append)

        assert [str(each) for each in step.changes()] == ["stack lines: absent -> made"]


def test_a_stack_that_cloudformation_refuses_is_not_begun(world):
    world.client("logs").create_log_group(logGroupName="lines")
    lines = {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Delete", "Properties": {"LogGroupName": "lines"}}
    with environment(**world.variables):
        step = Stack(world.blueprint().account, "lines", "lines", lambda: wanted(Lines=lines), replace=False)

        with pytest.raises(CannotDeploy, match=r"CloudFormation refuses lines: .*already exist"):
            step.apply(world.said.append)

    assert world.client("cloudformation").describe_stacks()["Stacks"] == []


def test_a_table_that_outlived_its_stack_is_taken_in_again(world):
    template = {"Parameters": {"Stage": {"Type": "String"}}, "Resources": {"Table": TABLE}}
    told = {"Stage": "solo"}
    full = Wanted(name="lines", stage="solo", template=named_in_full(template, told), parameters=told)
    with environment(**world.variables):
        account = world.blueprint().account
        step = Stack(account, "lines", "lines", lambda: full, replace=False)
        step.apply(world.said.append)
        table = world.client("dynamodb")
        table.put_item(TableName="notes-solo", Item={"pk": {"S": "kept"}})
        NoStack(account, "lines").apply(world.said.append)

        step.apply(world.said.append)

        assert step.changes() == []
    assert [item["pk"]["S"] for item in table.scan(TableName="notes-solo")["Items"]] == ["kept"]


def wanted(**resources):
    return Wanted(name="lines", stage="solo", template={"Resources": resources}, parameters={})


def test_the_key_of_what_is_kept_is_used_again(emulator, tmp_path):
    """A second one would cost, and nobody could tell which of them what is encrypted by."""
    world = World(emulator, "300000000011", tmp_path / "project", "scale")
    world.deploy()
    (key,) = keys_of(world)
    for _ in range(2):  # the second time it is of no stack any more
        world.destroy()
        under(world, key)  # which the emulator does not note

        world.checkout()
        world.deploy()

        assert keys_of(world) == {key}
        assert world.changes() == []


@pytest.mark.parametrize("state", ["PendingDeletion", "Disabled"])
def test_what_is_kept_under_a_key_that_cannot_be_used_is_said(state):
    there = account(
        describe_table={"Table": {"SSEDescription": {"KMSMasterKeyArn": "arn:key"}}},
        describe_key={"KeyMetadata": {"KeyManager": "CUSTOMER", "KeyState": state}},
    )

    with pytest.raises(CannotDeploy, match=f"the key arn:key, which jobs is under, is {state}.*enable-key --key-id"):
        kept_key(there, "jobs")


@pytest.mark.parametrize(
    "said",
    [
        {"describe_table": error("ResourceNotFoundException")},
        {"describe_table": {"Table": {"SSEDescription": None}}},
        {
            "describe_table": {"Table": {"SSEDescription": {"KMSMasterKeyArn": "arn:key"}}},
            "describe_key": {"KeyMetadata": {"KeyManager": "AWS", "KeyState": "Enabled"}},
        },
    ],
)
def test_a_key_of_awss_is_not_taken_for_ones_own(said):
    assert kept_key(account(**{"describe_key": {}, **said}), "jobs") == ""


def keys_of(world):
    """What CloudFormation made and let stay: the keys of the customer's in the account."""
    client = world.client("kms")
    keys = [client.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in client.list_keys()["Keys"]]
    return {each["Arn"] for each in keys if each["KeyManager"] == "CUSTOMER"}


def under(world, key):
    wanted = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    world.client("dynamodb").update_table(TableName="tidegate-scale-jobs", SSESpecification=wanted)


def test_roles_stay_as_long_as_the_stage_is_in_another_region(world, emulator):
    """They are the account's, and have the same names in every Region."""
    other = World(emulator, world.number, world.folder.with_name("other"), region="eu-west-1")
    world.deploy()
    other.deploy()

    world.destroy(data=True)
    left, again = other.changes(), len(world.said)
    world.destroy(data=True)

    assert left == []
    assert other.client("iam").list_role_policies(RoleName="tidegate-solo-work")["PolicyNames"] == [
        "tidegate-solo-work",
        "connections-eu-west-1",
    ]
    assert roles_of(other) == {f"tidegate-solo-{name}" for name in STAGES["solo"].functions}
    assert world.client("lambda").list_functions()["Functions"] == []
    assert "  roles stay for eu-west-1: " in next(each for each in world.said if "roles stay" in each)
    assert world.said[again:] == []
    assert not (world.folder / ".chalice/deployed/solo.json").exists()

    other.destroy(data=True)

    assert roles_of(other) == set()


def roles_of(world):
    names = {each["RoleName"] for each in world.client("iam").list_roles()["Roles"]}
    return {name for name in names if "GatewayLogs" not in name}


@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        (error("UnrecognizedClientException"), {}),
        (error("AccessDeniedException", "with an explicit deny in a service control policy"), {}),
        (error("AccessDeniedException"), {"tidegate-solo-work": "eu-west-1"}),
        (EndpointConnectionError(endpoint_url="https://lambda"), {"tidegate-solo-work": "eu-west-1"}),
    ],
)
def test_a_region_that_cannot_be_looked_into_keeps_its_roles(fault, kept):
    def refuse(_operation):
        raise fault

    there = SimpleNamespace(elsewhere=["eu-west-1"], in_region=lambda _: SimpleNamespace(get_paginator=refuse))

    assert used_elsewhere(there, {"tidegate-solo-work": "arn:role"}) == kept
