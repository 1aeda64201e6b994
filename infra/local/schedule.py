"""EventBridge for one process: calls what the app has on a schedule, each function at its rate."""

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

from chalice.app import ScheduledEventConfig

from infra.local.environment import REGION
from infra.local.events import ACCOUNT, Context

_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS: Final = {"minute": 60, "hour": 3_600, "day": 86_400}
_TIMEOUT_S: Final = 60.0

_log = logging.getLogger(__name__)


class Scheduled:
    """One function of the app and how often it is called."""

    def __init__(self, name: str, handler: Callable[[Any, Any], Any], every_s: float) -> None:
        self.name = name
        self.every_s = every_s
        self._handler = handler

    def call(self) -> None:
        """Call it once, as EventBridge does; whatever it does, there is a next time."""
        try:
            self._handler(_event(self.name), Context(_TIMEOUT_S))
        except Exception:  # noqa: BLE001 - what Lambda does with an exception; it is logged there
            _log.exception("the scheduled function '%s' failed", self.name)

    def repeat(self, stop: threading.Event) -> None:
        """Call it again and again until `stop` is set."""
        while not stop.wait(self.every_s):
            self.call()


def scheduled(app: Any) -> list[Scheduled]:
    """Every function that `app` has on a schedule."""
    return [
        Scheduled(source.name, app.handler_map[source.name], _every(str(source.schedule_expression)))
        for source in app.event_sources
        if isinstance(source, ScheduledEventConfig)
    ]


def begin(app: Any, stop: threading.Event) -> None:
    """Call them from now on, each in a thread that ends with the process."""
    for each in scheduled(app):
        threading.Thread(target=each.repeat, args=(stop,), name=f"schedule-{each.name}", daemon=True).start()


def _every(expression: str) -> float:
    """The seconds of a rate; a time of day has no use on a developer's machine."""
    rate = _RATE.fullmatch(expression)
    if rate is None:
        raise ValueError(f"only rates are called here, not '{expression}'")
    return int(rate[1]) * _SECONDS[rate[2]]


def _event(name: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/tidegate-local-{name}"],
        "detail": {},
    }
