"""What a million of each kind of event costs, by part: as measured here, by the planner's prices and clock."""

from collections.abc import Iterator
from typing import Final

from benchmarks.figures import Row
from infra.plan.mix import TRIP_SECONDS, speed
from infra.plan.prices import Prices
from infra.stages import STAGES

STAGE: Final = "team"
GB: Final = 1e9
POLLED: Final = 2  # a batch is received once and deleted once
_MILLION: Final = 1e6


def usd(row: Row, prices: Prices) -> dict[str, float]:
    """USD for a million turns by part, nothing of it free, without the wait for a model."""
    parts: dict[str, float] = {}
    for part, name, units in _units(row):
        price = prices.prices[name]
        parts[part] = parts.get(part, 0.0) + units / row["turns"] * price.usd / price.per * _MILLION
    return parts


def seconds(row: Row) -> float:
    """How long the function is busy with an event in the stage: its processor time there, and its calls."""
    trips = sum(number for service in row["calls"].values() for number in service.values())
    return float(row["cpu_ms"]["median"] / 1e3 / speed(_memory_mb(row)) + trips * TRIP_SECONDS)


def _memory_mb(row: Row) -> int:
    return STAGES[STAGE].functions[row["function"]].memory_mb


def _units(row: Row) -> Iterator[tuple[str, str, float]]:
    yield "Lambda", "lambda_requests", 1
    yield "Lambda", "lambda_gb_seconds", seconds(row) * _memory_mb(row) / 1_024
    yield "API Gateway", "rest_requests", float(row["http"])
    yield "API Gateway", "out_gb", row["answer_bytes"] / GB if row["http"] else 0.0
    yield "DynamoDB", "dynamodb_writes", row["write_units"]
    yield "DynamoDB", "dynamodb_reads", row["read_units"]
    sends = sum(row["calls"].get("SQS", {}).values())
    yield "SQS", "sqs_requests", sends + (POLLED if row["function"] == "work" else 0)
    yield "logs", "log_gb", row["log_bytes"] / GB
