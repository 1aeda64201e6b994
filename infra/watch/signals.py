"""Figures of one stage, taken from the lines that its functions and its API write: two stages never meet in one."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from infra.extras import log_group
from infra.stages import API, APP, Stage, function_name

SWEEP_LINE: Final = '{ $.message = "sweep" }'
REFIT_LINE: Final = '{ $.message = "refit" }'
METERED: Final = (API, "stream", "work", "websocket_message")  # what reserves and settles


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One of CloudWatch's metrics, as an alarm or a graph asks for it."""

    namespace: str
    name: str
    dimensions: Mapping[str, Any] = {}
    statistic: str = "Sum"


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What counts lines of some functions' logs, or takes `value` from them."""

    name: str
    pattern: str
    groups: tuple[str, ...]
    value: str = "1"


def signals(stage: Stage) -> tuple[Signal, ...]:
    """All that is taken from the logs of `stage`."""
    door, sweep, refit = log_group(stage.name, "rest"), _log(stage, "sweep"), _log(stage, "refit")
    metered = tuple(_log(stage, name) for name in METERED)
    return (
        Signal(name="requests", pattern='{ $.status = "*" }', groups=(door,)),
        Signal(name="server_errors", pattern='{ $.status = "5*" }', groups=(door,)),
        Signal(name="unmetered", pattern='{ $.message = "unmetered" }', groups=metered),
        Signal(name="stale_catalogues", pattern='{ $.message = "catalogue" }', groups=metered),
        Signal(name="sweeps", pattern=SWEEP_LINE, groups=(sweep,)),
        Signal(name="broken_targets", pattern=SWEEP_LINE, groups=(sweep,), value="$.broken"),
        Signal(name="wrong_answers", pattern=REFIT_LINE, groups=(refit,), value="$.wrong"),
        Signal(name="shut_namespaces", pattern=REFIT_LINE, groups=(refit,), value="$.shut"),
    )


def metric(stage: Stage, name: str, statistic: str = "Sum") -> Metric:
    """The metric that a signal feeds."""
    return Metric(namespace=_namespace(stage), name=name, statistic=statistic)


def resources(stage: Stage) -> dict[str, Any]:
    """A filter for each signal and log."""
    return {
        f"{_title(signal.name)}{place or ''}": _filter(stage, signal, group)
        for signal in signals(stage)
        for place, group in enumerate(signal.groups)
    }


def _filter(stage: Stage, signal: Signal, group: str) -> dict[str, Any]:
    fed = {"MetricNamespace": _namespace(stage), "MetricName": signal.name, "MetricValue": signal.value}
    return {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": group,
            "FilterPattern": signal.pattern,
            "MetricTransformations": [{**fed, "DefaultValue": 0} if signal.value == "1" else fed],
        },
    }


def _namespace(stage: Stage) -> str:
    return f"Tidegate/{stage.name}"


def _log(stage: Stage, function: str) -> str:
    return f"/aws/lambda/{function_name(stage.name, function)}"


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def table(stage: Stage, name: str, suffix: Any) -> Any:
    """A table's name; those that each Region has of its own end in a suffix where there are several."""
    plain = f"{APP}-{stage.name}-{name}"
    return plain if suffix is None else {"Fn::Join": ["", [plain, suffix]]}
