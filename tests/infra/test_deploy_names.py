"""Names in full in what CloudFormation is sent: what it can only take in again by its name."""

import pytest

from infra.deploy.naming import Known, named_in_full
from infra.templates import DATA, read

HERE = {"Stage": "scale", "AWS::Region": "eu-west-1"}


def names(**parameters):
    resources = named_in_full(read(DATA), {**HERE, **parameters})["Resources"]
    return {name: each["Properties"]["TableName"] for name, each in resources.items() if name.endswith("Table")}


def test_every_table_and_queue_is_named_as_the_product_names_it():
    resources = named_in_full(read(DATA), HERE)["Resources"]

    assert set(names().values()) == {
        f"tidegate-scale-{name}"
        for name in ("access", "answers", "conversations", "entries", "jobs", "ledger", "seats")
    }
    assert resources["TurnsQueue"]["Properties"]["QueueName"] == "tidegate-scale-turns"


def test_with_another_region_the_ledger_is_named_for_this_one():
    found = names(ReplicaRegion="us-west-2")

    assert found["LedgerTable"] == "tidegate-scale-ledger-eu-west-1"
    assert found["AccessTable"] == "tidegate-scale-access"


def test_nothing_but_names_is_changed():
    whole, named = read(DATA), named_in_full(read(DATA), HERE)

    for name, each in whole["Resources"].items():
        kept = {key: value for key, value in each["Properties"].items() if not key.endswith("Name")}
        assert kept.items() <= named["Resources"][name]["Properties"].items()
    assert {**whole, "Resources": None} == {**named, "Resources": None}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Fn::Equals": [{"Ref": "Stage"}, "scale"]}, True),
        ({"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "scale"]}]}, False),
        ({"Fn::And": [{"Condition": "Yes"}, {"Fn::Not": [{"Condition": "Yes"}]}]}, False),
        ({"Fn::Or": [{"Condition": "Yes"}, {"Fn::Not": [{"Condition": "Yes"}]}]}, True),
    ],
)
def test_conditions_are_read_as_cloudformation_reads_them(condition, holds):
    known = Known(HERE, {"Yes": {"Fn::Equals": ["a", "a"]}})

    assert known.holds(condition) is holds


def test_what_is_not_known_stays():
    known = Known(HERE, {})

    assert known.value({"Fn::Sub": "${Stage}-${Other}"}) == {"Fn::Sub": "${Stage}-${Other}"}
    assert known.value({"Ref": "Other"}) == {"Ref": "Other"}
