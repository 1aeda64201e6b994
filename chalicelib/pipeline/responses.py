"""The Responses API over the turn: what came before is put in front, what comes of it is kept.

    thread -> turn -> keep -> tell

A response is kept once its turn is settled, and before its caller hears the end of it: what was told can be read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.chat import Message
from chalicelib.domain.conversation import Turn
from chalicelib.domain.errors import BadRequest, NoCapacity, NotFound
from chalicelib.domain.estimate import REQUEST_TOKENS, likely_tokens
from chalicelib.domain.items import messages_of
from chalicelib.domain.ledger import owner_of, subjects_of
from chalicelib.domain.outline import Step, outlined
from chalicelib.domain.responses import (
    KEPT_SECONDS,
    MOST_BEFORE,
    Asked,
    ResponseItem,
    StoredResponse,
    check_results,
    ended,
    response_id,
    shown_input,
    spoken,
)
from chalicelib.domain.turn import Ask, Head
from chalicelib.pipeline import background, turn
from chalicelib.pipeline.archive import filled
from chalicelib.pipeline.history import fitting, joined
from chalicelib.pipeline.lane import Waiting
from chalicelib.pipeline.services import Services
from chalicelib.pipeline.telling import Telling
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


class Queued(Struct, frozen=True):
    """A response that no model can answer yet, or that its caller does not wait for: then it was `wanted` so."""

    waiting: Waiting
    response: StoredResponse
    wanted: bool


class Following(Struct, frozen=True):
    """A response in the background, told from its beginning on; `queued` where it joined the line just now."""

    begun: StoredResponse
    steps: Iterator[Step | StoredResponse]
    queued: Queued | None = None


def create(wish: Wish, use: Services) -> Answered | Queued:
    """Answer in one piece, or say where the response waits."""
    with _named():
        ask, thread = _continued(wish, use)
        reply = turn.answer(ask, use)
    if isinstance(reply, Waiting):
        return _queued(wish, reply, thread, use)
    begun = _begun(wish, thread, model=reply.head.model, created_at=reply.head.created_at)
    completion = reply.completion
    response = ended(begun, completion.finish_reason, completion.usage, use.clock())
    output = outlined(completion, "completed" if response.status == "completed" else "incomplete")
    response = msgspec.structs.replace(response, output=output)
    use.threads.keep(response)
    return Answered(reply.head, response)


def stream(wish: Wish, use: Services) -> Answering | Following:
    """Answer piece by piece, now or as what comes of a response that waits."""
    with _named():
        ask, thread = _continued(wish, use)
        streamed = turn.stream(ask, use)
    if isinstance(streamed, Waiting):
        queued = _queued(wish, streamed, thread, use)
        return Following(queued.response, background.followed(queued.response, use), queued)
    head = streamed.head
    begun = _begun(wish, thread, model=head.model, created_at=head.created_at)
    return Answering(head, begun, Telling(streamed, begun, keep=use.threads.keep, clock=use.clock))


def input_items(response: StoredResponse, page: Page) -> tuple[Sequence[ResponseItem], bool]:
    """One page of what came in, and whether there is more: it ends early where the items are large."""
    items = shown_input(response) if page.order == "asc" else shown_input(response)[::-1]
    ids = [item.id for item in items]
    if page.after is not None and page.after not in ids:
        raise BadRequest("'after' is not an item of this response's input.", param="after")
    start = 0 if page.after is None else ids.index(page.after) + 1
    return filled(iter(items[start:]), page.limit)


def retrieve(owner: str, response: str, use: Services, now: float) -> StoredResponse:
    """The response as it is by now."""
    return background.caught_up(use.threads.get(owner, response, now), use)


def follow(owner: str, response: str, use: Services, now: float) -> Following:
    """A response in the background, told from its beginning on."""
    found = retrieve(owner, response, use, now)
    if not found.asked.background:
        raise BadRequest("Only a response in the background can be streamed again.", param="stream")
    return Following(background.beginning(found), background.followed(found, use))


def delete(owner: str, response: str, use: Services, now: float) -> None:
    """Remove a response for good, and stop what works on it."""
    found = use.threads.get(owner, response, now)
    use.threads.delete(owner, response)
    if not found.over:
        background.stop(found, use)


def cancel(owner: str, response: str, use: Services, now: float) -> StoredResponse:
    """Stop a response that runs in the background; one that is over stays as it is."""
    found = retrieve(owner, response, use, now)
    if not found.asked.background:
        raise BadRequest("Cannot cancel a synchronous response.", param="response_id")
    if found.over:
        return found
    background.stop(found, use)
    return background.caught_up(found, use)


def _continued(wish: Wish, use: Services) -> tuple[Ask, tuple[str, ...]]:
    """What the turn is asked, with the thread before it; a fault is told to nobody but the owner of a good key."""
    ask, previous = wish.ask, wish.asked.previous
    try:
        earlier = _earlier(ask, previous, use) if previous is not None else ()
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


def _earlier(ask: Ask, previous: str, use: Services) -> tuple[StoredResponse, ...]:
    """The response that is continued with all before it, oldest first."""
    param = "previous_response_id"
    try:
        newest = retrieve(_owner(ask), previous, use, ask.now)
    except NotFound as gone:
        words = f"Previous response with id '{previous}' not found."
        raise BadRequest(words, param=param, code="previous_response_not_found") from gone
    if not newest.over:
        raise BadRequest(f"Previous response with id '{previous}' is not finished.", param=param)
    return (*use.threads.before(newest, ask.now), newest)


def _queued(wish: Wish, waiting: Waiting, thread: tuple[str, ...], use: Services) -> Queued:
    """The response as it joins the line: it is in the background from now on, whatever its caller had in mind."""
    asked = msgspec.structs.replace(wish.asked, background=True)
    model = use.gate.catalogue.find(wish.ask.request.model).id
    made = int(waiting.job.created_at)
    response = _begun(msgspec.structs.replace(wish, asked=asked), thread, model=model, created_at=made)
    response = msgspec.structs.replace(response, status="queued")
    if not asked.store:
        background.stop(response, use)  # nobody could ask for it
        raise NoCapacity(model, max(1, waiting.eta_seconds))
    background.keep(response, use)
    return Queued(waiting, response, wish.asked.background)


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


def _begun(wish: Wish, thread: tuple[str, ...], *, model: str, created_at: int) -> StoredResponse:
    return StoredResponse(
        id=response_id(wish.ask.turn_id),
        owner=_owner(wish.ask),
        created_at=created_at,
        expires_at=created_at + KEPT_SECONDS,
        model=model,
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
