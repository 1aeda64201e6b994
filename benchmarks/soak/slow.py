"""Readers who take a byte a second of a long stream: nobody else may notice, and nothing may pile up for them."""

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.figures import rounded
from benchmarks.processes import cpu_seconds, resident_mb
from benchmarks.product import HOST
from benchmarks.soak.crowd import Crowd, at_ease
from benchmarks.soak.load import CALLERS
from benchmarks.soak.mix import Tenant, fresh, talk, tenant
from benchmarks.soak.stage import Stage

READERS: Final = 8
PIECES: Final = 4_000
WORDS: Final = 200
"""In each piece: an answer is several megabytes, more than all that lies between the model and its reader may hold."""
_ROOM: Final = 4_096
_BEGUN: Final = b"HTTP/1.1 200"
_FIRST_S: Final = 30.0
_LEAST_LEFT: Final = 0.75
_MOST_MB: Final = 32.0
_ROUNDS: Final = 2
_IDLE: Final = 0.1
_POLLS: Final = 40
_POLL_S: Final = 0.5


async def slow(stage: Stage, seconds: float) -> None:
    """Callers at ease without and with slow readers, in turns; then the readers leave, and their turns are settled."""
    patient, brisk = tenant(stage.product, "patient"), tenant(stage.product, "brisk")
    crowd, wishes = Crowd(stage.product.port), talk([brisk], stage.seed)
    alone, beside, grown = list[float](), list[float](), list[float]()
    answered = 0

    async def rate() -> float:
        began = time.perf_counter()
        return (await at_ease(crowd, wishes, CALLERS // 2, seconds)).answered(began, began + seconds)

    await rate()
    for _ in range(_ROUNDS):
        alone.append(await rate())
        before = resident_mb(stage.product.api)
        readers = _readers(stage, patient)
        answered += len(readers)
        reading = asyncio.create_task(_read(readers))
        await _until_idle(stage.product.api)
        beside.append(await rate())
        grown.append(resident_mb(stage.product.api) - before)
        reading.cancel()
        for reader in readers:
            reader.close()
        await _until_idle(stage.product.api)
    crowd.close()
    share, most = sum(beside) / sum(alone), max(grown)
    stage.figures.add("soak_slow", readers=READERS, share=rounded(share), grown_mb=rounded(most))
    figure = f"{answered} of {_ROUNDS * READERS}"
    stage.holds(37, "slow readers: are answered at length", figure, held=answered == _ROUNDS * READERS)
    stage.holds(37, "slow readers: what others get, of what they got", rounded(share), held=share >= _LEAST_LEFT)
    stage.holds(37, "slow readers: MB that the API grows by", rounded(most), held=most <= _MOST_MB)
    stage.settle("slow readers", [brisk], leaving=[patient])


async def _until_idle(pid: int) -> None:
    """All that lies between the model and its readers is full, or all that they left is settled."""
    for _ in range(_POLLS):
        before = cpu_seconds(pid)
        await asyncio.sleep(_POLL_S)
        if cpu_seconds(pid) - before < _IDLE * _POLL_S:
            return


def _readers(stage: Stage, who: Tenant) -> list[socket.socket]:
    """Those who are being answered at length when this ends; whoever asks from then on is answered as usual."""
    stage.model.order(pieces=PIECES, words=WORDS)
    asked = [_reader(stage.product.port, who) for _ in range(READERS)]
    readers = [each for each in asked if each.recv(len(_BEGUN)) == _BEGUN]
    stage.model.order()
    for reader in readers:
        reader.setblocking(False)  # noqa: FBT003 - the socket's own way
    return readers


def _reader(port: int, who: Tenant) -> socket.socket:
    """A connection with little room, over which a long answer was asked for."""
    body = json.dumps({**who.body(fresh(), stream=True), "max_completion_tokens": PIECES}).encode()
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
    reader.settimeout(_FIRST_S)
    reader.connect((HOST, port))
    reader.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (HOST.encode(), who.key.encode(), len(body), body)
    )
    return reader


async def _read(readers: Sequence[socket.socket]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.gather(*(loop.sock_recv(reader, 1) for reader in readers))
        await asyncio.sleep(1.0)
