"""What CloudFormation does not look at: names that are taken, and what was removed by hand."""

import json

import pytest

from infra.deploy.faults import CannotDeploy
from tests.infra.deploy_state import state_of
from tests.infra.deploy_world import REGION

KEYED = {"pk": "HASH"}


def table(world, name, **keys):
    world.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
    )


def all_but_stacks(world):
    """One of the parameters says that a stack of before has let API Gateway write logs already."""
    return {**json.loads(state_of(world)), "stacks": []}


def refused(world):
    with pytest.raises(CannotDeploy) as caught:
        world.deploy()
    return str(caught.value).splitlines()


def test_what_is_called_as_ours_would_be_is_said_before_anything_is_made(world):
    world.client("logs").create_log_group(logGroupName="/aws/lambda/tidegate-solo-work")
    world.client("sqs").create_queue(QueueName="tidegate-solo-turns")
    table(world, "tidegate-solo-answers", **KEYED)
    table(world, "tidegate-solo-access", id="HASH")
    table(world, "tidegate-solo-other", **KEYED)

    said = refused(world)

    assert [line.partition(" is there")[0] for line in said] == [
        "the table tidegate-solo-access",
        "the table tidegate-solo-answers",
        "the queue tidegate-solo-turns",
        "the log group /aws/lambda/tidegate-solo-work",
    ]
    assert "is not Tidegate's: its keys are others" in said[0]
    assert f"`aws dynamodb delete-table --table-name tidegate-solo-answers --region {REGION}`" in said[1]
    assert "`aws sqs delete-queue --queue-url http" in said[2]
    assert f"delete-log-group --log-group-name /aws/lambda/tidegate-solo-work --region {REGION}`" in said[3]
    assert world.client("cloudformation").describe_stacks()["Stacks"] == []


def test_what_was_removed_by_hand_is_said_and_what_is_told_brings_it_back(world):
    world.deploy()
    before = all_but_stacks(world)
    queues, logs, tables = (world.client(name) for name in ("sqs", "logs", "dynamodb"))
    queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName="tidegate-solo-turns")["QueueUrl"])
    logs.delete_log_group(logGroupName="/aws/lambda/tidegate-solo-work")
    tables.update_table(TableName="tidegate-solo-jobs", DeletionProtectionEnabled=False)
    tables.delete_table(TableName="tidegate-solo-jobs")

    said = refused(world)

    assert [line.partition(" of the stack tidegate-solo-data was removed by hand: ")[0] for line in said] == [
        "the table tidegate-solo-jobs",
        "the queue tidegate-solo-turns",
        "the log group /aws/lambda/tidegate-solo-work",
    ]
    remove = "`aws cloudformation delete-stack --stack-name tidegate-solo-{} --region us-east-1`"
    assert all(remove.format("watch") in line for line in said)
    assert [remove.format("data") in line for line in said] == [True, True, False]

    for name in ("tidegate-solo-watch", "tidegate-solo-data"):
        world.client("cloudformation").delete_stack(StackName=name)
    world.until_done(world.deploy)

    assert all_but_stacks(world) == before
    assert world.changes() == []


def test_logs_that_were_removed_by_hand_come_back_as_told(world):
    world.deploy()
    logs, name = world.client("logs"), "/aws/lambda/tidegate-solo-work"
    logs.delete_log_group(logGroupName=name)

    (said,) = refused(world)

    assert f"`aws logs create-log-group --log-group-name {name} --region us-east-1`" in said
    assert f"`aws logs put-retention-policy --log-group-name {name} --retention-in-days 14 --region us-east-1`" in said

    logs.create_log_group(logGroupName=name)
    world.client("cloudformation").delete_stack(StackName="tidegate-solo-watch")
    world.until_done(world.deploy)

    assert world.changes() == []
