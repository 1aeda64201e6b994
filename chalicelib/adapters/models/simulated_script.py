"""How a simulated target behaves: its parameters, the directives in a message, and the faults it can play."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from chalicelib.domain.chat import ChatRequest, Message, User, text_of
from chalicelib.domain.errors import (
    ModelError,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

Fault = Literal["400", "refuse", "hang", "429", "429-retry", "500", "slow", "garbage", "cut"]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=900_000)]
Seconds = Annotated[float, Meta(ge=0)]

_BEGAN_AT: Final = time.monotonic()
_DIRECTIVE: Final = re.compile(r"\[\[\s*([a-z_]+=[^\s\[\]]+(?:\s+[a-z_]+=[^\s\[\]]+)*)\s*\]\]")
_SHORT: Final = {"after": "fault_after", "rate": "fault_rate"}


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of `simulated://`.

    A fault comes before piece `fault_after` (0: before the first), in every `every`-th call, in the share
    `fault_rate` of requests that `seed` picks, from `fault_from_s` until `fault_until_s` (0: for good) of the process;
    one asked for later than the end comes just before it. Without `usage`, what was burned is not stated.
    """

    latency_ms: Milliseconds = 0
    first_token_ms: Milliseconds = 0
    chunk_ms: Milliseconds = 0
    chunks: Count = 0
    chunk_tokens: Annotated[int, Meta(ge=1, le=100_000)] = 4
    tokens: Count = 0
    text: str = ""
    seed: int = 0
    fault: Fault | None = None
    fault_after: Count = 0
    fault_rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    fault_from_s: Seconds = 0
    fault_until_s: Seconds = 0
    every: Annotated[int, Meta(ge=1)] = 1
    retry_after: Count = 1
    slow_ms: Milliseconds = 5_000
    timeout_ms: Milliseconds = 30_000
    usage: bool = True
    directives: bool = False


def directed(script: Script, messages: tuple[Message, ...]) -> tuple[Script, tuple[Message, ...]]:
    """The script as the newest user message changes it, and the messages without those directives.

    They look like `[[tokens=50]] [[fault=cut after=3]]`, and count only where the URI says `directives=1`.
    """
    place = max((i for i, message in enumerate(messages) if isinstance(message, User)), default=-1)
    text = text_of(messages[place].content) if place >= 0 else ""
    found = _DIRECTIVE.findall(text)
    if not script.directives or not found:
        return script, messages
    pairs = dict(word.split("=", 1) for directive in found for word in directive.split())
    changes = {_SHORT.get(name, name): value for name, value in pairs.items()}
    try:
        script = msgspec.convert(msgspec.to_builtins(script) | changes, Script, strict=False)
    except msgspec.ValidationError as fault:
        raise ModelRejected(f"A directive is wrong: {fault}.") from fault
    rest = User(content=_DIRECTIVE.sub("", text).strip())
    return script, (*messages[:place], rest, *messages[place + 1 :])


def uptime() -> float:
    """Seconds since the first simulated target of this process was opened: one time for all of them."""
    return time.monotonic() - _BEGAN_AT


def fault_for(script: Script, request: ChatRequest, call: int, seconds: float) -> Fault | None:
    """The fault of the call number `call`, from 1, so many seconds after the beginning, if it has one."""
    outside = seconds < script.fault_from_s or 0 < script.fault_until_s <= seconds
    if script.fault is None or call % script.every or outside:
        return None
    digest = hashlib.blake2b(msgspec.json.encode((script.seed, request)), digest_size=6).digest()
    share = int.from_bytes(digest, "big") / (1 << 48)
    return script.fault if share < script.fault_rate else None


def raised(fault: Fault, script: Script) -> ModelError:
    """What a caller of a target with this fault meets."""
    return _RAISED[fault](script)


_RAISED: Final[dict[str, Callable[[Script], ModelError]]] = {
    "400": lambda _: ModelRejected("The simulated target calls the request invalid."),
    "refuse": lambda _: ModelUnavailable("The simulated target refused the connection."),
    "hang": lambda _: ModelTimeout("The simulated target was silent for too long."),
    "429": lambda _: ModelThrottled("The simulated target is over its quota."),
    "429-retry": lambda script: ModelThrottled(
        "The simulated target is over its quota.", retry_after_seconds=script.retry_after
    ),
    "500": lambda _: ModelUnavailable("The simulated target failed."),
    "garbage": lambda _: ModelGarbled("The simulated target sent something that is not an answer."),
    "cut": lambda _: ModelUnavailable("The simulated target broke off."),
}
