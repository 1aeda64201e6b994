"""What is said of Regions before anything is made."""

from types import SimpleNamespace

import pytest

from infra.deploy.regions import regions_faults
from infra.deploy.wish import Wish
from infra.stages import STAGES
from tests.infra.test_deploy_checks import GONE, account, error

EAST, WEST, OHIO = "us-east-1", "us-west-2", "us-east-2"
KEY = "arn:aws:kms:{}:111122223333:key/1"
HOME = {"replica_region": WEST, "witness_region": OHIO}
SECOND = {"home_region": EAST, "replica_region": EAST, "replica_key": KEY.format(EAST)}
ABSENT = error("ResourceNotFoundException")
NEW = {"describe_stacks": GONE, "describe_table": {}}
PEPPER = SimpleNamespace(name="tidegate/scale/peppers", described=lambda: {"Name": "tidegate/scale/peppers"})
NO_PEPPER = SimpleNamespace(name="tidegate/scale/peppers", described=lambda: None)


def stack(**given):
    """A stage that is there."""
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    found = {"StackStatus": "CREATE_COMPLETE", "StackId": "arn:stack", "Parameters": parameters}
    return {"describe_stacks": {"Stacks": [found]}, "describe_table": {}}


def faults(here, *, there=NEW, stage="scale", pepper=PEPPER, **wish):
    wanted = Wish(stage=stage, region=here, **wish)
    return [*regions_faults(account(region=here, **there), STAGES[stage], wanted, pepper)]


def test_one_region_is_not_asked_about():
    assert faults(EAST) == []
    assert faults("eu-north-1", stage="solo") == []


def test_a_home_and_then_a_second_region_and_then_the_home_again():
    in_the_home = stack(HomeRegion="", ReplicaRegion=WEST, WitnessRegion=OHIO, ReplicaKeyArn="")

    assert faults(EAST, **HOME) == []
    assert faults(WEST, **SECOND) == []
    assert faults(EAST, there=in_the_home, replica_key=KEY.format(WEST)) == []
    assert faults(EAST, there=in_the_home) == []  # what was said once is known


@pytest.mark.parametrize("stage", ["solo", "team"])
def test_a_stage_that_has_one_region(stage):
    (found,) = faults(EAST, stage=stage, **HOME)

    assert found == f"a stage {stage} has one Region: leave out REPLICA_REGION and WITNESS_REGION"


@pytest.mark.parametrize(
    ("here", "wish", "said"),
    [
        (EAST, {"replica_region": WEST}, "no Region is the witness: WITNESS_REGION=…"),
        (EAST, {"witness_region": WEST}, "the other Region is not said: REPLICA_REGION=…"),
        (WEST, {**SECOND, "replica_region": ""}, "the other Region is not said"),
        (EAST, {**HOME, "replica_region": EAST}, "REPLICA_REGION=us-east-1 is the Region deployed to too"),
        (EAST, {**HOME, "witness_region": WEST}, "WITNESS_REGION=us-west-2 is REPLICA_REGION too"),
        (EAST, {**HOME, "replica_region": "us-wset-2"}, "REPLICA_REGION=us-wset-2 is none of those that go with"),
        (EAST, {**HOME, "witness_region": "eu-west-1"}, "WITNESS_REGION=eu-west-1 is none of those that go with"),
        ("sa-east-1", HOME, "a stage of several Regions cannot be in sa-east-1"),
        (WEST, {**SECOND, "home_region": OHIO}, "HOME_REGION=us-east-2 and REPLICA_REGION=us-east-1 differ"),
        (WEST, {**SECOND, "replica_key": ""}, "REPLICA_KEY is not said: it is the output KeyArn"),
        (WEST, {**SECOND, "replica_key": KEY.format(WEST)}, "is no key of KMS in us-east-1"),
        (EAST, {**HOME, "replica_key": "alias/mine"}, "REPLICA_KEY=alias/mine is no key of KMS in us-west-2"),
    ],
)
def test_regions_that_cannot_be_meant(here, wish, said):
    (found,) = faults(here, **wish)

    assert said in found


def test_a_second_region_is_given_what_it_shares_before_it_is_deployed():
    table, secret = faults(WEST, there={**NEW, "describe_table": ABSENT}, pepper=NO_PEPPER, **SECOND)

    assert "tidegate-scale-access has no copy here: deploy to us-east-1 first, with REPLICA_REGION=us-west-2" in table
    assert (
        "`aws secretsmanager replicate-secret-to-regions --secret-id tidegate/scale/peppers "
        "--add-replica-regions Region=us-west-2 --region us-east-1`"
    ) in secret


def test_a_stage_of_one_region_does_not_lose_its_counters_unasked():
    alone = stack(HomeRegion="", ReplicaRegion="")

    (found,) = faults(EAST, there=alone, **HOME)

    assert "its counters and jobs begin anew in other tables: docs/regions.md says" in found
    assert faults(EAST, there=alone, replace=True, **HOME) == []


def test_a_stage_with_keys_of_its_own_becomes_no_second_region():
    (found,) = faults(WEST, there=stack(), replace=True, **SECOND)

    assert "`make destroy STAGE=scale DATA=1`" in found


def test_where_a_stage_is_does_not_change():
    (found,) = faults(
        EAST, there=stack(ReplicaRegion=WEST, WitnessRegion=OHIO), replica_region=OHIO, witness_region=WEST
    )

    assert "is in us-east-1 and us-west-2 and its record of homes stays there" in found
