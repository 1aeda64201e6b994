"""One canonical log line for each turn, and its metrics in CloudWatch's embedded format."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from chalicelib.domain.notices import Delivery, Told
from chalicelib.domain.report import ANSWERED, Attempt, Report
from chalicelib.domain.turn import Caller
from chalicelib.lines import Lines

NAMESPACE: Final = "Tidegate"

_NAMES: Final = {
    "model": "gen_ai.request.model",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "finish_reasons": "gen_ai.response.finish_reasons",
    "conversation": "gen_ai.conversation.id",
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "error": "error.type",
}
"""OpenTelemetry's names for what it has a name for."""
_PROVIDERS: Final = {
    "bedrock": "aws.bedrock",
    "sagemaker": "aws.sagemaker",
    "openai+http": "openai",
    "openai+https": "openai",
}
"""By the scheme of a target; any other scheme is its own name."""
_UNITS: Final = {"overhead": "Milliseconds", "duration": "Milliseconds"}
_LEVELS: Final[dict[Delivery, str]] = {"delivered": "info", "failed": "warning", "given_up": "error"}


class LogMeter:
    """Writes to standard output, where Lambda's log agent and CloudWatch read both."""

    def __init__(self, *, metrics: bool, level: str = "INFO", stage: str = "local", words: bool = False) -> None:
        """`metrics` False leaves the metrics out, on a machine where nothing reads them; each stage counts apart.

        With `words` a turn's line has what was said, redacted.
        """
        self._logger = Lines(level)
        self._metrics = metrics
        self._words = words
        self._service = f"tidegate-{stage}"

    def record(self, report: Report) -> None:
        """Log the report's figures, and count them by model and cache outcome."""
        self._logger.info("turn", extra=_fields(report))
        self._count(report)
        for attempt in report.tried:
            self._count_attempt(report.model, attempt)

    def words(self, said: str) -> str | None:
        """Without keys, secrets, emails and long numbers, and not too long."""
        if not self._words or not said:
            return None
        from chalicelib.domain.redaction import redacted  # who wants none has no use for its tables

        return redacted(said)

    def unmetered(self, caller: Caller) -> None:
        """One warning line with the turn's and its owner's names."""
        principal = caller.principal
        self._logger.warning(
            "unmetered",
            extra={
                "turn_id": caller.turn_id,
                "tenant": principal.tenant,
                "user": principal.user,
                "key_id": principal.key_id,
            },
        )

    def stale(self, faults: Sequence[str]) -> None:
        """One error line: the catalogue that somebody wrote is not the one that is served."""
        self._logger.error("catalogue", extra={"faults": list(faults)})

    def peppers_kept(self, fault: str) -> None:
        """One error line: the secret that somebody wrote, or that nobody can read, is not the one in use."""
        self._logger.error("peppers", extra={"fault": fault})

    def turned_away(self, calls: int) -> None:
        """One warning line with how many calls of strangers were turned away since the last one."""
        self._logger.warning("turned_away", extra={"calls": calls})
        self._add({}, {"turned_away": calls})

    def told(self, told: Told) -> None:
        """One line for each notice, and their count by what became of them."""
        fields = {name: value for name, value in msgspec.structs.asdict(told).items() if name != "posted"}
        log = getattr(self._logger, _LEVELS[told.delivery])
        log("notice", extra={**fields, "delivery": told.delivery, **_known(told.posted)})
        self._add({"delivery": told.delivery}, {"notices": 1})

    def _count(self, report: Report) -> None:
        self._add(
            {"model": report.model, "cache": report.cache},
            {
                "turns": not report.queued,
                "queued": report.queued,
                "errors": report.error is not None,
                "input_tokens": report.input_tokens,
                "output_tokens": report.output_tokens,
                "usd_micros": report.usd_micros,
                "overhead": report.overhead_ms,
                "unmetered": report.unmetered,
                "cache_faults": report.cache_failed,
            },
        )

    def _count_attempt(self, model: str, attempt: Attempt) -> None:
        """By target: how many calls, how many of them failed and in which way, and how long they took."""
        self._add(
            {"model": model, "target": attempt.target},
            {
                "calls": 1,
                "faults": attempt.outcome != ANSWERED,
                "throttles": attempt.outcome == "ModelThrottled",
                "duration": attempt.milliseconds,
            },
        )

    def _add(self, dimensions: Mapping[str, str], counts: Mapping[str, int]) -> None:
        """One line, which CloudWatch adds to each metric that it names."""
        if not self._metrics:
            return
        named = {**dimensions, "service": self._service}
        metrics = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in counts]
        told = {"Namespace": NAMESPACE, "Dimensions": [list(named)], "Metrics": metrics}
        head = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [told]}
        line = {"_aws": head, **named, **{name: int(count) for name, count in counts.items()}}
        sys.stdout.write(f"{msgspec.json.encode(line).decode()}\n")


def _known(value: msgspec.Struct) -> dict[str, Any]:
    return {name: each for name, each in msgspec.structs.asdict(value).items() if each is not None}


def _fields(report: Report) -> dict[str, Any]:
    """The report's figures by the names that they are logged under; what is not known is left out."""
    known = msgspec.structs.asdict(report)
    scheme = report.target.partition("://")[0]
    reason, is_over = known.pop("finish_reason"), not report.error and not report.queued
    known["finish_reasons"] = [reason] if reason and is_over else None
    known["provider"] = _PROVIDERS.get(scheme, scheme) or None
    known["tried"] = [msgspec.structs.asdict(attempt) for attempt in report.tried] or None
    return {_NAMES.get(name, name): value for name, value in known.items() if value is not None}
