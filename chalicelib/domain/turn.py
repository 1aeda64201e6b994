"""The values that a turn hands from stage to stage."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Annotated, Literal

from msgspec import Meta, Struct

from chalicelib.domain.breaker import Breaker
from chalicelib.domain.budget import Balances, Charge, Limit, Plan, Standing, Subject, SubjectKind, Window
from chalicelib.domain.cache_key import Place
from chalicelib.domain.catalogue import Model
from chalicelib.domain.chat import ChatRequest, Completion, Delta
from chalicelib.domain.conversation import Conversation, Turn, TurnRef
from chalicelib.domain.entries import AnswerScope, Purge
from chalicelib.domain.identity import Credential, Key, Principal, Tenant
from chalicelib.domain.jobs import Job
from chalicelib.domain.lead import Lead
from chalicelib.domain.report import CacheOutcome
from chalicelib.domain.usage import Note
from chalicelib.domain.verdicts import Calibration, Namespace

LeaseState = Literal["open", "settled", "released", "expired"]


class CacheControl(Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The caller's word on the cache: `ttl` in seconds; `no-cache` skips look-ups, `no-store` keeps nothing."""

    ttl: Annotated[int, Meta(ge=0, le=31_536_000)] | None = None
    no_cache: bool = False
    no_store: bool = False


class Prefer(Struct, frozen=True):
    """How long a caller waits in line, None as the gateway says; with `respond_async` the turn goes there at once."""

    respond_async: bool = False
    wait_seconds: int | None = None


class Ask(Struct, frozen=True):
    """One chat request as it came in. `max_output_tokens` 0 leaves the cap to the model's default.

    `turn_id` is new for each call and keys every effect of it; `now` is epoch seconds. `request_id` is what the caller
    quotes when asking for help. `left` is what an earlier call of that turn left, which broke off. From `until` on, a
    stream is read no more.
    """

    credential: Credential
    request: ChatRequest
    turn_id: str
    now: float
    conversation: str | None = None
    cache: CacheControl | None = None
    request_id: str = ""
    left: Left | None = None
    prefer: Prefer = Prefer()
    until: float = inf


class CachedAnswer(Struct, frozen=True):
    """An answer with the scope it may be served in, which is checked once more on the way out."""

    scope: str
    completion: Completion
    target: str
    created_at: int
    expires_at: int


class Cue(Struct, frozen=True):
    """What to fetch: `answers` by key, breakers of `targets`, marks of `scopes`, the fit of a `namespace` if due."""

    credential: Credential
    now: float
    answers: tuple[str, ...] = ()
    conversation: str | None = None
    targets: tuple[str, ...] = ()
    scopes: tuple[AnswerScope, ...] = ()
    namespace: Namespace | None = None


class Memory(Struct, frozen=True):
    """What was found. `balances` are the claimed owner's: not to be shown before the key is verified.

    `tenant` is the record of a tenant that has a plan of its own. `targets` has every breaker that was asked for,
    `marks` how far the log of each scope has come. `leads` are where `answers` has none yet and a turn is asking.
    `purges` is what is not to be served of the tenant's answers. What is `stale` was found a while ago: the store
    cannot be asked. The balances are `exact` where no room lies elsewhere.
    """

    key: Key | None
    plans: dict[str, Plan]
    balances: Balances
    answers: dict[str, CachedAnswer]
    conversation: Conversation | None
    tenant: Tenant | None = None
    targets: dict[str, Breaker] = {}
    marks: dict[AnswerScope, str] = {}
    leads: dict[str, Lead] = {}
    purges: tuple[Purge, ...] = ()
    fit: Calibration | None = None
    stale: bool = False
    exact: bool = False


class Caller(Struct, frozen=True):
    """A verified caller of one call, and what was used: `exact` until it waits. `turn_id` and `now` are its own."""

    principal: Principal
    plan: Plan
    balances: Balances
    turn_id: str
    now: float
    exact: bool = False


class Opened(Struct, frozen=True):
    """A turn whose caller is known. `request` is what the model is to get: with history, and with a cap on output.

    `place` is where a cached answer may come from and go to, None where the cache is bypassed.
    """

    ask: Ask
    caller: Caller
    model: Model
    request: ChatRequest
    memory: Memory
    place: Place | None

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.caller.principal


class Away(Struct, frozen=True):
    """What a kind of subject has used of a window in places that the ledger at hand does not count."""

    subject: SubjectKind
    window: Window
    used: Charge


class Reservation(Struct, frozen=True, omit_defaults=True):
    """A claim on every limit that a turn touches, held under a lease.

    `charge` is the most that the turn can burn. `turn` is the conversation's new turn, stored in the same write.
    `final` says that `charge` is already the true one, so that no settlement follows; `saved` is then what an answer
    from the cache would have burned. `concurrent` is how many turns of the key may run at once. Subjects
    of the kinds in `hot` are counted in `shards` items; `families` is the store's own note of which. With a `lead`, the
    turn is reserved only as the one that asks the model for all that ask the same. `unmetered` says that the store
    could not be asked, and that the plan lets the turn go on; `deferred` that nothing is held and all is charged at the
    end. `away` is what was used in another Region, by subject and window. `note` says as what the user's days tell it.
    What was `seen` to be used up just now refuses at once: for a turn that was not reserved before.
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
    concurrent: int | None = None
    saved: Charge = Charge()
    shards: int = 0
    hot: tuple[SubjectKind, ...] = ()
    families: dict[SubjectKind, str] = {}
    lead: Lead | None = None
    unmetered: bool = False
    away: tuple[Away, ...] = ()
    note: Note | None = None
    seen: Balances = {}
    deferred: bool = False


class Settlement(Struct, frozen=True):
    """What was really burned, `output_tokens` of it for an answer or None if all is lost; and the turn as it ended."""

    charge: Charge
    turn: Turn | None = None
    output_tokens: int | None = None


class Left(Struct, frozen=True):
    """What there is of a turn whose call broke off: how its reservation stands, and what was claimed.

    `place` is where it stands in its conversation; `turn` is what is remembered there, `job` what waits in line for it.
    """

    state: LeaseState
    claim: Reservation | None
    place: TurnRef | None = None
    turn: Turn | None = None
    job: Job | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the answer is remembered, though nobody may have heard it."""
        return self.state == "settled" and self.turn is not None and self.turn.state == "done"

    @property
    def is_lined_up(self) -> bool:
        """Whether a worker has answered it, or will."""
        return self.job is not None and self.job.state not in {"failed", "cancelled"}

    @property
    def is_open(self) -> bool:
        """Whether the charge is held, and nothing was answered."""
        return self.state in {"open", "expired"} and self.claim is not None


class Head(Struct, frozen=True):
    """What is known of an answer before its first piece. `overhead_ms` is time not spent in the model.

    `question` is what the caller had asked in other words when the answer was given first.
    """

    turn_id: str
    model: str
    created_at: int
    cache: CacheOutcome
    target: str
    attempts: int
    standing: Standing
    overhead_ms: int
    conversation: str | None = None
    similarity: float | None = None
    question: str | None = None


class Reply(Struct, frozen=True):
    """A whole answer with its head."""

    head: Head
    completion: Completion


class Streamed(Struct, frozen=True):
    """An answer that is still coming. The last delta carries the usage that was charged; close what is not read."""

    head: Head
    deltas: Iterator[Delta]
