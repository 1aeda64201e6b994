"""One canonical log line for each turn, and its metrics in CloudWatch's embedded format, by AWS Lambda Powertools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib.domain.chat import Content, text_of
from chalicelib.domain.notices import Delivery, Told
from chalicelib.domain.report import ANSWERED, Attempt, Report
from chalicelib.domain.turn import Caller

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
_LEVELS: Final[dict[Delivery, str]] = {"delivered": "info", "failed": "warning", "given_up": "error"}


class PowertoolsMeter:
    """Writes to standard output, where Lambda's log agent and CloudWatch read both."""

    def __init__(self, *, metrics: bool, level: str = "INFO", stage: str = "local", words: bool = False) -> None:
        """`metrics` False leaves the metrics out, on a machine where nothing reads them; each stage counts apart.

        With `words` a turn's line has what was said, redacted.
        """
        self._logger = Logger(service="tidegate", level=level, log_uncaught_exceptions=False)
        self._metrics = metrics
        self._words = words
        self._service = f"tidegate-{stage}"

    def record(self, report: Report) -> None:
        """Log the report's figures, and count them by model and cache outcome."""
        self._logger.info("turn", extra=_fields(report))
        if self._metrics:
            self._count(report)
            for attempt in report.tried:
                self._count_attempt(report.model, attempt)

    def words(self, said: Content) -> str | None:
        """Without keys, secrets, emails and long numbers, and not too long."""
        if not self._words or not (text := text_of(said)):
            return None
        from chalicelib.domain.redaction import redacted  # who wants none has no use for its tables

        return redacted(text)

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
        if self._metrics:
            metrics = self._fresh()
            metrics.add_metric("turned_away", MetricUnit.Count, calls)
            metrics.flush_metrics()

    def told(self, told: Told) -> None:
        """One line for each notice, and their count by what became of them."""
        fields = {name: value for name, value in msgspec.structs.asdict(told).items() if name != "posted"}
        log = getattr(self._logger, _LEVELS[told.delivery])
        log("notice", extra={**fields, "delivery": told.delivery, **_known(told.posted)})
        if self._metrics:
            metrics = self._fresh()
            metrics.add_dimension("delivery", told.delivery)
            metrics.add_metric("notices", MetricUnit.Count, 1)
            metrics.flush_metrics()

    def _count(self, report: Report) -> None:
        metrics = self._fresh()
        metrics.add_dimension("model", report.model)
        metrics.add_dimension("cache", report.cache)
        metrics.add_metric("turns", MetricUnit.Count, int(not report.queued))
        metrics.add_metric("queued", MetricUnit.Count, int(report.queued))
        metrics.add_metric("errors", MetricUnit.Count, int(report.error is not None))
        metrics.add_metric("input_tokens", MetricUnit.Count, report.input_tokens)
        metrics.add_metric("output_tokens", MetricUnit.Count, report.output_tokens)
        metrics.add_metric("usd_micros", MetricUnit.Count, report.usd_micros)
        metrics.add_metric("overhead", MetricUnit.Milliseconds, report.overhead_ms)
        metrics.add_metric("unmetered", MetricUnit.Count, int(report.unmetered))
        metrics.add_metric("cache_faults", MetricUnit.Count, int(report.cache_failed))
        metrics.flush_metrics()

    def _count_attempt(self, model: str, attempt: Attempt) -> None:
        """By target: how many calls, how many of them failed and in which way, and how long they took."""
        metrics = self._fresh()
        metrics.add_dimension("model", model)
        metrics.add_dimension("target", attempt.target)
        metrics.add_metric("calls", MetricUnit.Count, 1)
        metrics.add_metric("faults", MetricUnit.Count, int(attempt.outcome != ANSWERED))
        metrics.add_metric("throttles", MetricUnit.Count, int(attempt.outcome == "ModelThrottled"))
        metrics.add_metric("duration", MetricUnit.Milliseconds, attempt.milliseconds)
        metrics.flush_metrics()

    def _fresh(self) -> EphemeralMetrics:
        """A set of metrics of its own for each turn: the shared one is not safe for threads."""
        return EphemeralMetrics(namespace=NAMESPACE, service=self._service)


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
