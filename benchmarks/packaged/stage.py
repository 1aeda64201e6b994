"""The functions as processes, and the events that they are asked."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Any, Final

from benchmarks.environments import ROOT
from benchmarks.packaged.package import BARE, STAGE, Package
from benchmarks.packaged.runtime import Lambda
from benchmarks.packaged.wire import Wire
from benchmarks.product import Product
from benchmarks.turns import Turns, body
from chalicelib.domain.identity import RANDOM_BYTES, mint
from infra.plan.kinds import AGAIN, ASKED, BETWEEN, MEANING
from infra.stages import API, APP

Event = dict[str, Any]

JOBS: Final = 10
TURNING: Final = "stream"  # the function of every chat
MEANS: Final = "stream, by meaning"
_ACCESS: Final = f"{APP}-{STAGE}-access"
_SCHEDULED: Final = ROOT / "tests" / "events" / "scheduled.json"
_PAGE: Final = "https://chat.example.com"
_SPENT: Final = "spent"
_KEPT: Final = ("AWS_", "TIDEGATE_", "OPENBLAS_", "no_proxy", "NO_PROXY")


class Stage:
    """The functions that answer, each started when it is first asked, over one wire."""

    def __init__(self, product: Product, package: Package, wire: Wire, python: str, stack: ExitStack) -> None:
        self._package, self._python, self._stack = package, python, stack
        self._product, self.wire = product, wire
        self._running: dict[str, Lambda] = {}
        kept = {name: value for name, value in product.environment.items() if name.startswith(_KEPT)}
        ours = {"AWS_ENDPOINT_URL": wire.url, "TIDEGATE_SOCKETS": wire.url, "TIDEGATE_STAGE": STAGE}
        self.environ = kept | ours | {"TIDEGATE_ORIGINS": _PAGE}
        self._turns, self._numbers = Turns(product.key), count()
        self._spent = _spent(product)  # here, so that whoever keeps plans knows this one

    def running(self, name: str) -> Lambda:
        """The process of a function."""
        if name not in self._running:
            function = self._package.functions[TURNING if name == MEANS else name]
            environ = self.environ | (MEANING if name == MEANS else {})
            process = Lambda(function, self._package.task, environ, self._python)
            self._running[name] = self._stack.enter_context(process)
        return self._running[name]

    def drain(self) -> None:
        """Have the jobs done that wait: nobody may be told that too many do."""
        while messages := self.wire.taken():
            for at in range(0, len(messages), JOBS):
                self.running("work").ask(_batch(messages[at:][:JOBS]))

    def first(self, name: str) -> Event:
        """The first event of a new process of a function."""
        firsts: dict[str, Callable[[], Event]] = {
            BARE: lambda: {"table": _ACCESS},
            API: self._models,
            TURNING: lambda: self.fresh(1)[0],
            "work": lambda: self.jobs(1, 1)[0],
            "websocket_connect": lambda: self._connection("$connect"),
            "websocket_message": lambda: self.pings(1)[0],
            "websocket_disconnect": lambda: self._connection("$disconnect"),
        }
        return firsts[name]() if name in firsts else _scheduled(name)

    def bare(self, number: int) -> list[Event]:
        return [{"table": _ACCESS}] * number

    def swept(self, number: int) -> list[Event]:
        return [_scheduled("sweep")] * number

    def _models(self) -> Event:
        event = self._turns.event("/v1/models", {}, "GET")
        return event | {"body": None}

    def hits(self, number: int) -> list[Event]:
        event = self._turns.chat("What is a tide?")
        self.running(TURNING).ask(event)
        return [event] * number

    def fresh(self, number: int) -> list[Event]:
        return [self._turns.chat(f"What is wave number {next(self._numbers)}?") for _ in range(number)]

    def alike(self, number: int) -> list[Event]:
        """One question that was asked before in other words; each in a scope of its own."""
        return [self._again(f"You are cook number {next(self._numbers)}.") for _ in range(number)]

    def _again(self, system: str) -> Event:
        said = {"role": "system", "content": system}
        first, other, again = (
            self._turns.chat("", messages=[said, {"role": "user", "content": text}]) for text in (ASKED, BETWEEN, AGAIN)
        )
        for each in (first, other):
            self.running(MEANS).ask(each)
        return again

    def streams(self, chunks: int, number: int) -> list[Event]:
        texts = (f"Tell of tide {next(self._numbers)} [[tokens={2 * chunks} chunks={chunks}]]" for _ in range(number))
        return [self._turns.chat(text, stream=True) for text in texts]

    def later(self, number: int) -> list[Event]:
        events = self.fresh(number)
        for event in events:
            event["headers"]["Prefer"] = "respond-async"
            event["multiValueHeaders"]["Prefer"] = ["respond-async"]
        return events

    def jobs(self, size: int, number: int) -> list[Event]:
        self.drain()
        for event in self.later(size * number):
            self.running(TURNING).ask(event)
        messages = self.wire.taken()
        assert len(messages) == size * number
        return [_batch(messages[at:][:size]) for at in range(0, len(messages), size)]

    def _connection(self, route: str, name: str = "", **further: object) -> Event:
        kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE")
        context = {
            "routeKey": route,
            "eventType": kind,
            "stage": "api",
            "apiId": "a1b2c3",
            "domainName": "a1b2c3.execute-api.us-east-1.amazonaws.com",
            "connectionId": name or f"connection-{next(self._numbers)}",
            "requestId": "request-1",
            "identity": {"sourceIp": "203.0.113.7"},
        }
        return {"requestContext": context, "isBase64Encoded": False, "headers": {"Origin": _PAGE}, **further}

    def _said(self, message: Event) -> Event:
        """A message on a connection of its own, whose key is known."""
        name = f"connection-{next(self._numbers)}"
        self.running("websocket_connect").ask(self._connection("$connect", name))
        for each in ({"type": "auth", "key": self._product.key}, message):
            event = self._connection("$default", name, body=json.dumps(each))
            if each is not message:
                self.running("websocket_message").ask(event)
        return event

    def chats(self, number: int) -> list[Event]:
        self.drain()
        bodies = (json.loads(event["body"]) for event in self.fresh(number))
        return [self._said({"type": "chat", "id": "one", "request": body}) for body in bodies]

    def pings(self, number: int) -> list[Event]:
        return [self._said({"type": "ping"}) for _ in range(number)]

    def keyless(self, number: int) -> list[Event]:
        return self._foreign([""] * number)

    def strangers(self, number: int) -> list[Event]:
        """Keys as they should be, which nobody was given."""
        seeds = (next(self._numbers).to_bytes(RANDOM_BYTES, "little") for _ in range(number))
        return self._foreign([mint("bench", "nobody", live=True, random=each).token for each in seeds])

    def _foreign(self, keys: list[str]) -> list[Event]:
        """Each from an address of its own: whoever fails often is turned away sooner."""
        events = self.fresh(len(keys))
        for event, key in zip(events, keys, strict=True):
            _with_key(event, key)
            place = next(self._numbers)
            event["requestContext"]["identity"]["sourceIp"] = f"198.18.{place // 250 % 250}.{place % 250 + 1}"
        return events

    def over(self, number: int) -> list[Event]:
        """Turns of a user who had one a month."""
        events = self.fresh(number)
        for event in events:
            _with_key(event, self._spent)
        return events


def _spent(product: Product) -> str:
    limit = {"subject": "user", "window": "month", "requests": 1}
    product.post("/admin/plans", {"name": _SPENT, "limits": [limit]}, product.admin_key)
    owner = {"tenant": "bench", "user": _SPENT, "plan": _SPENT, "scopes": ["chat"]}
    key = str(product.post("/admin/keys", owner, product.admin_key)["key"])
    product.post("/v1/chat/completions", body("What is the one tide of a month?"), key)
    return key


def _with_key(event: Event, key: str) -> None:
    for headers, wrap in (("headers", str), ("multiValueHeaders", lambda text: [text])):
        event[headers].pop("Authorization")
        if key:
            event[headers]["Authorization"] = wrap(f"Bearer {key}")


def _batch(messages: list[str]) -> Event:
    return {"Records": [{"messageId": str(at), "body": text} for at, text in enumerate(messages)]}


def _scheduled(name: str) -> Event:
    event: Event = json.loads(_SCHEDULED.read_text())
    return event | {"resources": [f"arn:aws:events:us-east-1:123456789012:rule/tidegate-solo-{name}-event"]}
