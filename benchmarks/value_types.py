"""msgspec beside pydantic on the same chat messages: `.venv/bin/python -m benchmarks.value_types`."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chalicelib.domain.chat import Message


class Closed(BaseModel):
    """Refuses unknown fields, as our values do."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Closed):
    """Text in a message."""

    type: Literal["text"]
    text: str


class ImageUrl(Closed):
    """Where an image is."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class Image(Closed):
    """An image in a message."""

    type: Literal["image_url"]
    image_url: ImageUrl


class CalledFunction(Closed):
    """A called function."""

    name: str
    arguments: str


class ToolCall(Closed):
    """A call."""

    type: Literal["function"]
    id: str
    function: CalledFunction


class System(Closed):
    """Instructions."""

    role: Literal["system"]
    content: str | tuple[Text, ...]
    name: str | None = None


class Developer(Closed):
    """Instructions, by their newer name."""

    role: Literal["developer"]
    content: str | tuple[Text, ...]
    name: str | None = None


class User(Closed):
    """What a user said."""

    role: Literal["user"]
    content: str | tuple[Annotated[Text | Image, Field(discriminator="type")], ...]
    name: str | None = None


class Assistant(Closed):
    """What a model said."""

    role: Literal["assistant"]
    content: str | tuple[Text, ...] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    annotations: tuple[Any, ...] | None = None
    audio: None = None
    function_call: None = None


class ToolResult(Closed):
    """What a function returned."""

    role: Literal["tool"]
    content: str | tuple[Text, ...]
    tool_call_id: str


PydanticMessage = Annotated[System | Developer | User | Assistant | ToolResult, Field(discriminator="role")]


def import_ms(code: str) -> float:
    """The best of 15 new processes."""
    best = float("inf")
    for _ in range(15):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code
        best = min(best, time.perf_counter() - start)
    return best * 1000


def call_us(function: Callable[[Any], object], argument: object) -> float:
    """The best mean of 7 runs of 200."""
    best = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(200):
            function(argument)
        best = min(best, (time.perf_counter() - start) / 200)
    return best * 1e6


def talk(exchanges: int) -> bytes:
    """A conversation of that many exchanges, as JSON."""
    said: list[dict[str, Any]] = [{"role": "system", "content": "You are terse."}]
    for number in range(exchanges):
        said.append({"role": "user", "content": f"Question {number}: " + "words and more words " * 20})
        said.append({"role": "assistant", "content": "An answer. " * 30})
    return msgspec.json.encode([*said, {"role": "user", "content": [{"type": "text", "text": "And now?"}]}])


def main() -> None:
    """Print the figures."""
    nothing = import_ms("pass")
    ours = "import sys; sys.path.insert(0, '.'); import chalicelib.domain.chat"
    _, start, rest = Path(__file__).read_text().partition("class Closed")
    theirs = f"from typing import *\nfrom pydantic import *\n{start}{rest.partition('def import_ms')[0]}"
    print("msgspec first, pydantic second")
    print(f"import and define: {import_ms(ours) - nothing:.0f} and {import_ms(theirs) - nothing:.0f} ms")
    quick, usual = msgspec.json.Decoder(tuple[Message, ...]), TypeAdapter(tuple[PydanticMessage, ...])
    for exchanges in (0, 10, 100):
        raw = talk(exchanges)
        values, models = quick.decode(raw), usual.validate_json(raw)
        print(
            f"{2 + 2 * exchanges} messages, {len(raw)} bytes:"
            f" decode {call_us(quick.decode, raw):.1f} and {call_us(usual.validate_json, raw):.1f} us,"
            f" encode {call_us(msgspec.json.encode, values):.1f} and {call_us(usual.dump_json, models):.1f} us,"
            f" json.loads {call_us(json.loads, raw):.1f} us"
        )


if __name__ == "__main__":
    main()
