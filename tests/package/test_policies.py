"""What the functions of a stage may do: the same in each, on that stage's resources, and no more."""

import json

import pytest

from tests.package.conftest import ROOT, STAGES

OWNED = ("dynamodb", "sqs", "logs")  # services whose resources carry the stage in their name


def statements(stage):
    return json.loads((ROOT / f".chalice/policy-{stage}.json").read_text())["Statement"]


@pytest.mark.parametrize("stage", STAGES)
def test_stages_differ_only_in_their_name(stage):
    renamed = json.dumps(statements(stage)).replace(f"tidegate-{stage}-", "tidegate-solo-")

    assert json.loads(renamed) == statements("solo")


@pytest.mark.parametrize("stage", STAGES)
def test_no_action_and_no_resource_is_a_wildcard(stage):
    for each in statements(stage):
        assert not [action for action in each["Action"] if "*" in action]
        assert "*" not in each["Resource"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_touches_only_its_own(stage):
    named = [arn for each in statements(stage) for arn in each["Resource"] if arn.split(":")[2] in OWNED]

    assert named
    assert [arn for arn in named if f"tidegate-{stage}-" not in arn] == []


def test_every_stage_is_generated_from_its_policy_alone():
    config = json.loads((ROOT / ".chalice/config.json").read_text())

    assert config["autogen_policy"] is False
    assert {name: stage["iam_policy_file"] for name, stage in config["stages"].items()} == {
        name: f"policy-{name}.json" for name in STAGES
    }
