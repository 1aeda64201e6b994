"""What the pipeline asks of the world. Each adapter passes its port's contract suite in `tests/contract`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from chalicelib.domain.budget import Balances, Plan, Subject
from chalicelib.domain.chat import ChatRequest, Completion, Delta
from chalicelib.domain.conversation import Conversation, Metadata, Turn
from chalicelib.domain.entries import AnswerScope, Entry, Health, Neighbour, Purge, Sought, Stretch
from chalicelib.domain.identity import Key, Tenant
from chalicelib.domain.turn import CachedAnswer, Caller, Cue, Memory, Report, Reservation, Settlement
from chalicelib.domain.usage import Uses

Clock = Callable[[], float]
"""Now, in epoch seconds."""


class Page(Struct, frozen=True):
    """Which part of a list: at most `limit` after the id `after`, in time's order or against it."""

    limit: int = 20
    after: str | None = None
    order: Literal["asc", "desc"] = "desc"


class TurnPage(Struct, frozen=True):
    """Turns of a conversation: from number `start` (inclusive; 0 is the end that comes first) in an order."""

    start: int = 0
    order: Literal["asc", "desc"] = "desc"
    limit: int | None = None


class Turns(Protocol):
    """The record of turns: what a turn reads at once, and what it writes at once.

    Every write carries the turn's id: repeated with the same values, it changes nothing and reports success.
    `StoreUnavailable` leaves it unknown whether a write happened; repeating it is safe.
    """

    def recall(self, cue: Cue) -> Memory:
        """Everything that a turn needs to begin, in one round trip, each item read consistently."""

    def reserve(self, reservation: Reservation) -> None:
        """Charge every subject in every window, hold the lease and store the open turn, or do none of it.

        `LimitExceeded` names the first limit that did not admit the charge; `NotFound` says that the conversation is
        gone; `Conflict` that its next number was taken meanwhile.
        """

    def settle(self, reservation: Reservation, settlement: Settlement) -> None:
        """Correct the charge to what was burned and remember the turn, once.

        An expired reservation is corrected too. Where the conversation was deleted meanwhile, the charge is settled
        and the turn is dropped.
        """

    def release(self, reservation: Reservation) -> None:
        """Undo a reservation whose turn burned nothing: charge and open turn vanish, as if it had never been.

        One that has not arrived yet is kept from arriving.
        """

    def expire(self, before: float, limit: int) -> int:
        """End at most `limit` leases that ran out before the epoch second `before`; how many were ended.

        The charge is kept: the model may have burned it. The turn is marked as cut.
        """


class Answers(Protocol):
    """Whole answers by exact cache key; `Turns.recall` reads them."""

    def store(self, key: str, answer: CachedAnswer) -> None:
        """Keep the answer until it expires, in one round trip. One that is too large to keep is not kept."""


class Conversations(Protocol):
    """Conversations of one owner each. An unknown and a foreign conversation are both `NotFound`."""

    def create(self, conversation: Conversation, first: Turn | None) -> None:
        """Store a new conversation, with its first items if there are any."""

    def get(self, owner: str, conversation_id: str) -> Conversation:
        """The conversation, read consistently."""

    def update(self, owner: str, conversation_id: str, metadata: Metadata) -> Conversation:
        """Replace the metadata."""

    def delete(self, owner: str, conversation_id: str) -> None:
        """Remove the conversation and every turn of it; from the first moment on it is `NotFound`.

        After `StoreUnavailable` the owner may repeat it, to remove what was left.
        """

    def list(self, owner: str, page: Page) -> tuple[Sequence[Conversation], bool]:
        """Conversations by age, and whether there are more. An unknown `after` is `NotFound`.

        Their `last` is 0: a list does not follow every turn.
        """

    def append(self, owner: str, conversation_id: str, turn: Turn) -> Turn:
        """Add items as a turn of their own at the end; the turn with the number that it was given.

        Repeated while it is the newest turn, it changes nothing.
        """

    def turns(self, conversation_id: str, page: TurnPage) -> Iterator[Turn]:
        """Turns from `page.start` on, fetched page by page as they are asked for. Whose they are, `get` says."""

    def turn(self, conversation_id: str, number: int) -> Turn | None:
        """One turn, or None."""

    def remove_item(self, owner: str, conversation_id: str, number: int, place: int) -> None:
        """Delete one item's content for good. `NotFound` where it is not there."""


class Keys(Protocol):
    """API keys, plans, and which tenant has a plan of its own."""

    def put(self, key: Key) -> None:
        """Store a new key; `Conflict` if its id exists. An equal key is a repetition."""

    def get(self, key_id: str) -> Key | None:
        """The key, read consistently."""

    def list(self, tenant: str, user: str | None, *, after: str | None, limit: int) -> tuple[Sequence[Key], bool]:
        """Keys of a tenant, or of one user of it, in the order of their ids, and whether there are more.

        `after` is an id, of a key that need not exist. Each key is read consistently; a new one may take moments
        to be listed.
        """

    def revoke(self, key_id: str, at: int) -> Key:
        """The key once it is revoked: since `at`, unless it was before. The next `recall` sees it. `NotFound`."""

    def expire(self, key_id: str, at: int) -> Key:
        """The key once it expires: at the epoch second `at`, or when it would have before. `NotFound`."""

    def put_plan(self, plan: Plan) -> None:
        """Store a plan under its name, replacing what was there. In force everywhere within 30 seconds."""

    def plans(self) -> dict[str, Plan]:
        """Every plan by name, read consistently."""

    def drop_plan(self, name: str) -> None:
        """Remove a plan; one that is not there is a repetition."""

    def is_used(self, plan: str, now: float) -> bool:
        """Whether a tenant or a key that is good at `now` has the plan; given moments ago, it may not be seen."""

    def put_tenant(self, tenant: Tenant) -> None:
        """Store a tenant's record, replacing what was there."""

    def tenant(self, tenant: str) -> Tenant | None:
        """A tenant's record, read consistently."""

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """What the subjects have used in the current windows, one subject of each kind."""

    def uses(self, subjects: Sequence[Subject], now: float) -> Uses:
        """What each of any number of subjects has used in the current windows, held and saved."""


class ChatModel(Protocol):
    """One target that answers chats.

    Raises the `ModelError` that says what the router may do. Never retries. A fault after the first piece of a
    stream is raised from the iterator; closing the iterator ends the call to the target. `patience` is how many
    seconds the router waits for the whole answer, or for a stream's first piece, where that is less than the target's
    own limit; then it is `ModelTimeout`.
    """

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """The whole answer, with the usage that the target counted."""

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """The answer piece by piece; usage comes with or after the last piece."""


class Embedded(Struct, frozen=True):
    """Vectors as float32 in little-endian bytes, one for each text, and the tokens that were counted."""

    vectors: tuple[bytes, ...]
    input_tokens: int


class Embedder(Protocol):
    """One target that turns texts into vectors."""

    def embed(self, texts: Sequence[str], dimensions: int | None, patience: float | None = None) -> Embedded:
        """A vector for each text in order. `dimensions` shortens them where the model can (else `ModelRejected`).

        `patience` is as for a `ChatModel`.
        """


class Meter(Protocol):
    """Where a turn's figures go."""

    def record(self, report: Report) -> None:
        """Log and count one turn. Never raises."""

    def unmetered(self, caller: Caller) -> None:
        """Warn, at once, that a call goes on without a reservation. Never raises."""


class VectorIndex(Protocol):
    """Questions that were answered, found by meaning, each within its scope alone.

    Every method may raise `IndexUnavailable`, after which a caller goes on without; nothing is retried. What was added
    or taken back is seen by other processes within seconds (OpenSearch Serverless: a minute).
    """

    def search(self, sought: Sought, within_seconds: float) -> Sequence[Neighbour]:
        """The nearest entries of the scope, the nearest first, each id once; those found when the time is up."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep the entries. One whose vector is all zeros means nothing, and is not kept."""

    def remove(self, scope: AnswerScope, ids: Sequence[str]) -> None:
        """Take entries of a scope back. An id that is not there is a repetition."""

    def purge(self, purge: Purge) -> int:
        """Take back whatever fits, for good; how many stored entries that were. Repeating it is safe."""

    def expire(self, now: float) -> int:
        """Free the room of what expired before `now`, where the index does not by itself; how many were freed."""

    def health(self) -> Health:
        """How the index is. Never raises."""


class EntryLog(Protocol):
    """Where an index within the process learns what others added, scope by scope. Raises `StoreUnavailable`."""

    def mark(self, scope: AnswerScope) -> str:
        """A number that grows with each change, as text; empty where nothing was ever added. Read consistently."""

    def newest(self, scope: AnswerScope) -> Iterator[Stretch]:
        """The whole log, the newest first, fetched part by part as it is asked for."""

    def since(self, scope: AnswerScope, created_at: int) -> Iterator[Stretch]:
        """What was created or taken back at that epoch second or later, read consistently."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries, then move the mark of each of their scopes by one for each entry."""

    def remove(self, scope: AnswerScope, ids: Sequence[str]) -> None:
        """Delete entries, say so in the log, and move the mark by one."""

    def purge(self, purge: Purge) -> int:
        """Delete what fits, say so in each scope's log, and move its mark by one; how many were deleted."""
