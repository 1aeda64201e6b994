"""What infra/data.yaml promises, whoever deploys it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TEMPLATE = Path(__file__).parents[2] / "infra" / "data.yaml"
KEPT = {"AccessTable", "JobsTable", "LedgerTable", "ConversationsTable"}
LONGEST_FUNCTION_S = 120


class Loader(yaml.SafeLoader):
    """Reads `!Ref name` and its like as `{"Ref": "name"}`."""


def intrinsic(loader, suffix, node):
    return {suffix: loader.construct_scalar(node)}


Loader.add_multi_constructor("!", intrinsic)
DATA = yaml.load(TEMPLATE.read_text(), Loader)
RESOURCES = DATA["Resources"]
TABLES = {name: found["Properties"] for name, found in RESOURCES.items() if found["Type"] == "AWS::DynamoDB::Table"}
QUEUES = {name: found["Properties"] for name, found in RESOURCES.items() if found["Type"] == "AWS::SQS::Queue"}


def test_the_linter_of_cloudformation_has_nothing_to_say():
    lint = [sys.executable, "-c", "from cfnlint.runner import main; main()", str(TEMPLATE)]

    done = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_an_idle_stage_costs_nothing():
    assert {table["BillingMode"] for table in TABLES.values()} == {"PAY_PER_REQUEST"}
    assert {resource["Type"] for resource in RESOURCES.values()} == {"AWS::DynamoDB::Table", "AWS::SQS::Queue"}


def test_stages_share_an_account():
    names = [found.get("TableName", found.get("QueueName")) for found in (TABLES | QUEUES).values()]

    assert len({name["Sub"] for name in names}) == len(RESOURCES)
    assert all(name["Sub"].startswith("tidegate-${Stage}-") for name in names)


def test_everything_is_encrypted_at_rest():
    assert all(table["SSESpecification"] == {"SSEEnabled": True} for table in TABLES.values())
    assert all(queue["SqsManagedSseEnabled"] is True for queue in QUEUES.values())


@pytest.mark.parametrize("name", sorted(TABLES))
def test_rows_expire_by_one_attribute_everywhere(name):
    assert TABLES[name]["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_what_cannot_be_made_again_outlives_the_stack():
    kept = {name for name, found in RESOURCES.items() if found["DeletionPolicy"] == "Retain"}

    assert kept == KEPT
    assert all(found["DeletionPolicy"] == found["UpdateReplacePolicy"] for found in RESOURCES.values())


def test_history_is_kept_of_what_cannot_be_made_again_where_the_stage_asks():
    wanted = {"PointInTimeRecoveryEnabled": {"Ref": "PointInTimeRecovery"}}

    assert {name for name, table in TABLES.items() if "PointInTimeRecoverySpecification" in table} == KEPT
    assert all(TABLES[name]["PointInTimeRecoverySpecification"] == wanted for name in KEPT)
    assert DATA["Parameters"]["PointInTimeRecovery"]["Default"] == "false"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_attributes_are_declared_if_and_only_if_they_are_keys(name):
    table = TABLES[name]
    schemas = [table["KeySchema"], *(index["KeySchema"] for index in table.get("GlobalSecondaryIndexes", []))]

    declared = {attribute["AttributeName"] for attribute in table["AttributeDefinitions"]}

    assert declared == {key["AttributeName"] for schema in schemas for key in schema}


def test_an_index_carries_only_what_is_read_from_it():
    indexes = {
        index["IndexName"]: index["Projection"]
        for table in TABLES.values()
        for index in table.get("GlobalSecondaryIndexes", [])
    }

    assert indexes == {
        "open-leases": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["turn_id"]},
        "open-jobs": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["line"]},
        "by-tenant": {"ProjectionType": "KEYS_ONLY"},
        "by-plan": {"ProjectionType": "KEYS_ONLY"},
        "by-owner": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["metadata", "created_at"]},
    }


def test_a_turn_is_tried_three_times_and_then_kept_for_a_person():
    redrive = QUEUES["TurnsQueue"]["RedrivePolicy"]

    assert redrive == {"deadLetterTargetArn": {"GetAtt": "TurnsDeadLetterQueue.Arn"}, "maxReceiveCount": 3}
    assert QUEUES["TurnsDeadLetterQueue"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert QUEUES["TurnsQueue"]["MessageRetentionPeriod"] < 14 * 24 * 3600


def test_a_turn_is_hidden_for_six_times_as_long_as_its_function_may_take():
    assert QUEUES["TurnsQueue"]["VisibilityTimeout"] == {"Ref": "TurnsVisibilitySeconds"}
    assert DATA["Parameters"]["TurnsVisibilitySeconds"]["Default"] >= 6 * LONGEST_FUNCTION_S


def test_every_resource_can_be_named_by_those_who_grant_access_to_it():
    outputs = DATA["Outputs"]

    assert {name for name in outputs if name.endswith("Arn")} == {f"{name}Arn" for name in RESOURCES}
    assert {re.sub("(Url|Arn)$", "", name) for name in outputs} == set(RESOURCES)
