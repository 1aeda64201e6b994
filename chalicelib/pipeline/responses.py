"""The Responses API over the turn: what came before is put in front, what comes of it is kept.

    thread -> turn -> keep -> tell

A response is kept once its turn is settled, and before its caller hears the end of it: what was told can be read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.chat import FinishReason, Message, Usage
from chalicelib.domain.conversation import Turn
from chalicelib.domain.errors import BadRequest, NoCapacity, StoreUnavailable, TidegateError
from chalicelib.domain.estimate import REQUEST_TOKENS, likely_tokens
from chalicelib.domain.items import messages_of
from chalicelib.domain.ledger import owner_of, subjects_of
from chalicelib.domain.outline import Outline, Step, outlined
from chalicelib.domain.responses import (
    KEPT_SECONDS,
    MOST_BEFORE,
    Asked,
    ResponseItem,
    StoredResponse,
    check_results,
    ended,
    failure_of,
    response_id,
    shown_input,
    spoken,
)
from chalicelib.domain.turn import Ask, Head, Streamed
from chalicelib.pipeline import turn
from chalicelib.pipeline.archive import filled
from chalicelib.pipeline.history import fitting, joined
from chalicelib.pipeline.lane import Waiting
from chalicelib.pipeline.services import Services
from chalicelib.ports import Page

_NAMES: Final = {"messages": "input", "max_tokens": "max_output_tokens", "reasoning_effort": "reasoning.effort"}
"""What this API calls the fields of a chat that a turn may find fault with."""


class Wish(Struct, frozen=True):
    """A response that is asked for. The ask's messages are what is new: instructions first, then the input."""

    ask: Ask
    asked: Asked
    input: tuple[ResponseItem, ...]


class Answered(Struct, frozen=True):
    """A whole response."""

    head: Head
    response: StoredResponse


class Answering(Struct, frozen=True):
    """A response that is still coming: as it begins, then what is said, then as it ended. Close what is not read."""

    head: Head
    begun: StoredResponse
    steps: Iterator[Step | StoredResponse]


def create(wish: Wish, use: Services) -> Answered:
    """Answer in one piece."""
    with _named():
        ask, thread = _continued(wish, use)
        reply = turn.answer(ask, use)
        if isinstance(reply, Waiting):
            raise NoCapacity(ask.request.model, max(1, reply.eta_seconds))
    begun = _begun(wish, reply.head, thread)
    completion = reply.completion
    response = ended(begun, completion.finish_reason, completion.usage, use.clock())
    output = outlined(completion, "completed" if response.status == "completed" else "incomplete")
    response = msgspec.structs.replace(response, output=output)
    use.threads.keep(response)
    return Answered(reply.head, response)


def stream(wish: Wish, use: Services) -> Answering:
    """Answer piece by piece."""
    with _named():
        ask, thread = _continued(wish, use)
        streamed = turn.stream(ask, use)
        if isinstance(streamed, Waiting):
            raise NoCapacity(ask.request.model, max(1, streamed.eta_seconds))
    begun = _begun(wish, streamed.head, thread)
    return Answering(streamed.head, begun, Telling(streamed, begun, use))


def input_items(response: StoredResponse, page: Page) -> tuple[Sequence[ResponseItem], bool]:
    """One page of what came in, and whether there is more: it ends early where the items are large."""
    items = shown_input(response) if page.order == "asc" else shown_input(response)[::-1]
    ids = [item.id for item in items]
    if page.after is not None and page.after not in ids:
        raise BadRequest("'after' is not an item of this response's input.", param="after")
    start = 0 if page.after is None else ids.index(page.after) + 1
    return filled(iter(items[start:]), page.limit)


def cancel(owner: str, response: str, use: Services, now: float) -> StoredResponse:
    """Stop a response that runs in the background; one that is over stays as it is."""
    found = use.threads.get(owner, response, now)
    if not found.asked.background:
        raise BadRequest("Cannot cancel a synchronous response.", param="response_id")
    return found


class Telling(Iterator[Step | StoredResponse]):
    """The steps of an answer, then the response as it ended, which is kept by then.

    A class, since a generator that never ran would not hear of its end.
    """

    __slots__ = ("_begun", "_deltas", "_next", "_outline", "_over", "_reason", "_usage", "_use")

    def __init__(self, streamed: Streamed, begun: StoredResponse, use: Services) -> None:
        """Nothing is read before the first step is asked for."""
        self._deltas = streamed.deltas
        self._begun = begun
        self._use = use
        self._outline = Outline()
        self._next: deque[Step | StoredResponse] = deque()
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._over = False

    def __next__(self) -> Step | StoredResponse:
        """The next step; a fault on the way is in the response that ends them."""
        while not self._next and not self._over:
            self._advance()
        if not self._next:
            raise StopIteration
        return self._next.popleft()

    def close(self) -> None:
        """End early: the call to the model is ended, and the response is kept as far as it came."""
        if self._over:
            return
        self._over = True
        if (close := getattr(self._deltas, "close", None)) is not None:
            close()
        response = self._closed(msgspec.structs.replace(self._begun, status="cancelled"))
        self._next.clear()
        self._use.threads.keep(response)

    def _advance(self) -> None:
        try:
            delta = next(self._deltas)
        except StopIteration:
            self._over = True
            self._finish()
        except TidegateError as fault:
            self._over = True
            self._fail(fault)
        else:
            self._reason = delta.finish_reason or self._reason
            self._usage = delta.usage or self._usage
            self._next += self._outline.add(delta)

    def _finish(self) -> None:
        response = self._closed(ended(self._begun, self._reason, self._usage, self._use.clock()))
        try:
            self._use.threads.keep(response)
        except StoreUnavailable as fault:
            response = msgspec.structs.replace(response, status="failed", failure=failure_of(fault), completed_at=None)
        self._next.append(response)

    def _fail(self, fault: TidegateError) -> None:
        failed = msgspec.structs.replace(self._begun, status="failed", failure=failure_of(fault))
        response = self._closed(failed)
        with suppress(StoreUnavailable):  # the caller is told of the fault, not that it is not kept
            self._use.threads.keep(response)
        self._next.append(response)

    def _closed(self, response: StoredResponse) -> StoredResponse:
        """The response with what was said; what is open is closed on the way."""
        self._next += self._outline.end("completed" if response.status == "completed" else "incomplete")
        return msgspec.structs.replace(response, output=self._outline.items())


def _continued(wish: Wish, use: Services) -> tuple[Ask, tuple[str, ...]]:
    """What the turn is asked, with the thread before it; a fault is told to nobody but the owner of a good key."""
    ask, previous = wish.ask, wish.asked.previous
    try:
        earlier = use.threads.before(_owner(ask), previous, ask.now) if previous is not None else ()
        said = tuple(message for each in earlier for message in messages_of(spoken(each)))
        if ask.conversation is None:
            check_results(said, ask.request.messages)
        if wish.asked.truncation == "auto" and earlier:
            said = _recalled(ask, earlier, use)
    except BadRequest:
        use.gate.principal(ask.credential, ask.now, "chat")
        raise
    request = msgspec.structs.replace(ask.request, messages=joined(said, ask.request.messages))
    thread = tuple(each.id for each in earlier)[-MOST_BEFORE:]
    return msgspec.structs.replace(ask, request=request), thread


def _owner(ask: Ask) -> str:
    """Whose the response will be, once the turn has verified the key."""
    return owner_of(subjects_of(ask.credential))


def _recalled(ask: Ask, earlier: Sequence[StoredResponse], use: Services) -> tuple[Message, ...]:
    """The messages of the newest responses that the model's window holds beside what is new."""
    model = use.gate.catalogue.find(ask.request.model)
    cap = ask.request.max_output_tokens or use.gate.cap(ask.credential.tenant_tag, model)
    taken = sum(likely_tokens(message) for message in ask.request.messages)
    turns = (Turn(each.id, 0, each.created_at, spoken(each)) for each in reversed(earlier))
    return fitting(turns, model.context_tokens - cap - REQUEST_TOKENS - taken, ask.now)


def _begun(wish: Wish, head: Head, thread: tuple[str, ...]) -> StoredResponse:
    return StoredResponse(
        id=response_id(head.turn_id),
        owner=_owner(wish.ask),
        created_at=head.created_at,
        expires_at=head.created_at + KEPT_SECONDS,
        model=head.model,
        asked=wish.asked,
        input=wish.input,
        thread=thread,
    )


@contextmanager
def _named() -> Iterator[None]:
    """A turn's faults, by the names that this API has for the fields."""
    try:
        yield
    except BadRequest as fault:
        fault.param = _NAMES.get(fault.param or "", fault.param)
        raise
