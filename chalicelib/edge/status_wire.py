"""The answer to a health check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from chalice.app import Response
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.fleet import TargetState
from chalicelib.edge.gateway import JSON


class Status(Struct, frozen=True):
    """How the process is, what it needs, and which targets it has: one that is left alone degrades nothing."""

    status: Literal["ok", "degraded"]
    checks: dict[str, str] | UnsetType = UNSET
    targets: Sequence[TargetState] | UnsetType = UNSET


def alive() -> Response:
    """The process serves."""
    return Response(msgspec.json.encode(Status("ok")).decode(), {"Content-Type": JSON})


def checked(outcomes: dict[str, str], targets: Sequence[TargetState]) -> Response:
    """What each dependency said: 200 where all are well, else 503."""
    well = all(outcome == "ok" for outcome in outcomes.values())
    body = Status("ok" if well else "degraded", outcomes, targets)
    return Response(msgspec.json.encode(body).decode(), {"Content-Type": JSON}, 200 if well else 503)
