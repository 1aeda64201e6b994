"""One call to what was deployed: that it answers, from where its users are."""

import http.client
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from infra.deploy.faults import CannotDeploy

_TRIES: Final = 10  # a new API takes some seconds to be there
_PAUSE_S: Final = 3.0
_PATIENCE_S: Final = 35.0  # more than API Gateway waits


def smoke(url: str, function: str, pause: Callable[[float], None]) -> str:
    """What `GET /health` says below `url`; a fault that names the function's log where it does not answer well."""
    said = ""
    for attempt in range(_TRIES):
        if attempt:
            pause(_PAUSE_S)
        try:
            status, body = _get(url)
        except OSError as fault:
            said = str(fault)
            continue
        if status == http.client.OK:
            answer: dict[str, Any] = json.loads(body)
            return str(answer.get("status", "ok"))
        said = f"{status} {body[:200]!r}"
    raise CannotDeploy(
        f"it is deployed, and does not answer well ({url}health: {said}): look into the log of its function, "
        f"`aws logs tail /aws/lambda/{function}`, then run this again"
    )


def _get(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_PATIENCE_S)
    try:
        connection.request("GET", f"{parts.path}health")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()
