"""The emulated AWS of `make run`: ministack in this process, on one loopback socket, surviving a kill.

Ministack writes its state only when it ends well. Here it starts from the newest snapshot and that snapshot's
journal, without what a gateway has no use for (containers, SFTP, MQTT, schedulers).
"""

import argparse
import asyncio
import fcntl
import gc
import logging
import os
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import uvicorn

from infra.local.lifeline import Lifeline
from infra.local.snapshots import Snapshots

CHECKPOINT_PATH: Final = "/_tidegate/checkpoint"
MARK_PATH: Final = "/_tidegate/mark"
COMPACT_ABOVE_BYTES: Final = 64 * 1024 * 1024
GRACE_S: Final = 20.0

_YOUNG: Final = (10_000, 50, 10**9)
"""Of `gc.set_threshold`: what a request leaves is collected, the items never, for which all callers would wait."""

_KEPT: Final = ("dynamodb", "sqs", "cloudformation", "ssm", "secretsmanager")
_SETTINGS: Final = {
    "PERSIST_STATE": "1",
    "LOG_LEVEL": "WARNING",
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
    "DOCKER_HOST": "unix:///nonexistent",  # ministack would remove containers of other programs that use it
}

_FOREIGN: Final = ("MINISTACK_", "GATEWAY_PORT", "EDGE_PORT")  # what its user set for another emulator

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)


class Emulator:
    """An ASGI app: ministack's, plus a lifespan that restores and saves, and a way to ask for a snapshot."""

    def __init__(self, directory: Path, *, compact_above_bytes: int = COMPACT_ABOVE_BYTES) -> None:
        for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
            del os.environ[name]
        os.environ.update(_SETTINGS)
        import ministack.app

        from infra.local.recorder import Recorder

        self._stack = ministack.app
        self._snapshots = Snapshots(directory)
        self._mark = self._snapshots.read_mark()
        self._recorder = Recorder(self._snapshots, self.save)
        self._unread: set[str] = set()
        self._compact_above_bytes = compact_above_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"] == CHECKPOINT_PATH:
            self._mark = parse_qs(scope["query_string"].decode())["mark"][0]
            self.save()
            await _reply(send, b"")
        elif scope["type"] == "http" and scope["path"] == MARK_PATH:
            await _reply(send, self._mark.encode())
        else:
            await self._stack.app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._compact()
        await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._stack._MAIN_LOOP = loop
        loop.set_default_executor(ThreadPoolExecutor(64, thread_name_prefix="ministack"))
        self._unread = {name for name in _KEPT if self._file(name).exists()}
        self._read("dynamodb")
        for name in {*self._unread, "cloudformation"}:
            self._stack.SERVICE_HANDLERS[name] = self._read_first(name, self._stack.SERVICE_HANDLERS[name])
        self._recorder.restore()
        self._recorder.attach()
        if self._snapshots.journal.size_bytes > self._compact_above_bytes:
            self._compact()

    def _read_first(self, name: str, handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Read a service's state when it is first called: to import CloudFormation takes two seconds."""

        async def handle_with_state(*request: Any) -> Any:
            # CloudFormation reaches into the other services without a request to them.
            for wanted in _KEPT if name == "cloudformation" else (name,):
                self._read(wanted)
            return await handle(*request)

        return handle_with_state

    def _read(self, name: str) -> None:
        if name not in self._unread:
            return
        from ministack.core import persistence

        persistence.STATE_DIR = str(self._snapshots.path)
        state = persistence.load_state(name)
        if state is None:
            raise RuntimeError(f"{self._file(name)} cannot be read")
        self._stack._get_module(name).load_persisted_state(state)
        self._unread.discard(name)

    def save(self) -> None:
        """Write all state to a new snapshot, and begin its journal."""
        from ministack.services import dynamodb

        with dynamodb._lock:  # held by the thread that expires items, so that it never has the closed journal
            self._snapshots.save(self._write, self._mark)

    def _compact(self) -> None:
        """Put a snapshot in the journal's place, or leave both as they are: together they have every item."""
        try:
            self.save()
        except OSError as fault:
            _log.error("The old snapshot and its journal stay in force: %s", fault)

    def _write(self, directory: Path) -> None:
        from ministack.core import persistence

        for name in self._unread:
            shutil.copyfile(self._file(name), directory / f"{name}.json")
        states = self._stack._build_persistence_save_dict()
        loaded = {name: states[name] for name in _KEPT if name in states and name not in self._unread}
        persistence.STATE_DIR = str(directory)
        persistence.save_all(loaded)
        missing = [name for name in loaded if not (directory / f"{name}.json").exists()]
        if missing:
            raise OSError(f"no snapshot was made: {', '.join(missing)} could not be written")

    def _file(self, name: str) -> Path:
        return self._snapshots.path / f"{name}.json"


async def _reply(send: Send, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


def lock_directory(directory: Path, *, patience_s: float = GRACE_S) -> int:
    """Own `directory`, after an emulator that is about to end has written its last snapshot to it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return lock


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.local.emulator")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of a bound socket")
    parser.add_argument("--lifeline", type=int, required=True, help="descriptor of the supervisor's pipe")
    parser.add_argument("--compact-above", type=int, default=COMPACT_ABOVE_BYTES, help="bytes of journal")
    given = parser.parse_args()
    gc.set_threshold(*_YOUNG)
    Lifeline(given.lifeline, grace_s=GRACE_S).watch()
    lock_directory(given.directory)
    config = uvicorn.Config(
        Emulator(given.directory, compact_above_bytes=given.compact_above),
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        loop="asyncio",  # of 128 callers at once, uvloop let the unluckiest wait for 4.9 s, this one for 0.17 s
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=given.socket)])


if __name__ == "__main__":
    main()
