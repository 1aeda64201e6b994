"""The pipe a child inherits from the supervisor: a byte starts it, the end of the pipe stops it.

A pipe ends however its writer dies, on every platform; a signal may never be sent.
"""

import os
import signal
import sys
import threading
import time

SERVE = b"s"


class Lifeline:
    """The reading end, in the child."""

    def __init__(self, descriptor: int, *, grace_s: float) -> None:
        self._descriptor = descriptor
        self._grace_s = grace_s

    def wait(self) -> None:
        """Return when the supervisor wants this child to serve, exit when there is no supervisor."""
        if not os.read(self._descriptor, 1):
            sys.exit(0)

    def watch(self) -> None:
        """From now on end this process, cleanly if it can, when the supervisor is gone."""
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def _watch(self) -> None:
        while os.read(self._descriptor, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self._grace_s)
        os.kill(os.getpid(), signal.SIGKILL)
