"""What the watch stack of each stage promises."""

import json
import re
import subprocess
import sys

import pytest

from chalicelib.domain.regions import ORDER_SECONDS
from infra.parameters import Deployed, Regions, data_parameters, watch_parameters
from infra.stages import STAGES, function_name
from infra.templates import DATA, read
from infra.watch.alarms import FEW_ERRORS, alarms
from infra.watch.signals import signals
from infra.watch.template import watch
from tests.infra.test_template import statements

FREE_ALARMS = 10  # metrics under alarm that an account has for nothing
MOST_IN_ONE = 10  # metrics that one alarm takes
TEMPLATE_BYTES = 51_200  # what CloudFormation takes in a call
PROMISED = {
    "ServerErrors",
    "DeadLetters",
    "OldestInLine",
    "BreakerOpen",
    "LedgerDrift",
    "CacheErrorBound",
    "SweepStopped",
}
DEPLOYED = Deployed(
    rest_api="rest", websocket_api="socket", roles={name: f"role/{name}" for name in STAGES["solo"].functions}
)
every_stage = pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)


def of_type(stage, kind):
    return {name: each for name, each in watch(stage)["Resources"].items() if each["Type"] == f"AWS::{kind}"}


def named(stage, name):
    (found,) = (each for each in alarms(stage) if each.name == name)
    return found


@every_stage
def test_the_linter_of_cloudformation_has_nothing_to_say(stage, tmp_path):
    template = tmp_path / "watch.json"
    template.write_text(json.dumps(watch(stage)))
    lint = [sys.executable, "-c", "from cfnlint.runner import main; main()", str(template)]

    done = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
    assert template.stat().st_size < TEMPLATE_BYTES


@every_stage
def test_somebody_is_called_for_every_promise(stage):
    assert {each.name for each in alarms(stage)} >= PROMISED
    for each in of_type(stage, "CloudWatch::Alarm").values():
        assert each["Properties"]["AlarmActions"] == [{"Ref": "Calls"}]


@every_stage
def test_an_alarm_takes_no_more_metrics_than_cloudwatch_does(stage):
    assert max(len(each.metrics) for each in alarms(stage)) <= MOST_IN_ONE
    assert len({each.name for each in alarms(stage)}) == len(alarms(stage))


def test_the_alarms_of_one_person_cost_nothing():
    assert sum(len(each.metrics) for each in alarms(STAGES["solo"])) <= FREE_ALARMS


def test_larger_stages_are_told_when_they_are_outgrown():
    further = {"FunctionErrors", "FunctionThrottles", "TableReadThrottles", "TableWriteThrottles", "Concurrency"}

    assert {each.name for each in alarms(STAGES["team"])} >= PROMISED | further
    assert {each.name for each in alarms(STAGES["scale"])} >= PROMISED | further | {"SearchRed", "SearchFull"}


@pytest.mark.parametrize("name", ["team", "scale"])
def test_every_function_and_every_table_is_under_watch(name):
    stage = STAGES[name]
    functions = {each.dimensions["FunctionName"] for each in named(stage, "FunctionThrottles").metrics}
    tables = json.dumps([each.dimensions["TableName"] for each in named(stage, "TableWriteThrottles").metrics])

    assert functions == {function_name(name, each) for each in stage.functions}
    assert set(re.findall(rf"tidegate-{name}-\w+", tables)) == {
        f"tidegate-{name}-{each}" for each in ("access", "answers", "conversations", "entries", "jobs", "ledger")
    }


def test_a_copy_that_arrives_late_is_an_alarm_where_there_is_another_region():
    late = of_type(STAGES["scale"], "CloudWatch::Alarm")["ReplicationLatency"]
    asked = [each["MetricStat"]["Metric"] for each in late["Properties"]["Metrics"][1:]]
    to = {"Name": "ReceivingRegion", "Value": {"Ref": "ReplicaRegion"}}

    assert watch(STAGES["scale"])["Conditions"][late["Condition"]] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "ReplicaRegion"}, ""]}]
    }
    assert all(to in each["Dimensions"] for each in asked)
    tables = re.findall(r"tidegate-scale-(\w+)", json.dumps(asked))
    assert tables == ["access", "conversations", "jobs", "ledger"]
    assert late["Properties"]["Threshold"] < 1000 * ORDER_SECONDS


@every_stage
def test_what_an_alarm_waits_for_is_something_that_is_counted(stage):
    counted = {each.name for each in signals(stage)}
    own = [metric for each in alarms(stage) for metric in each.metrics if metric.namespace.startswith("Tidegate/")]

    assert {metric.name for metric in own} <= counted
    assert {metric.namespace for metric in own} == {f"Tidegate/{stage.name}"}


@every_stage
def test_signals_are_read_from_logs_that_the_data_stack_makes(stage):
    made = {
        each["Properties"]["LogGroupName"]["Fn::Sub"].replace("${Stage}", stage.name)
        for each in read(DATA)["Resources"].values()
        if each["Type"] == "AWS::Logs::LogGroup"
    }

    assert {group for each in signals(stage) for group in each.groups} <= made


@every_stage
def test_a_sweep_that_says_nothing_is_an_alarm(stage):
    found = of_type(stage, "CloudWatch::Alarm")

    assert {name for name, each in found.items() if each["Properties"]["TreatMissingData"] == "breaching"} == {
        "SweepStopped"
    }


def test_one_failed_request_of_few_is_no_alarm():
    few = of_type(STAGES["solo"], "CloudWatch::Alarm")["ServerErrors"]["Properties"]
    many = of_type(STAGES["team"], "CloudWatch::Alarm")["ServerErrors"]["Properties"]["Metrics"]

    assert (few["MetricName"], few["Threshold"]) == ("server_errors", FEW_ERRORS)
    assert many[0]["Expression"] == f"IF(m0 > {FEW_ERRORS}, 100 * m0 / m1, 0)"
    assert [each["MetricStat"]["Metric"]["MetricName"] for each in many[1:]] == ["server_errors", "requests"]


@every_stage
def test_a_month_has_a_budget_and_a_call_before_it_is_spent(stage):
    (budget,) = of_type(stage, "Budgets::Budget").values()
    notices = [each["Notification"] for each in budget["Properties"]["NotificationsWithSubscribers"]]

    assert watch(stage)["Parameters"]["BudgetUsd"]["Default"] == stage.budget_usd
    assert [(each["NotificationType"], each["Threshold"]) for each in notices] == [("ACTUAL", 80), ("FORECASTED", 100)]


def test_a_firewall_stands_before_the_largest_stage_and_keeps_no_request():
    assert [stage.name for stage in STAGES.values() if of_type(stage, "WAFv2::WebACL")] == ["scale"]
    (firewall,) = of_type(STAGES["scale"], "WAFv2::WebACL").values()
    (before,) = of_type(STAGES["scale"], "WAFv2::WebACLAssociation").values()
    seen = re.findall('"SampledRequestsEnabled": (\\w+)', json.dumps(firewall))

    assert set(seen) == {"false"}
    assert before["Properties"]["ResourceArn"]["Fn::Sub"].endswith("/restapis/${RestApiId}/stages/api")


def test_a_serverless_collection_lets_in_the_functions_that_search_and_lets_none_delete_an_index():
    (searchers,) = of_type(STAGES["team"], "OpenSearchServerless::AccessPolicy").values()
    text, turning = searchers["Properties"]["Policy"]["Fn::Sub"]
    turns, refits = json.loads(text.replace("${Turning}", "a").replace("${RefitRole}", "b"))

    assert turning == {"Turning": {"Fn::Join": ['","', {"Ref": "TurningRoles"}]}}
    assert (turns["Principal"], refits["Principal"]) == (["a"], ["b"])
    assert "Delete" not in text
    assert "CreateIndex" not in json.dumps(refits)
    assert {place for rules in (turns, refits) for rule in rules["Rules"] for place in rule["Resource"]} == {
        "index/tidegate-team/*",
        "collection/tidegate-team",
    }


@every_stage
def test_no_action_and_no_resource_is_a_wildcard(stage):
    for each in watch(stage)["Resources"].values():
        for said in statements(each["Properties"]):
            assert "*" not in json.dumps([said["Action"], said["Resource"]])


@every_stage
def test_both_stacks_take_what_they_are_given(stage):
    regions = Regions(here="us-west-2", home="us-east-1", other="us-east-1", witness="us-east-2")
    data = data_parameters(stage, gateway_logs=True, regions=regions)
    given = watch_parameters(stage, DEPLOYED, mail="ops@example.com", regions=regions)
    known = watch(stage)["Parameters"]

    assert data.keys() <= read(DATA)["Parameters"].keys()
    assert given.keys() <= known.keys()
    assert {name for name, each in known.items() if "Default" not in each} <= given.keys()
    assert given["TableSuffix"] == "-us-west-2"
    assert given.get("ReplicaRegion") == ("us-east-1" if stage.regions else None)
    assert "TableSuffix" not in watch_parameters(stage, DEPLOYED)


@every_stage
def test_what_a_stage_is_said_to_have_reaches_its_stacks(stage):
    data = data_parameters(stage, gateway_logs=False)

    assert data["PointInTimeRecovery"] == str(stage.history).lower()
    assert data["Search"] == stage.search.kind
    assert int(data["TurnsVisibilitySeconds"]) == 6 * stage.functions["work"].timeout_s
    assert data.get("LedgerWrites", "0") == str(stage.warm["ledger"].writes if stage.warm else 0)
