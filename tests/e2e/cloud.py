"""One emulated AWS for the tests, and what an operator does there."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import boto3

from tests.e2e.recorder import CALLS
from tests.egress.sitecustomize import NOTES

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
ACCOUNT = "000000000000"
PATIENCE_SECONDS = 60


class Cloud:
    """The emulator's process, which ends with this one however this one ends."""

    def __init__(self, folder):
        self.folder, self._clients = folder, {}
        (folder / "functions").mkdir(parents=True)
        reader, self._lifeline = os.pipe()
        with (folder / "emulator.log").open("wb") as log, socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.emulator", str(listening.fileno()), str(reader)],
                cwd=ROOT,
                env=self._surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listening.fileno(), reader],
                start_new_session=True,
            )
        os.close(reader)
        self.url = f"http://127.0.0.1:{self.port}"

    def _surroundings(self):
        """What the emulator, and so each function, has of this machine."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH", NOTES) if name in os.environ}
        return kept | {"TMPDIR": str(self.folder / "functions")}

    @property
    def environment(self):
        """What names this cloud to a command, and no account of this machine's owner."""
        known = {name: os.environ[name] for name in os.environ if not name.startswith(("AWS_", "TIDEGATE_", "MAKE"))}
        return known | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL": self.url,
        }

    def until_ready(self):
        """Return when it serves; a process that ended is an error."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise ChildProcessError((self.folder / "emulator.log").read_text())
            time.sleep(0.05)
        return self

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def client(self, service):
        """A client of one of its services."""
        if service not in self._clients:
            session = boto3.session.Session("test", "test", region_name=REGION)
            self._clients[service] = session.client(service, endpoint_url=self.url)
        return self._clients[service]

    def calls(self):
        """Every call since they were last forgotten."""
        return self._calls("GET")

    def forget_calls(self):
        """Begin to count anew."""
        self._calls("DELETE")

    def _calls(self, method):
        request = urllib.request.Request(f"{self.url}{CALLS}", method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
            return json.load(reply)

    def stop(self):
        """Return when it is gone, every function with it, and what they were unpacked to: it has nothing to keep."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._lifeline)
        shutil.rmtree(self.folder / "functions")
