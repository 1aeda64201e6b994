"""What a person is called for; `docs/operations.md` says what to do, under the name of each."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from infra.grants import REGIONAL
from infra.stages import APP, Stage, function_name
from infra.watch.alarm import MINUTE, Alarm, rendered
from infra.watch.signals import Metric, metric, table

TABLES: Final = ("access", "answers", "conversations", "entries", "jobs", "ledger")
COPIED: Final = ("access", "conversations", *REGIONAL)  # what another Region has a copy of
REPLICATED: Final = "Replicated"
LATEST_MS: Final = 30_000  # half of the disorder that a move reckons with
WORST_PERCENT: Final = 1
FEW_ERRORS: Final = 5  # that many are no share of anything
OLDEST_SECONDS: Final = 600
SUFFIX: Final = {"Ref": "TableSuffix"}


def alarms(stage: Stage) -> tuple[Alarm, ...]:
    """All of a stage: those that promises hang on, and in the larger ones those that say it is outgrown."""
    grown = _limits(stage) if stage.thorough else ()
    return (*_served(stage), *_kept(stage), *grown, *_search(stage), *(_copies(stage) if stage.regions else ()))


def resources(stage: Stage) -> dict[str, Any]:
    return {each.name: rendered(stage, each) for each in alarms(stage)}


def _served(stage: Stage) -> Iterable[Alarm]:
    """That calls are answered, and lines move."""
    yield _server_errors(stage)
    yield Alarm(
        name="DeadLetters",
        says="A waiting turn could not be worked on, and nobody tries again.",
        metrics=[_queue(stage, "turns-dlq", "ApproximateNumberOfMessagesVisible")],
        above=0,
        seconds=MINUTE,
    )
    yield Alarm(
        name="OldestInLine",
        says="A turn has been waiting in line for more than ten minutes.",
        metrics=[_queue(stage, "turns", "ApproximateAgeOfOldestMessage")],
        above=OLDEST_SECONDS,
        seconds=MINUTE,
        periods=5,
    )


def _kept(stage: Stage) -> Iterable[Alarm]:
    """That what is promised of targets, charges, leases and the cache holds."""
    yield Alarm(
        name="BreakerOpen",
        says="A target of a model has been left alone for five minutes.",
        metrics=[metric(stage, "broken_targets", "Maximum")],
        above=0,
        seconds=MINUTE,
        periods=5,
    )
    yield Alarm(
        name="LedgerDrift",
        says="A turn was answered whose charge is not in the ledger.",
        metrics=[metric(stage, "unmetered")],
        above=0,
    )
    yield Alarm(
        name="CacheErrorBound",
        says="In a namespace nothing holds the error bound any more, and nothing is served there by meaning.",
        metrics=[metric(stage, "shut_namespaces", "Maximum")],
        above=0,
        seconds=10 * MINUTE,
    )
    yield Alarm(
        name="SweepStopped",
        says="Nobody has ended leases or sent again what got lost for ten minutes.",
        metrics=[metric(stage, "sweeps")],
        above=1,
        below=True,
        silence_is_bad=True,
        periods=2,
    )


def _server_errors(stage: Stage) -> Alarm:
    """A share of many requests, and a number of few."""
    errors = metric(stage, "server_errors")
    if not stage.thorough:
        says = f"More than {FEW_ERRORS} requests ended with 5xx within five minutes."
        return Alarm(name="ServerErrors", says=says, metrics=[errors], above=FEW_ERRORS)
    return Alarm(
        name="ServerErrors",
        says=f"More than {WORST_PERCENT} % of the requests ended with 5xx.",
        metrics=[errors, metric(stage, "requests")],
        expression=f"IF(m0 > {FEW_ERRORS}, 100 * m0 / m1, 0)",
        above=WORST_PERCENT,
    )


def _limits(stage: Stage) -> Iterable[Alarm]:
    yield Alarm(
        name="StaleCatalogue",
        says="Somebody wrote a catalogue that cannot be served; processes that have a good one serve that.",
        metrics=[metric(stage, "stale_catalogues")],
        above=0,
    )
    for name, says in (
        ("Errors", "A function ended with an error of its own, or ran out of time."),
        ("Throttles", "A function was called more often than it may run at once."),
    ):
        yield _sum(f"Function{name}", says, [_function(stage, each, name) for each in stage.functions])
    for name in ("Read", "Write"):
        yield _sum(
            f"Table{name}Throttles",
            f"DynamoDB turned {name.lower()}s away.",
            [_table(stage, each, f"{name}ThrottleEvents") for each in TABLES],
        )
    yield Alarm(
        name="ConnectionErrors",
        says="API Gateway could not hand over what was said on connections.",
        metrics=[
            Metric(
                namespace="AWS/ApiGateway",
                name="IntegrationError",
                dimensions={"ApiId": {"Ref": "WebSocketApiId"}, "Stage": "api"},
            )
        ],
        above=FEW_ERRORS,
    )
    yield Alarm(
        name="Concurrency",
        says="The functions of the account use more than 80 % of what may run at once.",
        metrics=[Metric(namespace="AWS/Lambda", name="ConcurrentExecutions", statistic="Maximum")],
        above=0.8,
        expression="m0 / {quota}",
    )


def _search(stage: Stage) -> Iterable[Alarm]:
    if stage.search.kind == "managed":
        domain = {"DomainName": f"{APP}-{stage.name}-search", "ClientId": {"Ref": "AWS::AccountId"}}
        yield Alarm(
            name="SearchRed",
            says="OpenSearch has lost a part of its index.",
            metrics=[Metric(namespace="AWS/ES", name="ClusterStatus.red", dimensions=domain, statistic="Maximum")],
            above=0,
            seconds=MINUTE,
        )
        yield Alarm(
            name="SearchFull",
            says="A node of OpenSearch has less than a fifth of its disk left.",
            metrics=[Metric(namespace="AWS/ES", name="FreeStorageSpace", dimensions=domain, statistic="Minimum")],
            above=stage.search.volume_gb * 1024 // 5,
            below=True,
        )


def _copies(stage: Stage) -> Iterable[Alarm]:
    """That another Region could take over with what it has."""
    yield Alarm(
        name="ReplicationLatency",
        says="What is written here reaches the other Region late.",
        metrics=[
            _table(stage, each, "ReplicationLatency", statistic="Maximum", ReceivingRegion={"Ref": "ReplicaRegion"})
            for each in COPIED
        ],
        above=LATEST_MS,
        expression="MAX(METRICS())",
        seconds=MINUTE,
        periods=5,
        condition=REPLICATED,
    )


def _sum(name: str, says: str, metrics: Sequence[Metric]) -> Alarm:
    return Alarm(name=name, says=says, metrics=metrics, above=0, expression="SUM(METRICS())")


def _queue(stage: Stage, queue: str, name: str) -> Metric:
    dimensions = {"QueueName": f"{APP}-{stage.name}-{queue}"}
    return Metric(namespace="AWS/SQS", name=name, dimensions=dimensions, statistic="Maximum")


def _function(stage: Stage, function: str, name: str) -> Metric:
    return Metric(namespace="AWS/Lambda", name=name, dimensions={"FunctionName": function_name(stage.name, function)})


def _table(stage: Stage, name: str, of: str, *, statistic: str = "Sum", **further: Any) -> Metric:
    called = table(stage, name, SUFFIX if name in REGIONAL else None)
    return Metric(namespace="AWS/DynamoDB", name=of, dimensions={"TableName": called, **further}, statistic=statistic)
