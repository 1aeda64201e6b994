"""One page that shows whether a stage is well, and what it costs."""

import json
from typing import Any, Final

from infra.stages import APP, Stage, function_name
from infra.watch.alarms import TABLES, alarms

WIDTH: Final = 12
HEIGHT: Final = 6
FULL: Final = 24
TURNS: Final = '{{Tidegate,service,model,cache}} service="{service}" MetricName="{metric}"'
CALLS: Final = '{{Tidegate,service,model,target}} service="{service}" MetricName="{metric}"'


def resources(stage: Stage) -> dict[str, Any]:
    widgets = [_alarm_list(stage), *(_placed(each, place) for place, each in enumerate(_graphs(stage)))]
    body = json.dumps({"widgets": widgets})
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardName": f"{APP}-{stage.name}", "DashboardBody": {"Fn::Sub": body}},
        }
    }


def _alarm_list(stage: Stage) -> dict[str, Any]:
    arn = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
    names = [f"{arn}{APP}-{stage.name}-{each.name}" for each in alarms(stage) if not each.condition]
    return {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": FULL,
        "height": 3,
        "properties": {"title": f"{APP}-{stage.name}", "alarms": names},
    }


def _graphs(stage: Stage) -> list[dict[str, Any]]:
    own, queue = f"Tidegate/{stage.name}", f"{APP}-{stage.name}-turns"
    age, waiting = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
    return [
        _graph("Requests, and those that failed", [[own, "requests"], [own, "server_errors"]]),
        _search(stage, "Turns by model and cache", TURNS, "turns", "Sum"),
        _search(stage, "What models cost (millionths of a dollar)", TURNS, "usd_micros", "Sum"),
        _search(stage, "What the product itself takes of a turn (ms, p95)", TURNS, "overhead", "p95"),
        _search(stage, "Calls to targets", CALLS, "calls", "Sum"),
        _search(stage, "Calls that failed", CALLS, "faults", "Sum"),
        _search(stage, "How long targets take (ms, p95)", CALLS, "duration", "p95"),
        _graph(
            "Line: how many wait, how long the first of them has",
            [
                ["AWS/SQS", waiting, "QueueName", queue],
                ["AWS/SQS", age, "QueueName", queue, {"yAxis": "right"}],
                ["AWS/SQS", waiting, "QueueName", f"{queue}-dlq"],
            ],
            "Maximum",
        ),
        _graph(
            "Functions at once", [_function(stage, each, "ConcurrentExecutions") for each in stage.functions], "Maximum"
        ),
        _graph("Functions' time (ms, p95)", [_function(stage, each, "Duration") for each in stage.functions], "p95"),
        _tables(stage, "Written (units)", "ConsumedWriteCapacityUnits"),
        _tables(stage, "Read (units)", "ConsumedReadCapacityUnits"),
        _graph("Cache: wrong answers told by labels", [[own, "wrong_answers"], [own, "shut_namespaces"]]),
    ]


def _graph(title: str, metrics: list[Any], statistic: str = "Sum") -> dict[str, Any]:
    return {"title": title, "region": "${AWS::Region}", "stat": statistic, "period": 60, "metrics": metrics}


def _search(stage: Stage, title: str, form: str, metric: str, statistic: str) -> dict[str, Any]:
    query = form.format(service=f"{APP}-{stage.name}", metric=metric)
    return _graph(title, [[{"expression": f"SEARCH('{query}', '{statistic}', 60)"}]], statistic)


def _function(stage: Stage, function: str, metric: str) -> list[str]:
    return ["AWS/Lambda", metric, "FunctionName", function_name(stage.name, function)]


def _tables(stage: Stage, title: str, metric: str) -> dict[str, Any]:
    own = ("jobs", "ledger")
    names = [f"{APP}-{stage.name}-{each}{'${TableSuffix}' if each in own else ''}" for each in TABLES]
    return _graph(title, [["AWS/DynamoDB", metric, "TableName", name] for name in names])


def _placed(graph: dict[str, Any], place: int) -> dict[str, Any]:
    row, column = divmod(place, FULL // WIDTH)
    at = {"x": column * WIDTH, "y": 3 + row * HEIGHT, "width": WIDTH, "height": HEIGHT}
    return {"type": "metric", **at, "properties": graph}
