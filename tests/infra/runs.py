"""The stand-in product as a process: how its user, and its killer, see `make run`."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120  # for what must come, on a busy machine; a test that passes waits for little of it


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def living(pids):
    """Those of `pids` that still run; the dead whom nobody has buried do not."""
    listing = subprocess.run(["ps", "-ww", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    states = dict(line.split(None, 1) for line in listing.splitlines())
    return {pid for pid in pids if not states.get(str(pid), "Z").startswith("Z")}


def eventually(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return True


class Run:
    """One `make run`, as its user and its killer see it."""

    def __init__(self, directory, port, **environ):
        self.directory = directory
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.infra.stand_in"],
            cwd=ROOT,
            env={**os.environ, "TIDEGATE_LOCAL_DIR": str(directory), "PORT": str(port), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.everyone = {self.process.pid}

    def until_ready(self):
        line = self.process.stdout.readline()
        assert line == f"ready http://127.0.0.1:{self.port}/v1\n", self.process.stderr.read()
        self.everyone |= set(self.children().values())
        return self

    def children(self):
        listing = subprocess.run(
            ["ps", "-ww", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in listing.splitlines()]
        return {
            module: int(pid)
            for pid, parent, command in rows
            for module in ("emulator", "serve")
            if int(parent) == self.process.pid and f"infra.local.{module}" in command
        }

    def end(self):
        """The exit code and what it said on stderr; everyone it started is gone."""
        code = self.process.wait(PATIENCE_S)
        assert eventually(lambda: not living(self.everyone))
        return code, self.process.stderr.read()

    def close(self):
        self.process.stdout.close()
        self.process.stderr.close()

    def kill_everyone(self):
        for pid in self.everyone:
            os.kill(pid, signal.SIGKILL)
        self.end()

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content
