"""`make failover` and `make home` as an operator runs them: what they say, where they say it, and how they end."""

import boto3
import pytest
from moto import mock_aws

from chalicelib.domain.regions import HANDOVER_SECONDS
from infra import failover, home
from infra.templates import template_tables
from tests.regions.world import EAST, URLS, WEST

STAGE = "scale"
BOTH = ",".join(f"{name}={url}" for name, url in URLS.items())


@pytest.fixture
def world(monkeypatch):
    """The tables of a stage in two Regions, and the environment of a person who may do all."""
    with mock_aws():
        client = boto3.client("dynamodb", region_name=WEST)
        for table in template_tables(STAGE):
            client.create_table(**table)
        seats = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}
        seats["AttributeDefinitions"] = [{"AttributeName": "pk", "AttributeType": "S"}]
        client.create_table(TableName=f"tidegate-{STAGE}-seats", BillingMode="PAY_PER_REQUEST", **seats)
        monkeypatch.setenv("AWS_REGION", WEST)
        monkeypatch.setenv("AWS_DEFAULT_REGION", WEST)
        for name in ("STAGE", "FROM", "TO", "PLAN", "TENANT", "REGION", "TIDEGATE_REGIONS"):
            monkeypatch.delenv(name, raising=False)
        yield client


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command with these variables; how it ended, and what it said where."""

    def ran(command, **variables):
        with monkeypatch.context() as patch:
            for name, value in {"STAGE": STAGE, "TIDEGATE_REGIONS": BOTH, **variables}.items():
                patch.setenv(name, value)
            status = command.main()
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err.splitlines()

    return ran


def test_without_from_it_tells_where_each_home_is(world, run):
    status, told, faults = run(failover)

    assert (status, faults) == (0, [])
    assert told == [f"{each}: served in {each}, epoch 0, since ever" for each in (EAST, WEST)]


def test_a_plan_says_what_would_be_and_moves_nothing(world, run):
    status, told, faults = run(failover, FROM=EAST, TO=WEST, PLAN="1")

    assert (status, faults) == (0, [])
    assert told[0] == f"{EAST}: from {EAST} to {WEST}, epoch 1"
    assert f"in {HANDOVER_SECONDS / 60:.1f} minutes" in told[2]
    assert run(failover)[1][0].startswith(f"{EAST}: served in {EAST}, epoch 0")


def test_a_home_is_moved_and_moved_back(world, run):
    there = run(failover, FROM=EAST, TO=WEST)
    between = run(failover)
    back = run(failover, FROM=EAST, TO=EAST)

    assert (there[0], there[1][-1], back[0], back[1][-1]) == (0, "moved", 0, "moved")
    assert between[1][0].startswith(f"{EAST}: served in {WEST}, epoch 1, since 2")
    assert run(failover)[1][0].startswith(f"{EAST}: served in {EAST}, epoch 2, since 2")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"STAGE": ""}, "there is no stage '': say STAGE=solo|team|scale"),
        ({"STAGE": "prod"}, "there is no stage 'prod': say STAGE=solo|team|scale"),
        (
            {"TIDEGATE_REGIONS": ""},
            "the stage 'scale' has one Region: .chalice/config.json gives it no TIDEGATE_REGIONS",
        ),
        ({"FROM": "us-wset-2", "TO": EAST}, f"'us-wset-2' is no Region of this stage; there are {EAST}, {WEST}"),
        ({"FROM": EAST}, f"'' is no Region of this stage; there are {EAST}, {WEST}"),
        ({"FROM": EAST, "TO": EAST}, f"the tenants of {EAST} are served in {EAST} already, since ever"),
    ],
)
def test_a_move_that_cannot_be_meant_is_refused_in_a_sentence(world, run, variables, said):
    assert run(failover, **variables) == (1, [], [f"no home was moved: {said}"])


def test_a_stage_that_is_not_where_it_is_looked_for(world, run):
    world.delete_table(TableName=f"tidegate-{STAGE}-seats")

    status, told, (fault,) = run(failover)

    assert (status, told) == (1, [])
    assert f"nothing of a stage 'scale' is in {WEST} of this account: check STAGE, AWS_REGION and AWS_PROFILE" in fault


def test_a_configuration_that_cannot_be_read(world, run, monkeypatch, tmp_path):
    monkeypatch.setattr(failover, "ROOT", tmp_path)

    for command, first in ((failover, "no home was moved: "), (home, "no home was written: ")):
        status, told, (fault,) = run(command, TIDEGATE_REGIONS="")

        assert (status, told) == (1, [])
        assert fault.startswith(f"{first}.chalice/config.json cannot be read ([Errno 2] No such file")


def test_a_clock_that_is_wrong_moves_nothing(world, run, monkeypatch):
    monkeypatch.setattr(failover, "MOST_CLOCK_SECONDS", -1)

    status, told, (fault,) = run(failover, FROM=EAST, TO=WEST)

    assert (status, told) == (1, [])
    assert fault.startswith("no home was moved: this machine's clock is wrong")


def test_a_new_tenant_is_given_a_home(world, run):
    assert run(home, TENANT="acme", REGION=WEST) == (0, [f"acme is at home in {WEST}"], [])
    assert WEST in str(world.scan(TableName=f"tidegate-{STAGE}-access")["Items"])


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"REGION": WEST}, f"say whose home is where: TENANT=… REGION=…, one of {EAST}, {WEST}"),
        ({"TENANT": "acme"}, f"say whose home is where: TENANT=… REGION=…, one of {EAST}, {WEST}"),
        ({"TENANT": "acme", "REGION": "mars"}, f"say whose home is where: TENANT=… REGION=…, one of {EAST}, {WEST}"),
        ({"TENANT": "acme", "REGION": WEST, "STAGE": "prod"}, "there is no stage 'prod': say STAGE=solo|team|scale"),
    ],
)
def test_a_home_that_cannot_be_meant_is_refused_in_a_sentence(world, run, variables, said):
    assert run(home, **variables) == (1, [], [f"no home was written: {said}"])
