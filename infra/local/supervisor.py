"""Starts the emulator, its tables, the API and the worker; stops them in the other order; outlives them all."""

import errno
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.local.children import Child
from infra.local.environment import Options, for_tools
from infra.local.faults import CannotRun, Interrupted
from infra.local.signals import Signals
from infra.local.workspace import Workspace, write_private

HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 60.0
_PORT_PATIENCE_S: Final = 1.5  # what a killed run's API takes to see that it is alone
_API_GRACE_S: Final = 8.0
_WORKER_GRACE_S: Final = 8.0
_DEATH_S: Final = 0.2  # from the end of a child's connections to its exit code
_EMULATOR_GRACE_S: Final = 30.0  # it writes a snapshot; without one, the journal has everything

Seed = Callable[[Mapping[str, str], Workspace], None]


class Supervisor:
    """One run of the product."""

    def __init__(self, options: Options, signals: Signals, *, app: str, load_seed: Callable[[], Seed]) -> None:
        self._options = options
        self._signals = signals
        self._app = app
        self._load_seed = load_seed
        self._workspace = Workspace(options.directory)
        self._children: list[Child] = []

    def run(self) -> None:
        """Serve until `Interrupted`; `CannotRun` says which part could not, or no longer, do its work."""
        self._workspace.claim()
        with self._bind(self._options.port) as api_socket, self._bind(0) as emulator_socket:
            try:
                self._start(api_socket, emulator_socket)
                self._announce()
                threading.Thread(target=self._ask_ahead, name="ahead", daemon=True).start()
                self._watch()
            except CannotRun:
                self._pause(_DEATH_S)  # a death says more than what it led to
                raise
            finally:
                self._workspace.running.unlink(missing_ok=True)
                self._stop()

    def _start(self, api_socket: socket.socket, emulator_socket: socket.socket) -> None:
        emulator_port = emulator_socket.getsockname()[1]
        emulator_url = f"http://{HOST}:{emulator_port}"
        environment = self._options.for_children(emulator_url, self._workspace.pepper())
        emulator = self._launch_emulator(environment, emulator_socket)
        api = self._launch_api(environment, api_socket, emulator)
        worker = self._launch_worker(environment, emulator)
        os.environ.clear()  # the seed uses the product's own code: let it find the emulator
        os.environ.update(environment)
        seed = self._load_seed()
        from infra.local.stack import Stack

        self._await("the emulator", lambda: _accepts(emulator_port))
        Stack(emulator_port, self._pause).apply()
        seed(environment, self._workspace)
        write_private(self._workspace.running, json.dumps(for_tools(emulator_url, environment)))
        api.serve()
        worker.serve()
        self._await("the API", lambda: _is_healthy(self._options.port))

    def _launch_emulator(self, environment: dict[str, str], bound: socket.socket) -> Child:
        child = Child("emulator", self._workspace.log("emulator"), grace_s=_EMULATOR_GRACE_S)
        self._children.append(child)
        arguments = ["--socket", str(bound.fileno()), "--directory", str(self._workspace.state)]
        child.start("infra.local.emulator", arguments, environment, [bound.fileno()])
        return child

    def _launch_api(self, environment: dict[str, str], bound: socket.socket, emulator: Child) -> Child:
        """Give the API the emulator's lifeline too: whoever dies, the emulator sees the last settlement."""
        child = Child("API", self._workspace.log("api"), grace_s=_API_GRACE_S)
        self._children.append(child)
        arguments = ["--socket", str(bound.fileno()), "--app", self._app]
        child.start("infra.local.serve", arguments, environment, [bound.fileno(), emulator.lifeline])
        return child

    def _launch_worker(self, environment: dict[str, str], emulator: Child) -> Child:
        """It has the emulator's lifeline as the API has."""
        child = Child("worker", self._workspace.log("worker"), grace_s=_WORKER_GRACE_S)
        self._children.append(child)
        child.start("infra.local.worker", ["--app", self._app], environment, [emulator.lifeline])
        return child

    def _bind(self, port: int) -> socket.socket:
        """Take a port without listening yet: it is ours, and callers are refused until all is ready."""
        deadline = time.monotonic() + _PORT_PATIENCE_S
        while True:
            bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                bound.bind((HOST, port))
            except OSError as fault:
                bound.close()
                if fault.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                    wrong = f"port {port} cannot be used ({fault.strerror})"
                    raise CannotRun(f"{wrong}: free it, or choose another: make run PORT=8080") from fault
                self._signals.wait(0.1)
            else:
                return bound

    def _await(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not ready():
            if time.monotonic() > deadline:
                logs = self._workspace.directory
                raise CannotRun(f"{what} did not answer within {_PATIENCE_S:.0f} s: see its log in {logs}")
            self._pause(0.01)

    def _pause(self, seconds: float) -> None:
        """Every wait passes here, so that a death is noticed wherever it happens."""
        self._signals.wait(seconds)
        for child in self._children:
            if not child.alive:
                raise CannotRun(child.obituary())

    def _watch(self) -> None:
        while True:
            self._pause(0.5)

    def _announce(self) -> None:
        url = f"http://{HOST}:{self._options.port}/v1"
        example = _example(url, self._first_model(), self._workspace.api_key)
        with suppress(OSError):  # whoever read the first line may have gone
            print(f"ready {url}\n{example}", flush=True)

    def _first_model(self) -> str:
        """Ask as a user will: what is slow the first time has then happened, and what is wrong is known."""
        key = self._workspace.api_key.read_text()
        log = self._workspace.log("api")
        try:
            status, body = _get(self._options.port, "/v1/models", {"Authorization": f"Bearer {key}"})
        except (OSError, http.client.HTTPException) as fault:
            raise CannotRun(f"the API did not answer the first request: see {log}") from fault
        if status != http.HTTPStatus.OK:
            raise CannotRun(f"the API refused the first request ({status}) {body.decode()}: see {log}")
        model: str = json.loads(body)["data"][0]["id"]
        return model

    def _ask_ahead(self) -> None:
        """Ask how the cache fares: the API then loads what compares questions before the first one waits for it."""
        if self._options.settings["TIDEGATE_SEMANTIC"] != "off" and self._workspace.admin_key.exists():
            key = self._workspace.admin_key.read_text()
            with suppress(OSError, http.client.HTTPException):  # it will be loaded by the first question then
                _get(self._options.port, "/admin/cache?tenant=local", {"Authorization": f"Bearer {key}"})

    def _stop(self) -> None:
        for child in reversed(self._children):
            child.stop(hurried=lambda: self._signals.hurried)


def _accepts(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        return caller.connect_ex((HOST, port)) == 0


def _is_healthy(port: int) -> bool:
    try:
        return _get(port, "/health", {})[0] == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _get(port: int, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _example(url: str, model: str, key: Path) -> str:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    return (
        f'curl -s {url}/chat/completions -H "Authorization: Bearer $(cat {os.path.relpath(key)})"'
        f" -H 'Content-Type: application/json' -d '{body}'"
    )


def main(*, app: str, load_seed: Callable[[], Seed]) -> int:
    """Run in the foreground; 0 when asked to stop, 1 and one sentence on stderr when something failed."""
    try:
        options = Options.read(os.environ)
        signals = Signals(follow_parent="MAKELEVEL" in os.environ)
        Supervisor(options, signals, app=app, load_seed=load_seed).run()
    except Interrupted:
        return 0
    except CannotRun as fault:
        print(f"make run: {fault}", file=sys.stderr, flush=True)
    return 1
