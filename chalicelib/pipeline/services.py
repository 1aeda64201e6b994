"""The stages of a turn, one field for each, in the order in which a request meets them."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.archive import Archive
from chalicelib.pipeline.cache import AnswerCache
from chalicelib.pipeline.health import Health
from chalicelib.pipeline.history import History
from chalicelib.pipeline.identify import Gate
from chalicelib.pipeline.router import Router
from chalicelib.ports import Clock, Meter


@dataclass(frozen=True, slots=True)
class Services:
    """What `turn` works with; `bootstrap` builds it once."""

    gate: Gate
    history: History
    cache: AnswerCache
    admission: Admission
    router: Router
    archive: Archive
    health: Health
    meter: Meter
    clock: Clock
