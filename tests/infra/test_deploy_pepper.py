"""`make pepper` adds a version, and makes it current once every process knows it."""

import json
import time

import boto3
import pytest
from moto import mock_aws

from infra.deploy.account import Account
from infra.deploy.faults import CannotDeploy
from infra.deploy.pepper import SEEN_SECONDS, NextPepper

NAME = "tidegate/solo/peppers"
FIRST = {"current": 1, "peppers": {"1": "one"}}


@pytest.fixture
def aws(monkeypatch):
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-west-2"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield boto3.client("secretsmanager")


@pytest.fixture
def step(aws):
    aws.create_secret(Name=NAME, SecretString=json.dumps(FIRST))
    account = Account(boto3.Session(), lambda _: None)
    return lambda later: NextPepper(account, NAME, time.time() + later)


def kept(aws):
    return json.loads(aws.get_secret_value(SecretId=NAME)["SecretString"])


def test_the_first_run_adds_a_version_and_the_second_makes_it_current(aws, step):
    said = []
    step(0).apply(said.append)
    added = kept(aws)

    step(2 * SEEN_SECONDS).apply(said.append)

    assert (added["current"], list(added["peppers"])) == (1, ["1", "2"])
    assert kept(aws) == {**added, "current": 2}
    assert added["peppers"]["1"] == "one"
    assert len(added["peppers"]["2"]) > 40
    assert not [line for line in said for pepper in added["peppers"].values() if pepper in line.split()]


def test_a_version_that_not_every_process_knows_is_not_made_current(aws, step):
    step(0).apply(print)

    with pytest.raises(CannotDeploy, match="not every process knows"):
        step(0).apply(print)

    assert kept(aws)["current"] == 1


def test_to_ask_what_would_change_changes_nothing(aws, step):
    assert [each.then for each in step(0).changes()] == ["version 2 beside it"]
    assert kept(aws) == FIRST

    step(0).apply(print)

    assert [(each.now, each.then) for each in step(0).changes()] == [("current 1", "current 2")]


def test_what_is_broken_is_not_built_upon(aws, step):
    aws.put_secret_value(SecretId=NAME, SecretString='{"current": 2, "peppers": {"1": "one"}}')

    with pytest.raises(CannotDeploy, match="mend it first"):
        step(0).changes()
