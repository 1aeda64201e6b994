"""What `make bench-lambda` makes of what it measured, without a process."""

import pytest

from benchmarks.packaged.package import BARE, functions_of
from benchmarks.packaged.price import seconds, usd
from benchmarks.packaged.wire import added
from infra.plan import prices as price_list

PRICES = price_list.read()
ROW = {
    "function": "stream",
    "http": True,
    "turns": 1,
    "cpu_ms": {"median": 10.0},
    "calls": {"DynamoDB": {"GetItem": 1.0, "PutItem": 1.0}},
    "log_bytes": 1_000.0,
    "answer_bytes": 0.0,
    "read_units": 2.0,
    "write_units": 4.0,
}


def test_a_function_is_busy_by_its_share_of_a_core_and_its_calls():
    assert seconds(ROW) == pytest.approx(0.010 * 1_769 / 512 + 2 * 0.006)


def test_a_million_cost_what_the_price_list_says():
    parts = usd(ROW, PRICES)

    assert parts["DynamoDB"] == pytest.approx(4 * 0.625 + 2 * 0.125)
    assert parts["API Gateway"] == pytest.approx(3.50)
    assert parts["logs"] == pytest.approx(0.50)
    assert parts["Lambda"] == pytest.approx(0.20 + seconds(ROW) / 2 * 16.6667, rel=1e-4)
    assert parts["SQS"] == 0


def test_a_batch_is_priced_by_the_turn():
    batch = {**ROW, "function": "work", "http": False, "turns": 10}

    assert usd(batch, PRICES)["SQS"] == pytest.approx(2 * 0.40 / 10)
    assert usd(batch, PRICES)["DynamoDB"] == pytest.approx(usd(ROW, PRICES)["DynamoDB"] / 10)
    assert usd(batch, PRICES)["API Gateway"] == 0


def test_what_was_asked_for_only_to_count_is_no_byte_of_a_reply():
    assert added(b'{"ConsumedCapacity": {"CapacityUnits": 1}, "Item": 1}') == len(
        '"ConsumedCapacity": {"CapacityUnits": 1}, '
    )
    assert added(b'{"Item": 1}') == 0
    assert added(b"") == 0


def test_functions_are_those_of_the_template_and_the_bare_one():
    def function(name, variables):
        environment = {"Variables": variables}
        known = {"FunctionName": name, "Handler": "app.one", "MemorySize": 256, "Environment": environment}
        return {"Type": "AWS::Serverless::Function", "Properties": known}

    wrapped = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/chalicelib/runtime/start"}
    found = functions_of(
        {
            "Resources": {
                "APIHandler": function("tidegate-solo", {}),
                "Stream": function("tidegate-solo-stream", wrapped),
                "Role": {"Type": "AWS::IAM::Role"},
            }
        }
    )

    assert set(found) == {BARE, "api_handler", "stream"}
    assert [found[name].streams for name in ("api_handler", "stream")] == [False, True]
