"""What is told in the log: lines of JSON on standard output, where Lambda's agent and CloudWatch read them."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

SERVICE: Final = "tidegate"
_TRACE: Final = "_X_AMZN_TRACE_ID"  # Lambda's word for the request that it is about


class Lines:
    """Writes lines of a message and its fields. All of a process write to one place, from one level on."""

    def __init__(self, level: str | None = None) -> None:
        """`level` is for the whole process; where it is None, what holds stays."""
        self._log = _opened()
        if level is not None:
            self._log.setLevel(level)

    def info(self, message: str, extra: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """What happens every day."""
        self._tell(logging.INFO, message, extra, fields)

    def warning(self, message: str, extra: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """What somebody should know."""
        self._tell(logging.WARNING, message, extra, fields)

    def error(self, message: str, extra: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """What somebody must look at."""
        self._tell(logging.ERROR, message, extra, fields)

    def _tell(self, level: int, message: str, extra: Mapping[str, Any] | None, fields: dict[str, Any]) -> None:
        if self._log.isEnabledFor(level):
            record = logging.LogRecord(SERVICE, level, "", 0, message, (), None)
            record.fields = {**fields, **(extra or {})}
            self._log.handle(record)


class _Json(logging.Formatter):
    """A record as one line; what is None is left out."""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.created))
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": f"{when},{int(record.msecs):03d}+0000",
            "service": SERVICE,
            **{name: value for name, value in vars(record).get("fields", {}).items() if value is not None},
        }
        if trace := os.environ.get(_TRACE):
            line["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
        return msgspec.json.encode(line, enc_hook=str).decode()


def _opened() -> logging.Logger:
    log = logging.getLogger(SERVICE)
    if not log.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(_Json())
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False  # Lambda has a handler of its own for everybody's lines
    return log
