"""A few calls to what was deployed: that it answers, from where its users are, and lets in nobody it does not know."""

import http.client
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from chalicelib.domain.identity import mint
from infra import streaming
from infra.deploy.faults import CannotDeploy
from infra.stages import API

_TRIES: Final = 25  # a new API takes some seconds to be there, a Region of several a minute to be home
_PAUSE_S: Final = 3.0
_PATIENCE_S: Final = 35.0  # more than API Gateway waits
_MOST_SHOWN: Final = 200


class Probe(Struct, frozen=True):
    """A call and the only answer that is good; `keyed` ones have a key that nobody was given."""

    path: str
    function: str
    status: int
    keyed: bool = True


# To turn a key away, a function reads its settings, the pepper and the table of keys: the last two take its own rights.
PROBES: Final = (
    Probe("health", API, http.client.OK, keyed=False),
    Probe("v1/models", API, http.client.UNAUTHORIZED),
    Probe("v1/responses/resp_0", streaming.FUNCTION, http.client.UNAUTHORIZED),
)


def smoke(url: str, tail: Callable[[str], str], random: bytes, pause: Callable[[float], None]) -> str:
    """What the API below `url` says of its health; a fault has the command that shows the log of a function."""
    stranger = mint("tidegate", "nobody", live=True, random=random).token
    bodies = [_answer(url, each, f"Bearer {stranger}" if each.keyed else "", tail, pause) for each in PROBES]
    health: dict[str, Any] = json.loads(bodies[0])
    return str(health.get("status", "ok"))


def _answer(url: str, probe: Probe, key: str, tail: Callable[[str], str], pause: Callable[[float], None]) -> str:
    said = ""
    for attempt in range(_TRIES):
        if attempt:
            pause(_PAUSE_S)
        try:
            status, body = _get(f"{url}{probe.path}", key)
        except (OSError, http.client.HTTPException) as fault:
            said = str(fault) or type(fault).__name__
            continue
        if status == probe.status:
            return body
        said = f"{status} {body[:_MOST_SHOWN]!r}"
    wanted = f", where a key that nobody has is told {probe.status}" if probe.keyed else ""
    raise CannotDeploy(
        f"it is deployed, and does not answer well ({url}{probe.path}: {said}{wanted}): look into the log of its "
        f"function, {tail(probe.function)}, then run this again"
    )


def _get(url: str, key: str) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_PATIENCE_S)
    try:
        connection.request("GET", parts.path, headers={"Authorization": key} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()
