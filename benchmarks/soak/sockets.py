"""A thousand WebSockets at once: each asks once, and some break off and go on over another."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from benchmarks.figures import quantile, rounded
from benchmarks.processes import descriptors, resident_mb, threads
from benchmarks.product import HOST
from benchmarks.soak.mix import Tenant, fresh, key, tenant
from benchmarks.soak.model import WORDS
from benchmarks.soak.stage import Stage

_OF_A_KEY: Final = 125
_BREAKS: Final = 10
"""One in so many breaks off, behind its second chunk."""
_PATIENCE_S: Final = 120.0
_SILENCE_S: Final = 30.0
_NONE: Final = "none"
_BREAKS_AFTER: Final = 2
_PIECE_MS: Final = 30.0  # so slowly that an answer comes in several chunks
_ANSWER: Final = " tide" * WORDS


@dataclass
class Talker:
    """One client, over as many connections as it needs."""

    url: str
    origin: str
    key: str
    who: Tenant
    breaks: bool
    numbers: list[int] = field(default_factory=list)
    text: str = ""
    job: str = ""
    end: str = _NONE
    broke: bool = False
    silences: int = 0
    took: float = 0.0

    async def open(self) -> ClientConnection:
        """A connection that is known."""
        wire = await connect(
            self.url,
            origin=Origin(self.origin),
            compression=None,
            ping_interval=None,
            open_timeout=_PATIENCE_S,
            proxy=None,
        )
        await wire.send(json.dumps({"type": "auth", "key": self.key}))
        while json.loads(await wire.recv())["type"] != "ready":
            pass
        return wire

    async def talk(self, wire: ClientConnection) -> None:
        """Ask, hear the whole answer, and leave; a client that hears nothing for a while goes on over another."""
        began = time.perf_counter()
        await self._ask(wire)
        while self.end == _NONE:
            try:
                self.hear(json.loads(await asyncio.wait_for(wire.recv(), _SILENCE_S)))
            except TimeoutError:
                self.silences += 1
                wire = await self._again(wire)
            if self.breaks and len(self.numbers) == _BREAKS_AFTER and not self.broke:
                self.broke = True
                wire = await self._again(wire)
        self.took = time.perf_counter() - began
        await wire.close()

    async def _ask(self, wire: ClientConnection) -> None:
        await wire.send(json.dumps({"type": "chat", "id": "c", "request": self.who.body(fresh())}))

    async def _again(self, wire: ClientConnection) -> ClientConnection:
        """Without a word, as a network goes away; over another, behind the last chunk that was heard."""
        wire.transport.abort()
        wire = await self.open()
        if self.job:
            resume = {"type": "resume", "job": self.job, "after": len(self.numbers), "id": "c"}
            await wire.send(json.dumps(resume))
        else:
            await self._ask(wire)
        return wire

    def hear(self, frame: dict[str, Any]) -> None:
        """Keep what a frame says."""
        match frame["type"]:
            case "accepted":
                self.job = frame["job"] or self.job
            case "chunk":
                self.numbers.append(frame["seq"])
                self.text += "".join(choice["delta"].get("content") or "" for choice in frame["data"]["choices"])
            case "done" | "error":
                self.end = frame["type"]

    @property
    def whole(self) -> bool:
        """Every chunk came once, in order, and together they say what the model said."""
        in_order = self.numbers == list(range(1, len(self.numbers) + 1))
        return self.end == "done" and in_order and self.text == _ANSWER


async def sockets(stage: Stage, connections: int) -> None:
    """All are open before the first one asks."""
    chatty = tenant(stage.product, "chatty")
    stage.model.order(piece_ms=_PIECE_MS)
    talkers = _talkers(stage, chatty, connections)
    before, began = resident_mb(stage.product.api), time.perf_counter()
    opened = await asyncio.gather(*(asyncio.wait_for(each.open(), _PATIENCE_S) for each in talkers))
    took = time.perf_counter() - began
    held = {"api_mb": rounded(resident_mb(stage.product.api)), "descriptors": descriptors(stage.product.api)}
    pairs = zip(talkers, opened, strict=True)
    await asyncio.gather(*(asyncio.wait_for(each.talk(wire), _PATIENCE_S) for each, wire in pairs))
    stage.model.order()
    whole = sum(each.whole for each in talkers)
    resumed, breakers = (sum(told) for told in ((each.broke for each in talkers), (each.breaks for each in talkers)))
    seconds = [each.took for each in talkers]
    stage.figures.add(
        "soak_sockets",
        connections=connections,
        opened_s=rounded(took),
        resumed=resumed,
        chunks=sum(len(each.numbers) for each in talkers),
        silences=sum(each.silences for each in talkers),
        whole=whole,
        p50_s=rounded(quantile(seconds, 0.5)),
        p99_s=rounded(quantile(seconds, 0.99)),
        kb_a_connection=rounded((held["api_mb"] - before) * 1e3 / connections),
        threads=threads(stage.product.api),
        **held,
    )
    stage.holds(
        30, "sockets: whole answers, none lost, none repeated", f"{whole} of {connections}", held=whole == connections
    )
    stage.holds(30, "sockets: went on over another connection", f"{resumed} of {breakers}", held=resumed == breakers)
    stage.settle("sockets", [chatty])


def _talkers(stage: Stage, who: Tenant, connections: int) -> list[Talker]:
    origin = f"http://{HOST}:{stage.product.port}"
    url = f"ws://{HOST}:{stage.product.port}/ws"
    keys = [key(stage.product, who.name) for _ in range(-(-connections // _OF_A_KEY))]
    return [
        Talker(url, origin, keys[number // _OF_A_KEY], who, breaks=number % _BREAKS == 0)
        for number in range(connections)
    ]
