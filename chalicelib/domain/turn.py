"""The values that a turn hands from stage to stage."""

from __future__ import annotations

from msgspec import Struct

from chalicelib.domain.budget import Balances, Charge, Gauge, Limit, Plan, Subject
from chalicelib.domain.catalogue import Model
from chalicelib.domain.chat import ChatRequest, Completion
from chalicelib.domain.conversation import Conversation, Turn
from chalicelib.domain.identity import Credential, Key, Principal


class CacheControl(Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The caller's word on the cache: `ttl` in seconds; `no-cache` skips look-ups, `no-store` keeps nothing."""

    ttl: int | None = None
    no_cache: bool = False
    no_store: bool = False


class Ask(Struct, frozen=True):
    """One chat request as it came in. `max_output_tokens` 0 leaves the cap to the model's default.

    `turn_id` is new for each call and keys every effect of it; `now` is epoch seconds.
    """

    credential: Credential
    request: ChatRequest
    turn_id: str
    now: float
    conversation: str | None = None
    cache: CacheControl | None = None


class CachedAnswer(Struct, frozen=True):
    """An answer with the scope it may be served in, which is checked once more on the way out."""

    scope: str
    completion: Completion
    target: str
    created_at: int
    expires_at: int


class Cue(Struct, frozen=True):
    """What to fetch at a turn's beginning. `answers` are exact cache keys."""

    credential: Credential
    now: float
    answers: tuple[str, ...] = ()
    conversation: str | None = None


class Memory(Struct, frozen=True):
    """What was found. `balances` are the claimed owner's: not to be shown before the key is verified."""

    key: Key | None
    plans: dict[str, Plan]
    balances: Balances
    answers: dict[str, CachedAnswer]
    conversation: Conversation | None


class Opened(Struct, frozen=True):
    """A turn whose caller is known: the request has its history and its output cap by now.

    `fresh` are the messages of this call alone; `scope` is the exact cache key, None where the cache is bypassed.
    """

    ask: Ask
    principal: Principal
    plan: Plan
    model: Model
    request: ChatRequest
    memory: Memory
    scope: str | None


class Reservation(Struct, frozen=True):
    """A claim on every limit that a turn touches, held under a lease.

    `charge` is the most that the turn can burn. `turn` is the conversation's new turn, stored in the same write.
    `final` says that `charge` is already the true one, so that no settlement follows.
    """

    turn_id: str
    subjects: tuple[Subject, ...]
    limits: tuple[Limit, ...]
    charge: Charge
    made_at: int
    lease_until: int
    conversation: str | None = None
    turn: Turn | None = None
    final: bool = False


class Settlement(Struct, frozen=True):
    """The end of a reservation: what was really burned, and the turn as it is to be remembered."""

    charge: Charge
    turn: Turn | None = None


class Standing(Struct, frozen=True):
    """What is left to the caller after this turn, for the `x-ratelimit-*` headers."""

    requests: Gauge | None = None
    tokens: Gauge | None = None


class Report(Struct, frozen=True):
    """One turn in figures, for the log line and the metrics: no prompt, no answer, no secret. Times in milliseconds."""

    turn_id: str
    tenant: str
    user: str
    key_id: str
    model: str
    target: str = ""
    attempts: int = 0
    cache: str = "bypass"
    input_tokens: int = 0
    output_tokens: int = 0
    usd_micros: int = 0
    streamed: bool = False
    finish_reason: str = ""
    conversation: str | None = None
    model_ms: int = 0
    total_ms: int = 0
    error: str | None = None


class Reply(Struct, frozen=True):
    """An answer with what its headers tell."""

    turn_id: str
    model: str
    created_at: int
    completion: Completion
    cache: str
    target: str
    attempts: int
    standing: Standing
    overhead_ms: int
