"""What a load costs a month, by part, beside what its model costs."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import exp
from typing import Final

from msgspec import Struct

from chalicelib.domain.catalogue import Model
from chalicelib.domain.catalogue import Prices as ModelPrices
from infra.plan.load import Load
from infra.plan.mix import kept_bytes
from infra.plan.needs import Needs
from infra.plan.prices import DAYS, HOURS, Prices
from infra.stages import STAGES, Stage
from infra.watch.template import watch

GB: Final = 1e9
SWEEPS: Final = 60 * HOURS
REFITS: Final = 6 * HOURS
SWEEP_SECONDS: Final = 0.5  # a run that finds nothing to do: 134 ms of CPU, at the 512 MB of a sweep
KEPT_DAYS: Final = 365  # for which conversations are kept: the cost is that of the thirteenth month
LEDGER_DAYS: Final = 7  # and records of reservations
RECORD_BYTES: Final = 900
TRACED: Final = 0.05  # X-Ray's own sampling, of what is above one a second
METRICS_OF_A_MODEL: Final = 9  # for each of three outcomes of the cache
METRICS_OF_A_TARGET: Final = 4

Paid = tuple[str, str, float]
"""The part of the bill, the price's name, and its units a month."""


class Bill(Struct, frozen=True):
    """USD a month; `parts` are the infrastructure's, `functions_waiting` is that share of theirs which waits."""

    parts: Mapping[str, float]
    model: float
    turns: float
    waiting: float
    idle: float

    @property
    def infrastructure(self) -> float:
        return sum(self.parts.values())

    @property
    def share(self) -> float:
        """Infrastructure against the model; 0 where no turn reaches a model."""
        return self.infrastructure / self.model if self.model else 0.0

    @property
    def per_turn(self) -> float:
        """Infrastructure for one turn."""
        return self.infrastructure / self.turns


def bill(load: Load, needs: Needs, prices: Prices, model: Model) -> Bill:
    """A month of the load."""
    factor = prices.regions[load.region]
    parts = _summed(_paid(load, needs, STAGES[needs.stage]), prices, factor)
    idle = _summed(_fixed(needs, STAGES[needs.stage]), prices, factor)
    turns = load.turns * DAYS
    gb_seconds = _gb_seconds(STAGES[needs.stage], turns, needs.mix.waiting)
    waiting = gb_seconds * prices.prices["lambda_gb_seconds"].usd * factor
    return Bill(parts, model_usd(load, needs, model.prices), turns, waiting, sum(idle.values()))


def model_usd(load: Load, needs: Needs, prices: ModelPrices) -> float:
    """What the model asks for a month's turns that reach it: the catalogue's prices, in every Region the same."""
    turn = (load.input_tokens * prices.input + load.output_tokens * prices.output) / 1e12
    return load.turns * DAYS * needs.mix.parts.missed * turn


def _summed(paid: Iterator[Paid], prices: Prices, factor: float) -> dict[str, float]:
    """What is free is taken off the first part that uses it."""
    units: dict[str, float] = {}
    parts: dict[str, float] = {}
    for part, name, amount in paid:
        before = prices.usd(name, units.get(name, 0.0))
        units[name] = units.get(name, 0.0) + amount
        parts[part] = parts.get(part, 0.0) + (prices.usd(name, units[name]) - before) * factor
    return parts


def _paid(load: Load, needs: Needs, stage: Stage) -> Iterator[Paid]:
    yield from _functions(load, needs, stage)
    yield from _way_in(load, needs, stage)
    yield from _tables(load, needs, stage)
    yield from _watching(load, needs, stage)
    yield from _fixed(needs, stage)


def _functions(load: Load, needs: Needs, stage: Stage) -> Iterator[Paid]:
    turns, mix = load.turns * DAYS, needs.mix
    busy = {name: seconds - mix.waiting.get(name, 0.0) for name, seconds in mix.seconds.items()}
    yield "Lambda, requests", "lambda_requests", turns * sum(mix.invocations.values())
    yield "Lambda, working", "lambda_gb_seconds", _gb_seconds(stage, turns, busy)
    yield "Lambda, waiting", "lambda_gb_seconds", _gb_seconds(stage, turns, mix.waiting)


def _gb_seconds(stage: Stage, turns: float, seconds: Mapping[str, float]) -> float:
    return turns * sum(each * stage.functions[name].memory_mb / 1_024 for name, each in seconds.items())


def _way_in(load: Load, needs: Needs, stage: Stage) -> Iterator[Paid]:
    turns = load.turns * DAYS
    requests = turns * (1 + needs.mix.parts.later)
    yield "API Gateway", "rest_requests", requests
    yield "data out", "out_gb", turns * needs.mix.asked.answer_bytes / GB
    sends = turns * needs.mix.parts.later * (1 + 2 / needs.line.in_hand)
    yield "SQS", "sqs_requests", sends
    if stage.firewall:
        yield "WAF", "firewall_requests", requests


def _tables(load: Load, needs: Needs, stage: Stage) -> Iterator[Paid]:
    turns, asked = load.turns * DAYS, needs.mix.asked
    yield "DynamoDB, writes", "dynamodb_writes", turns * asked.writes
    yield "DynamoDB, reads", "dynamodb_reads", turns * asked.reads
    kept = load.turns * needs.mix.parts.missed * load.conversations * kept_bytes(load) * KEPT_DAYS / GB
    copies = turns * asked.write_units.get("conversations", 0.0) * load.replicas
    yield "DynamoDB, replicas", "dynamodb_writes", copies
    yield "DynamoDB, replicas", "dynamodb_gb_months", kept * load.replicas
    ledger = load.turns * LEDGER_DAYS * RECORD_BYTES / GB
    yield "DynamoDB, storage", "dynamodb_gb_months", kept + ledger
    if stage.history:
        yield "DynamoDB, history", "dynamodb_history_gb_months", kept + ledger


def _watching(load: Load, needs: Needs, stage: Stage) -> Iterator[Paid]:
    """A metric is billed for the hours in which it is written."""
    turns = load.turns * DAYS
    active = 1 - exp(-load.turns / 24)
    yield "CloudWatch, logs", "log_gb", turns * needs.mix.asked.log_bytes / GB
    yield "CloudWatch, metrics", "metric_months", active * (3 * METRICS_OF_A_MODEL + METRICS_OF_A_TARGET)
    if stage.tracing:
        yield "X-Ray", "traces", turns * TRACED


def _fixed(needs: Needs, stage: Stage) -> Iterator[Paid]:
    """What is there without any turn."""
    sweep, refit = stage.functions["sweep"], stage.functions["refit"]
    seconds = (SWEEPS * sweep.memory_mb + REFITS * refit.memory_mb) * SWEEP_SECONDS / 1_024
    yield "schedules", "lambda_requests", SWEEPS + REFITS
    yield "schedules", "lambda_gb_seconds", seconds
    yield "SQS", "sqs_requests", POLLERS * 3 * SWEEPS
    ready = sum(each.provisioned * each.memory_mb / 1_024 for each in stage.functions.values())
    yield "Lambda, provisioned", "lambda_gb_seconds_provisioned", ready * HOURS * 3_600
    if needs.index.kind == "serverless":
        yield "OpenSearch", "search_unit_hours", needs.index.nodes * HOURS
    elif needs.index.nodes:
        yield "OpenSearch", needs.index.kind, needs.index.nodes * HOURS
        volume = max(needs.index.disk_gb, float(stage.search.volume_gb * needs.index.nodes))
        yield "OpenSearch", "search_gb_months", volume
    yield "secret", "secret_months", 1
    if stage.own_key:
        yield "KMS", "key_months", 1
    yield from _watch(stage)


def _watch(stage: Stage) -> Iterator[Paid]:
    """What the template that watches a stage has of each; a filter's metric is taken to be written all day."""
    resources = watch(stage)["Resources"].values()
    made = Counter(each["Type"] for each in resources)
    yield "CloudWatch, alarms", "alarm_months", made["AWS::CloudWatch::Alarm"]
    yield "CloudWatch, alarms", "dashboard_months", made["AWS::CloudWatch::Dashboard"]
    yield "CloudWatch, metrics", "metric_months", made["AWS::Logs::MetricFilter"]
    for each in resources:
        if each["Type"] == "AWS::WAFv2::WebACL":
            yield "WAF", "firewall_months", 1
            yield "WAF", "firewall_rule_months", len(each["Properties"]["Rules"])


POLLERS: Final = 5  # of an empty queue, 20 s a poll
