"""What is told of a turn when it is over: figures for the log line and the metrics."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

CacheOutcome = Literal["hit", "semantic", "miss", "bypass"]

ANSWERED: Final = "answered"
LATE: Final = "late"  # and sent away: another answered first


class Attempt(Struct, frozen=True):
    """One call to a target: how it ended (`answered`, or the fault's kind), and after how long."""

    target: str
    outcome: str
    milliseconds: int


class Report(Struct, frozen=True):
    """One turn in figures, for the log line and the metrics: no secret, and of what was said what the operator lets in.

    One that was `queued` has another line when it is over.

    `lost_usd_micros` is what was charged for attempts that may have burned tokens and gave no answer. `judged` is what
    the semantic tier made of the nearest question, whose cosine is `similarity`, or which fault kept it from looking.
    `waited_ms` is how long the turn waited for another that asked the same. `question` and `answer` are None unless
    TIDEGATE_LOG_PROMPTS says otherwise, and then redacted.
    """

    turn_id: str
    tenant: str
    user: str
    key_id: str
    model: str
    target: str = ""
    attempts: int = 0
    cache: CacheOutcome = "bypass"
    input_tokens: int = 0
    output_tokens: int = 0
    usd_micros: int = 0
    finish_reason: str = ""
    conversation: str | None = None
    overhead_ms: int = 0
    waited_ms: int = 0
    error: str | None = None
    unmetered: bool = False
    request_id: str = ""
    tried: tuple[Attempt, ...] = ()
    lost_usd_micros: int = 0
    similarity: float | None = None
    judged: str | None = None
    cache_failed: bool = False
    queued: bool = False
    operation: Literal["chat", "embeddings"] = "chat"
    question: str | None = None
    answer: str | None = None
