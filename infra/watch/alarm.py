"""One alarm, and how CloudFormation says it."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from infra.stages import APP, Stage
from infra.watch.signals import Metric

MINUTE: Final = 60
RUNBOOK: Final = "docs/operations.md"


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """`expression` is over the metrics m0, m1, …; without one there is one metric. A `condition` is the template's."""

    name: str
    says: str
    metrics: Sequence[Metric]
    above: float
    expression: str = ""
    seconds: int = 5 * MINUTE
    periods: int = 1
    silence_is_bad: bool = False
    below: bool = False
    condition: str = ""


def rendered(stage: Stage, alarm: Alarm) -> dict[str, Any]:
    """The alarm as CloudFormation takes it; its message names its section of the runbook."""
    return {
        "Type": "AWS::CloudWatch::Alarm",
        **({"Condition": alarm.condition} if alarm.condition else {}),
        "Properties": {
            "AlarmName": f"{APP}-{stage.name}-{alarm.name}",
            "AlarmDescription": f"{alarm.says} {RUNBOOK}#{alarm.name.lower()}",
            "ComparisonOperator": "LessThanThreshold" if alarm.below else "GreaterThanThreshold",
            "Threshold": alarm.above,
            "EvaluationPeriods": alarm.periods,
            "TreatMissingData": "breaching" if alarm.silence_is_bad else "notBreaching",
            "AlarmActions": [{"Ref": "Calls"}],
            "OKActions": [{"Ref": "Calls"}],
            **_asked(alarm),
        },
    }


def _asked(alarm: Alarm) -> dict[str, Any]:
    if not alarm.expression:
        (one,) = alarm.metrics
        return {**_named(one), "Statistic": one.statistic, "Period": alarm.seconds}
    return {
        "Metrics": [
            {"Id": "found", "Expression": _filled(alarm.expression), "ReturnData": True},
            *(
                {
                    "Id": f"m{place}",
                    "ReturnData": False,
                    "MetricStat": {"Metric": _named(each), "Stat": each.statistic, "Period": alarm.seconds},
                }
                for place, each in enumerate(alarm.metrics)
            ),
        ]
    }


def _filled(expression: str) -> Any:
    quota = "{quota}"
    return {"Fn::Sub": expression.replace(quota, "${ConcurrencyQuota}")} if quota in expression else expression


def _named(asked: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in asked.dimensions.items()]
    return {
        "Namespace": asked.namespace,
        "MetricName": asked.name,
        **({"Dimensions": dimensions} if dimensions else {}),
    }
