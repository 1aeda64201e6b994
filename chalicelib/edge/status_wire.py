"""The answer to a health check."""

from __future__ import annotations

import msgspec
from chalice.app import Response

from chalicelib.edge.gateway import JSON


def alive() -> Response:
    """The process serves."""
    return Response('{"status":"ok"}', {"Content-Type": JSON})


def checked(outcomes: dict[str, str]) -> Response:
    """What each dependency said: 200 where all are well, else 503."""
    well = all(outcome == "ok" for outcome in outcomes.values())
    body = {"status": "ok" if well else "degraded", "checks": outcomes}
    return Response(msgspec.json.encode(body).decode(), {"Content-Type": JSON}, 200 if well else 503)
