"""The life of a turn on a connection: told as in `turn`, and carried out by a worker, who sends its pieces.

auth
chat -> take -> enqueue -+-> answered before: accepted, chunks, done
                         +-> accepted -> into the line … a worker: chunks, done
resume -> follow -+-> over: the rest of its chunks, done
                  +-> its worker goes on here
"""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec import Struct

from chalicelib.domain.errors import NotFound, TidegateError
from chalicelib.domain.identity import Credential
from chalicelib.domain.jobs import Job, job_id
from chalicelib.domain.outcomes import Done, packed
from chalicelib.domain.sockets import Connection, address, parts
from chalicelib.domain.turn import Ask, Reply
from chalicelib.pipeline import turn, work
from chalicelib.pipeline.services import Services


class Wish(Struct, frozen=True):
    """An answer that is to go on after the piece of a number; `chat` is what it is to be called, if not as before."""

    job: str
    after: int
    chat: str | None = None


def auth(connection: Connection, credential: Credential, use: Services) -> None:
    """Verify a key, and keep that the connection is its owner's; `Unauthorized` where it is not good."""
    use.reception.admit(connection, use.gate.vouched(credential, use.clock(), "chat"))
    use.gate.vouched(credential, use.clock(), "chat")  # who revokes it from now on finds the connection


def chat(connection: Connection, name: str, ask: Ask, use: Services) -> None:
    """Have `ask` answered under a name; whatever comes of it is sent."""
    place = address(connection.id, name)
    use.reception.take(connection, name, job_id(ask.turn_id))
    try:
        found = turn.enqueue(ask, use, place, partial(use.courier.accept, place))
    except TidegateError:
        use.reception.drop(connection, name)
        raise
    if isinstance(found, Reply):
        use.reception.drop(connection, name)
        use.courier.accept(place, None)
        use.courier.replay(place, _answered(found, connection))


def resume(connection: Connection, wish: Wish, use: Services) -> None:
    """Send what comes after a piece here; `NotFound` for a job of somebody else, as for one that is unknown."""
    found = use.lane.find(connection.owner, wish.job).job
    name = wish.chat or (parts(found.connection)[1] if found.connection else found.id)
    place = address(connection.id, name)
    use.reception.take(connection, name, found.id)
    use.courier.accept(place, found.id)
    job = use.lane.jobs.follow(found.id, place, wish.after)
    if job is None:
        raise NotFound("job", wish.job)
    if job.over:
        use.reception.drop(connection, name)
        use.courier.replay(place, job, wish.after)


def cancel(connection: Connection, name: str, use: Services) -> None:
    """Stop a chat. Its end is told by whoever comes to it; one that is over already stays as it is."""
    if name not in connection.chats:
        raise NotFound("chat", name)
    work.cancel(connection.owner, connection.chats[name], use)


def _answered(reply: Reply, connection: Connection) -> Job:
    """What was answered before, as a job that is over."""
    head = reply.head
    made = Job(id=job_id(head.turn_id), owner=connection.owner, line="", created_at=head.created_at, until=0.0)
    return msgspec.structs.replace(made, state="completed", outcome=packed(Done(head, reply.completion)))
