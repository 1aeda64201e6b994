"""The emulated AWS that a deployment is made in: ministack in a process of its own, which notes what is asked of it.

`python -m tests.e2e.emulator SOCKET LIFELINE` serves until its parent is gone: two descriptors that it inherits. A
function runs as Lambda runs it: in a process for each call at a time, with what is in its zip, and of this repository's
environment nothing.
"""

import os
import shutil
import socket
import sys
import threading
import types
import zipfile
from collections import defaultdict
from pathlib import Path

import uvicorn

from infra.local.lifeline import Lifeline
from tests.e2e.gateway import Gateway
from tests.e2e.recorder import Recorder

GRACE_SECONDS = 10
OFF = {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent", "LOG_LEVEL": "WARNING"}
AT_ONCE = 8  # processes that run a function: a cold one takes 1.5 s of a processor; who finds all at work waits


class SharedZip(zipfile.ZipFile):
    """A package that is unpacked once and linked for each further process: it takes as long as to import it."""

    _lock = threading.Lock()
    _unpacked = {}  # noqa: RUF012 - of all packages together

    def extractall(self, path=None, members=None, pwd=None):
        content = tuple(each.CRC for each in self.infolist())
        with self._lock:
            if content not in self._unpacked:
                first = Path(os.environ["TMPDIR"]) / f"package-{len(self._unpacked)}"
                super().extractall(first, members, pwd)
                self._unpacked[content] = first
        shutil.copytree(self._unpacked[content], path, copy_function=os.link, dirs_exist_ok=True)


def behave(lambda_runtime, lambda_svc):
    """Have functions run as Lambda would, where ministack takes another way."""
    sys.executable = sys._base_executable  # they find no package but their own
    lambda_runtime.zipfile = types.SimpleNamespace(**vars(zipfile) | {"ZipFile": SharedZip})
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0  # who deploys looks again after five seconds, at each function
    kill, acquire, release = (
        getattr(lambda_runtime, name) for name in ("kill_workers", "acquire_worker", "release_worker")
    )
    places, mine = defaultdict(lambda: threading.Semaphore(AT_ONCE)), threading.local()

    def wait_and_acquire(name, *given, **named):
        mine.place = places[name]
        mine.place.acquire()
        return acquire(name, *given, **named)

    def kill_idle(workers):
        kill([each for each in workers if not each.in_use])

    def release_or_kill(worker):
        release(worker)
        mine.place.release()
        if worker and not any(worker in pool for pool in [*lambda_runtime._workers.values()]):
            kill([worker])

    lambda_runtime.kill_workers = kill_idle  # a call that has begun ends where it began, whatever is deployed meanwhile
    lambda_svc.acquire_worker, lambda_svc.release_worker = wait_and_acquire, release_or_kill


def main():
    listening, lifeline = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    Lifeline(lifeline, grace_s=GRACE_SECONDS).watch()
    port = listening.getsockname()[1]
    # Every function inherits this, as it would the name of a Region.
    os.environ["TIDEGATE_SOCKETS"] = f"http://127.0.0.1:{port}/_aws/execute-api/{{api}}/{{stage}}"
    os.environ.update(OFF, GATEWAY_PORT=str(port))
    import ministack.app
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    for name in OFF:  # a function would take them for its own
        del os.environ[name]
    behave(lambda_runtime, lambda_svc)
    app = Recorder(Gateway(ministack.app.app))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
