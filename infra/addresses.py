"""What functions are told of the APIs of their stage, which have no address before they are made.

The API's function shows the chat page and names the WebSocket there; the function that lets connections in lets in the
pages of the REST API, besides those that an operator names.
"""

from collections.abc import Mapping
from typing import Any, Final

from infra.extras import GATEWAY_STAGE
from infra.stages import API

CONNECT: Final = "websocket_connect"
_SOCKET_URL: Final = "TIDEGATE_SOCKET_URL"
_ORIGINS: Final = "TIDEGATE_ORIGINS"


def told(environments: Mapping[str, Mapping[str, Any]], *, rest: str, sockets: str) -> dict[str, dict[str, str]]:
    """Variables by function, over `environments`; `rest` and `sockets` are the hosts of the two APIs."""
    named, connecting = environments.get(API, {}), environments.get(CONNECT, {})
    own = {} if _SOCKET_URL in named else {API: {_SOCKET_URL: f"wss://{sockets}/{GATEWAY_STAGE}"}}
    origins = filter(None, (connecting.get(_ORIGINS, ""), f"https://{rest}"))
    return {**own, CONNECT: {_ORIGINS: ",".join(origins)}}
