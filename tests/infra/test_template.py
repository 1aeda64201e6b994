"""What infra/data.yaml promises, whoever deploys it."""

import re
import subprocess
import sys

import pytest

from infra.deploy.naming import Known
from infra.extras import extras, log_group
from infra.stages import STAGES, function_name
from infra.templates import DATA as TEMPLATE
from infra.templates import TABLES as KINDS
from infra.templates import read

KEPT = {"AccessTable", "JobsTable", "LedgerTable", "ConversationsTable", "SeatsTable"}
EVERYWHERE = {"AccessTable", "ConversationsTable"}  # written in each Region
OWNED = {"JobsTable", "LedgerTable"}  # one for each Region, which others read
TEXT = {"AnswersTable", "ConversationsTable", "EntriesTable", "JobsTable"}  # what people wrote
LONGEST_FUNCTION_S = max(size.timeout_s for stage in STAGES.values() for size in stage.functions.values())

DATA = read(TEMPLATE)
RESOURCES = DATA["Resources"]
TABLES = {name: found["Properties"] for name, found in RESOURCES.items() if found["Type"] in KINDS}
QUEUES = {name: found["Properties"] for name, found in RESOURCES.items() if found["Type"] == "AWS::SQS::Queue"}
LOGS = {name: found["Properties"] for name, found in RESOURCES.items() if found["Type"] == "AWS::Logs::LogGroup"}
HERE, THERE = {"Ref": "AWS::Region"}, {"Ref": "ReplicaRegion"}


def made(**given):
    """The types of what a stack with these parameters makes, each with its name."""
    parameters = {name: each.get("Default") for name, each in DATA["Parameters"].items()} | given

    def holds(condition):
        ((function, about),) = condition.items()
        match function:
            case "Condition":
                return holds(DATA["Conditions"][about])
            case "Fn::Not":
                return not holds(about[0])
            case "Fn::And":
                return all(holds(each) for each in about)
            case "Fn::Equals":
                return parameters[about[0]["Ref"]] == about[1]

    wanted = {
        name: "Condition" not in each or holds({"Condition": each["Condition"]}) for name, each in RESOURCES.items()
    }
    return {name: each["Type"] for name, each in RESOURCES.items() if wanted[name]}


def replicas(name):
    """Here, and in the other Region where there is one."""
    here, other = TABLES[name].get("Replicas", [TABLES[name], None])
    match other:
        case {"Fn::If": ["Replicated" | "Copied", there, {"Ref": "AWS::NoValue"}]}:
            return here, there
        case None:
            return (here,)
    return here, other


def test_the_linter_of_cloudformation_has_nothing_to_say():
    lint = [sys.executable, "-c", "from cfnlint.runner import main; main()", str(TEMPLATE)]

    done = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_an_idle_stage_costs_nothing():
    assert {table["BillingMode"] for table in TABLES.values()} == {"PAY_PER_REQUEST"}
    assert set(made(LogDays=14, GatewayLogs="true", Search="serverless").values()) == {
        "AWS::ApiGateway::Account",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
        "AWS::OpenSearchServerless::Collection",
        "AWS::OpenSearchServerless::CollectionGroup",
        "AWS::OpenSearchServerless::SecurityPolicy",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
    }
    limits = RESOURCES["CollectionGroup"]["Properties"]["CapacityLimits"]
    assert [limits[f"Min{kind}CapacityInOcu"] for kind in ("Indexing", "Search")] == [0, 0]


def test_a_laptop_has_tables_and_queues_alone():
    assert set(made().values()) == {"AWS::SQS::Queue"} | KINDS


def test_stages_share_an_account():
    names = [found.get("TableName", found.get("QueueName")) for found in (TABLES | QUEUES).values()]
    told = [text for name in names for text in ([name] if "Fn::Sub" in name else name["Fn::If"][1:])]

    assert len({text["Fn::Sub"] for text in told}) == len(TABLES | QUEUES) + len(OWNED)
    assert all(text["Fn::Sub"].startswith("tidegate-${Stage}-") for text in told)


def test_everything_is_encrypted_at_rest():
    assert all(queue["SqsManagedSseEnabled"] is True for queue in QUEUES.values())
    for table in TABLES.values():
        said = table["SSESpecification"]
        assert all(each["SSEEnabled"] for each in (said["Fn::If"][1:] if "Fn::If" in said else [said]))


def test_what_people_wrote_is_under_a_key_of_the_account_where_the_stage_asks():
    own = {
        name
        for name, table in TABLES.items()
        if "Key.Arn" in str(table.get("SSESpecification")).replace("', '", ".")
        or "SSESpecification" in str(table.get("Replicas"))
    }

    assert own == TEXT
    assert "Key" in made(OwnKey="true")
    assert "Key" not in made()
    assert RESOURCES["Key"]["DeletionPolicy"] == "Retain"  # with the key all of it would be gone


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"SeatsTable"}))
def test_rows_expire_by_one_attribute_everywhere(name):
    assert TABLES[name]["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_what_cannot_be_made_again_outlives_the_stack():
    kept = {name for name in TABLES | QUEUES if RESOURCES[name]["DeletionPolicy"] == "Retain"}

    assert kept == KEPT
    assert all(found["DeletionPolicy"] == found["UpdateReplacePolicy"] for found in RESOURCES.values())


def test_history_is_kept_of_what_cannot_be_made_again_where_the_stage_asks():
    wanted = {"PointInTimeRecoveryEnabled": {"Ref": "PointInTimeRecovery"}}

    kept = {name: [each.get("PointInTimeRecoverySpecification") for each in replicas(name)] for name in TABLES}

    assert kept == {name: [wanted] * 2 if name in KEPT else [None] for name in TABLES}
    assert DATA["Parameters"]["PointInTimeRecovery"]["Default"] == "false"


def test_regions_share_keys_and_conversations():
    home = {name for name in made(ReplicaRegion="eu-west-1") if name in TABLES}
    other = {name for name in made(HomeRegion="us-east-1", ReplicaRegion="us-east-1") if name in TABLES}

    assert home - other == EVERYWHERE | {"SeatsTable"}
    assert other - home == set()
    for name in EVERYWHERE | OWNED:
        assert [each["Region"] for each in replicas(name)] == [HERE, THERE]
        assert TABLES[name]["StreamSpecification"]["Fn::If"][:2] == [
            "Replicated",
            {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        ]


@pytest.mark.parametrize(("key", "copied"), [("", False), ("arn:key", True)])
def test_what_is_under_a_key_is_copied_once_the_key_there_is_known(key, copied):
    """Each Region's stack makes a key, and each needs that of the other: one of them has to be first."""
    given = {"HomeRegion": "", "ReplicaRegion": "eu-west-1", "OwnKey": "true", "ReplicaKeyArn": key}
    known = Known(given, DATA["Conditions"])
    under_keys = {name for name in TABLES if "Copied" in str(TABLES[name].get("Replicas"))}

    assert known.holds({"Condition": "Copied"}) is copied
    assert under_keys == {name for name in TABLES if "ReplicaKeyArn" in str(TABLES[name])}
    assert Known({**given, "OwnKey": "false"}, DATA["Conditions"]).holds({"Condition": "Copied"})


@pytest.mark.parametrize("name", sorted(OWNED))
def test_a_region_counts_in_a_table_that_no_other_writes(name):
    """Two Regions that add to one counter lose what one of them added."""
    short = name.removesuffix("Table").lower()

    assert TABLES[name]["TableName"]["Fn::If"] == [
        "Alone",
        {"Fn::Sub": f"tidegate-${{Stage}}-{short}"},
        {"Fn::Sub": f"tidegate-${{Stage}}-{short}-${{AWS::Region}}"},
    ]
    assert "Condition" not in RESOURCES[name]


def test_who_answers_for_a_region_is_read_as_if_there_were_one_table():
    seats = TABLES["SeatsTable"]

    assert seats["MultiRegionConsistency"] == "STRONG"
    assert len(seats["Replicas"]) + len(seats["GlobalTableWitnesses"]) == 3
    assert "SeatsTable" not in made()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_attributes_are_declared_if_and_only_if_they_are_keys(name):
    table = TABLES[name]
    schemas = [table["KeySchema"], *(index["KeySchema"] for index in table.get("GlobalSecondaryIndexes", []))]

    declared = {attribute["AttributeName"] for attribute in table["AttributeDefinitions"]}

    assert declared == {key["AttributeName"] for schema in schemas for key in schema}


def test_an_index_carries_only_what_is_read_from_it():
    indexes = {
        (name, index["IndexName"]): index["Projection"]
        for name, table in TABLES.items()
        for index in table.get("GlobalSecondaryIndexes", [])
    }

    assert indexes == {
        ("LedgerTable", "open-leases"): {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["turn_id"]},
        ("JobsTable", "open-jobs"): {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["line"]},
        ("JobsTable", "by-owner"): {"ProjectionType": "KEYS_ONLY"},
        ("AnswersTable", "by-owner"): {"ProjectionType": "KEYS_ONLY"},
        ("AccessTable", "by-tenant"): {"ProjectionType": "KEYS_ONLY"},
        ("AccessTable", "by-plan"): {"ProjectionType": "KEYS_ONLY"},
        ("AccessTable", "by-time"): {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["body"]},
        ("ConversationsTable", "by-owner"): {
            "ProjectionType": "INCLUDE",
            "NonKeyAttributes": ["metadata", "created_at"],
        },
    }


def test_a_warm_table_has_warm_indexes():
    """An index that is behind holds up its table."""
    ledger = TABLES["LedgerTable"]

    assert [index["WarmThroughput"] for index in ledger["GlobalSecondaryIndexes"]] == [ledger["WarmThroughput"]]
    assert ledger["WarmThroughput"]["Fn::If"][0] == "WarmLedger"


def test_a_turn_is_tried_three_times_and_then_kept_for_a_person():
    redrive = QUEUES["TurnsQueue"]["RedrivePolicy"]

    assert redrive == {"deadLetterTargetArn": {"Fn::GetAtt": ["TurnsDeadLetterQueue", "Arn"]}, "maxReceiveCount": 3}
    assert QUEUES["TurnsDeadLetterQueue"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert QUEUES["TurnsQueue"]["MessageRetentionPeriod"] < 14 * 24 * 3600


def test_a_turn_is_hidden_for_six_times_as_long_as_its_function_may_take():
    assert QUEUES["TurnsQueue"]["VisibilityTimeout"] == {"Ref": "TurnsVisibilitySeconds"}
    assert DATA["Parameters"]["TurnsVisibilitySeconds"]["Default"] >= 6 * LONGEST_FUNCTION_S


def test_every_function_and_every_api_has_a_log_that_ends_before_it_writes_to_it():
    (stage,) = (each for each in STAGES.values() if each.name == "solo")
    named = {each["LogGroupName"]["Fn::Sub"].replace("${Stage}", stage.name) for each in LOGS.values()}
    doors = {extras(stage).rest.log_group, extras(stage).sockets.log_group}

    assert named == {f"/aws/lambda/{function_name(stage.name, name)}" for name in stage.functions} | doors
    assert {each["RetentionInDays"]["Ref"] for each in LOGS.values()} == {"LogDays"}
    assert log_group("solo", "rest") in doors


def test_the_functions_roles_alone_reach_a_managed_domain_and_only_over_tls():
    domain = RESOURCES["Domain"]["Properties"]
    (allowed,) = domain["AccessPolicies"]["Statement"]

    assert allowed["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::Sub"].endswith(":role/tidegate-${Stage}-*")
    assert allowed["Action"] == ["es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut"]
    assert domain["DomainEndpointOptions"]["EnforceHTTPS"] is True


def test_a_managed_domain_outlives_a_zone():
    cluster = RESOURCES["Domain"]["Properties"]["ClusterConfig"]

    assert cluster["ZoneAwarenessEnabled"] is True
    assert cluster["ZoneAwarenessConfig"] == {"AvailabilityZoneCount": {"Fn::If": ["ThreeZones", 3, 2]}}


@pytest.mark.parametrize(("kind", "address"), [("managed", "DomainAddress"), ("serverless", "CollectionAddress")])
def test_functions_find_what_searches_under_one_name(kind, address):
    said = RESOURCES[address]["Properties"]

    assert {name for name in made(Search=kind) if name.endswith("Address")} == {address}
    assert said["Name"] == {"Fn::Sub": "/tidegate/${Stage}/opensearch"}
    assert "opensearch+https://" in str(said["Value"])


def statements(value):
    """Every statement of a policy, wherever it is."""
    match value:
        case {"Effect": _}:
            yield value
        case dict():
            for each in value.values():
                yield from statements(each)
        case list():
            for each in value:
                yield from statements(each)


def test_no_action_is_a_wildcard_and_no_resource_but_that_of_a_keys_own_policy():
    for name, found in RESOURCES.items():
        for each in statements(found["Properties"]):
            actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
            assert not [action for action in actions if "*" in action]
            assert name == "Key" or each.get("Resource") != "*"


def test_a_key_that_everybody_may_use_is_used_by_the_tables_of_the_account():
    (used,) = (each for each in statements(RESOURCES["Key"]) if each["Principal"] == {"AWS": "*"})

    assert used["Condition"]["StringEquals"] == {
        "kms:CallerAccount": {"Ref": "AWS::AccountId"},
        "kms:ViaService": [
            {"Fn::Sub": f"dynamodb.${{AWS::Region}}.{domain}"} for domain in ("amazonaws.com", "${AWS::URLSuffix}")
        ],
    }


def test_every_resource_can_be_named_by_those_who_grant_access_to_it():
    outputs = DATA["Outputs"]
    lasting = set(TABLES | QUEUES)

    assert {name for name in outputs if name.endswith("Arn")} == {f"{name}Arn" for name in lasting | {"Key"}}
    assert {re.sub("(Url|Arn)$", "", name) for name in outputs} >= lasting
