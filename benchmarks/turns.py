"""The turns that are measured, as Lambda gets them, and the proof of each that it was the turn that was meant."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import boto3

from app import app
from infra.local.events import Context

Event = dict[str, Any]
Answer = tuple[int, Mapping[str, Any], list[bytes]]

CHUNKS: Final = 50
DEPTH: Final = 40
MODEL: Final = "nova-lite"
LENGTHY: Final = "The moon draws the sea towards it, and what's on the far side is left behind. " * 260  # 20 KB
_EVENT: Final = Path(__file__).parents[1] / "tests" / "events" / "post_chat.json"
_LEDGER: Final = "tidegate-local-ledger"
_BATCH: Final = 100  # keys in one BatchGetItem


@dataclass(frozen=True)
class Scenario:
    """A kind of turn: how many make a round, what gets ready, what is measured, and what must be true of it."""

    name: str
    turns: int
    prepare: Callable[[int], list[Event]]
    take: Callable[[Event], Answer]
    cache: str


class Turns:
    """Drives the app in this process with a recorded event, as the owner of `key`."""

    def __init__(self, key: str) -> None:
        self._template = json.loads(_EVENT.read_text())
        for name, wrap in (("headers", str), ("multiValueHeaders", lambda text: [text])):
            self._template[name]["Authorization"] = wrap(f"Bearer {key}")
        self._numbers = count()
        self._dynamodb = boto3.client("dynamodb")
        self.scenarios = (
            Scenario("hit", 40, self._same, whole, "hit"),
            Scenario("miss", 40, self._fresh, whole, "miss"),
            Scenario("long", 10, self._lengthy, whole, "miss"),
            Scenario("stream", 40, self._streamed, streamed, "miss"),
            Scenario("first", 40, self._first, whole, "miss"),
            Scenario("deep", 10, self._deep, whole, "miss"),
        )

    def chat(self, text: str, **fields: Any) -> Event:
        """The event of a chat completion."""
        return self.event("/v1/chat/completions", body(text, **fields))

    def event(self, route: str, content: dict[str, Any], method: str = "POST", **path: str) -> Event:
        """The event of any call of the owner's."""
        event: Event = copy.deepcopy(self._template)
        event |= {"resource": route, "path": route.format(**path), "httpMethod": method}
        event["pathParameters"] = path or None
        event["requestContext"] |= {"resourcePath": route, "httpMethod": method}
        event["body"] = json.dumps(content)
        return event

    def check(self, scenario: Scenario, events: list[Event], answers: list[Answer]) -> None:
        """Every turn was answered, from where it should be, and is settled in the ledger."""
        turn_ids = []
        for status, headers, pieces in answers:
            assert status == 200, b"".join(pieces)  # noqa: PLR2004
            assert headers["x-tidegate-cache"] == scenario.cache, f"{scenario.name}: {headers['x-tidegate-cache']}"
            turn_ids.append(turn_id_of(pieces))
        assert len(set(turn_ids)) == len(events)
        for start in range(0, len(turn_ids), _BATCH):
            self._check_settled(turn_ids[start:][:_BATCH])
        last = json.loads(events[-1]["body"])
        if scenario.cache == "miss" and "conversation" not in last:
            self._check_kept(events[-1])
        if "conversation" in last:
            self._check_remembered(last["conversation"], turn_ids[-1], answers[-1])

    def _check_settled(self, turn_ids: list[str]) -> None:
        keys = [{"pk": {"S": f"turn#{turn_id}"}, "sk": {"S": "lease"}} for turn_id in turn_ids]
        found = self._dynamodb.batch_get_item(RequestItems={_LEDGER: {"Keys": keys}})["Responses"][_LEDGER]
        assert [item["state"]["S"] for item in found] == ["settled"] * len(turn_ids)

    def _check_kept(self, event: Event) -> None:
        """The answer is in the cache now."""
        assert whole(event)[1]["x-tidegate-cache"] == "hit"

    def _check_remembered(self, conversation: str, turn_id: str, answer: Answer) -> None:
        """The newest item of the conversation is this answer."""
        event = self.event("/v1/conversations/{conversation_id}/items", {}, "GET", conversation_id=conversation)
        event["body"] = None
        newest = json.loads(whole(event)[2][0])["data"][0]
        said = json.loads(answer[2][0])["choices"][0]["message"]["content"]
        assert newest["content"][0]["text"] == said, f"turn {turn_id} is not in its conversation"

    def _same(self, turns: int) -> list[Event]:
        whole(self.chat("What is a tide?"))
        return [self.chat("What is a tide?") for _ in range(turns)]

    def _fresh(self, turns: int) -> list[Event]:
        return [self.chat(f"What is tide number {next(self._numbers)}?") for _ in range(turns)]

    def _lengthy(self, turns: int) -> list[Event]:
        return [self.chat(f"{LENGTHY} Why {next(self._numbers)}?") for _ in range(turns)]

    def _streamed(self, turns: int) -> list[Event]:
        return [self.chat(piecewise_question(next(self._numbers)), stream=True) for _ in range(turns)]

    def _first(self, turns: int) -> list[Event]:
        return [next(self.conversation()) for _ in range(turns)]

    def _deep(self, turns: int) -> list[Event]:
        """The turns of one conversation behind its first `DEPTH`."""
        talk = self.conversation()
        for _ in range(DEPTH):
            assert whole(next(talk))[0] == 200  # noqa: PLR2004
        return [next(talk) for _ in range(turns)]

    def conversation(self) -> Iterator[Event]:
        """The turns of a new conversation."""
        status, _, pieces = whole(self.event("/v1/conversations", {}))
        assert status == 200, pieces  # noqa: PLR2004
        conversation = json.loads(pieces[0])["id"]
        while True:
            yield self.chat(f"What is tide number {next(self._numbers)}?", conversation=conversation)


def body(text: str, **fields: Any) -> dict[str, Any]:
    """A chat completion request of one message."""
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}


def piecewise_question(number: int) -> str:
    """A question that the simulated model answers in `CHUNKS` pieces."""
    return f"Tell of tide number {number} [[tokens={2 * CHUNKS} chunks={CHUNKS}]]"


def whole(event: Event) -> Answer:
    """Call the function that does not stream."""
    response = app(event, Context(30))
    return response["statusCode"], response["headers"], [response["body"].encode()]


def streamed(event: Event) -> Answer:
    """Call the one that streams, and read to the end."""
    status, headers, pieces = app.stream(event, Context(30))
    return status, headers, list(pieces) if not isinstance(pieces, bytes) else [pieces]


def turn_id_of(pieces: list[bytes]) -> str:
    """The id in a whole answer or, where the chunks are complete, in a stream."""
    if len(pieces) == 1:
        return str(json.loads(pieces[0])["id"]).removeprefix("chatcmpl-")
    assert pieces[-1] == b"data: [DONE]\n\n"
    chunks = [json.loads(piece.removeprefix(b"data: ")) for piece in pieces[:-1]]
    assert sum(bool(chunk["choices"][0]["delta"].get("content")) for chunk in chunks) == CHUNKS
    return str(chunks[0]["id"]).removeprefix("chatcmpl-")
