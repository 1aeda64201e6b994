"""The API of `make run`: the bridge over the product's app, on a socket that the supervisor made, and its schedules."""

import argparse
import gc
import importlib
import resource
import socket
import threading
from typing import Any, Final

import uvicorn

from infra.local import schedule
from infra.local.bridge import Bridge
from infra.local.lifeline import Lifeline
from infra.local.sockets import Protocol
from infra.local.types import PACKAGES, learn

_CUT_GRACE_S: Final = 5
_GRACE_S: Final = 8.0


class Server(uvicorn.Server):
    """Uvicorn, except that its end does not wait for streams to reach theirs."""

    def __init__(self, config: uvicorn.Config, bridge: Bridge) -> None:
        super().__init__(config)
        self._bridge = bridge

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._bridge.cut_streams()
        await super().shutdown(sockets)


def load(name: str) -> Any:
    """Return the object that `module:attribute` names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def allow_connections(wanted: int = 65_536) -> None:
    """Let this process hold more than the 1,024 files, and so connections, that many systems begin with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.local.serve")
    parser.add_argument("--app", required=True, help="module:attribute")
    parser.add_argument("--socket", type=int, required=True, help="descriptor of a bound socket")
    parser.add_argument("--lifeline", type=int, required=True, help="descriptor of the supervisor's pipe")
    given = parser.parse_args()
    allow_connections()
    app = load(given.app)
    learn(*PACKAGES)
    bridge = Bridge(app)
    config = uvicorn.Config(
        bridge,
        lifespan="off",
        ws=Protocol,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=_CUT_GRACE_S,
    )
    config.load()
    lifeline = Lifeline(given.lifeline, grace_s=_GRACE_S)
    lifeline.wait()
    lifeline.watch()
    schedule.begin(app, threading.Event())
    gc.collect()
    gc.freeze()  # what is there now stays: no collection need look at it again
    Server(config, bridge).run(sockets=[socket.socket(fileno=given.socket)])


if __name__ == "__main__":
    main()
