"""The emulated AWS that a deployment is made in: ministack in a process of its own, which notes what is asked of it.

`python -m tests.e2e.emulator SOCKET LIFELINE` serves until its parent is gone: two descriptors that it inherits. A
function runs as Lambda runs it: in a process for each call at a time, with what is in its zip, and of this repository's
environment nothing.
"""

import os
import socket
import sys

import uvicorn

from infra.local.lifeline import Lifeline
from tests.e2e.gateway import Gateway
from tests.e2e.recorder import Recorder

GRACE_SECONDS = 10
OFF = {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent", "LOG_LEVEL": "WARNING"}


def main():
    listening, lifeline = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    Lifeline(lifeline, grace_s=GRACE_SECONDS).watch()
    port = listening.getsockname()[1]
    # Every function inherits this, as it would the name of a Region.
    os.environ["TIDEGATE_SOCKETS"] = f"http://127.0.0.1:{port}/_aws/execute-api/{{api}}/{{stage}}"
    os.environ.update(OFF, GATEWAY_PORT=str(port))
    import ministack.app

    from tests.e2e import likeness

    for name in OFF:  # a function would take them for its own
        del os.environ[name]
    recorder = Recorder(Gateway(ministack.app.app))
    likeness.give(recorder.note_function)
    config = uvicorn.Config(recorder, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
