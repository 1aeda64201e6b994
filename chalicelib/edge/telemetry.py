"""The structured logger of the edge; built on first use, since a cold start pays for every import."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """JSON lines on standard output, named for the service."""
    from aws_lambda_powertools import Logger

    return Logger(service="tidegate", log_uncaught_exceptions=False)


def log_bug(fault: Exception, origin: dict[str, str]) -> None:
    """Say where a bug is, and never what it was working on: a message may quote a prompt."""
    frames = traceback.extract_tb(fault.__traceback__)
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-6:]]
    logger().error("bug", error=type(fault).__name__, where=where, extra=origin)


def log_sweep(counts: Mapping[str, int]) -> None:
    """Say how much a sweep found to do."""
    logger().info("sweep", extra=dict(counts))


def log_refit(done: msgspec.Struct) -> None:
    """Say what a refit of the semantic cache came to."""
    logger().info("refit", extra=msgspec.structs.asdict(done))
