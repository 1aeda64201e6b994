"""An answer on its way to a connection: in numbered pieces, a page of which is kept before it is sent.

    delta -> (gathered for a moment) -> page -> keep -> send
                                                   └── whoever resumes is sent what is kept, then what follows

So what a connection heard can be heard again on another, from any process: nothing is lost, nothing comes twice, and
a page that nobody hears waits for somebody who does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from chalicelib.domain.chat import Completion, Delta
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.jobs import Job, Page
from chalicelib.domain.pieces import MOST_CHARACTERS, merged, size
from chalicelib.domain.sockets import parts
from chalicelib.domain.transcript import Transcript
from chalicelib.domain.turn import Head
from chalicelib.pipeline.ahead import Ahead
from chalicelib.pipeline.courier import LATE_SECONDS, TRIES, Courier

PAGE_SECONDS: Final = 0.075  # pieces within it are sent as one: each costs a write and a post
TOUCH_SECONDS: Final = 1.0  # how soon a cancel, or another connection, is noticed
DEAF_SECONDS: Final = 60.0  # for how long an answer goes on that nobody hears
MOST_PAGE_BYTES: Final = 200_000


class Listener:
    """Who hears an answer: how far, and since when no more."""

    __slots__ = ("_again_at", "_chat", "_connection", "_courier", "_deaf_since", "heard", "is_gone")

    def __init__(self, job: Job, courier: Courier) -> None:
        """Whoever the job names."""
        self._courier = courier
        self._connection, self._chat = parts(job.connection or "")
        self.is_gone = False
        self._again_at = 0.0
        self._deaf_since: float | None = None
        self.heard = job.after

    def hear(self, pages: Iterator[Page], now: float) -> None:
        """Send what was not sent yet, as far as it is taken."""
        if self.is_gone or now < self._again_at:
            return
        for number, piece in (
            (number, piece) for page in pages for number, piece in enumerate(page.pieces, page.first)
        ):
            if number > self.heard and not self._send(number, piece, now):
                return

    def is_deaf(self, now: float) -> bool:
        """Whether nothing was taken for so long that nobody will come back."""
        return self._deaf_since is not None and now - self._deaf_since > DEAF_SECONDS

    def _send(self, number: int, piece: bytes, now: float) -> bool:
        delivery = self._courier.transport.send(self._connection, self._courier.wire.chunk(self._chat, number, piece))
        if delivery == "sent":
            self.heard, self._deaf_since = number, None
            return True
        self.is_gone = delivery == "gone"
        self._again_at = now + LATE_SECONDS
        self._deaf_since = now if self._deaf_since is None else self._deaf_since
        return False


class Trip:
    """One answer on its way: `ride` until it is over, or nobody wants it any more.

    `job` is as it was last seen; it `is_lost` where another worker has it. `fault` is what broke the answer.
    """

    __slots__ = (
        "_begun",
        "_courier",
        "_head",
        "_listener",
        "_page_due",
        "_pending",
        "_touch_due",
        "_transcript",
        "fault",
        "is_lost",
        "is_stopped",
        "job",
        "last",
    )

    def __init__(self, job: Job, head: Head, courier: Courier) -> None:
        """Before the first piece."""
        self._courier = courier
        self._head = head
        self._listener = Listener(job, courier)
        self._begun = False
        self._pending: list[Delta] = []
        self._page_due = 0.0
        self._touch_due = courier.clock() + TOUCH_SECONDS
        self._transcript = Transcript()
        self.job = job
        self.last = 0
        self.fault: TidegateError | None = None
        self.is_stopped = self.is_lost = False

    @property
    def completion(self) -> Completion:
        """The answer as far as it came."""
        return self._transcript.completion()

    @property
    def is_whole(self) -> bool:
        """Whether the model came to an end of its own."""
        return self._transcript.finish_reason is not None and self.fault is None and not self.is_stopped

    def ride(self, deltas: Iterator[Delta]) -> None:
        """Keep and send all that the model says. A store that cannot keep it ends the trip."""
        ahead = Ahead(deltas)
        try:
            while not (self.is_stopped or self.is_lost):
                if ahead.wait(self._patience()) and not self._took(ahead):
                    break
                self._tick()
            self._turn_page()
        finally:
            ahead.close()

    def deliver(self) -> None:
        """Try for a while to bring all that is kept to a listener who is slow; one who is gone may come back."""
        tries = TRIES
        self._catch_up()
        while self._listener.heard < self.last and not self._listener.is_gone and tries:
            before = self._listener.heard
            self._courier.pause(LATE_SECONDS)
            self._catch_up()
            tries = TRIES if self._listener.heard > before else tries - 1

    def listen(self) -> bool:
        """See who listens by now, and send them what they have not heard; False where another worker has the job."""
        held = self._courier.hold(self.job)
        self.is_lost = held is None
        if held is None:
            return False
        if (held.connection, held.after) != (self.job.connection, self.job.after):
            self._listener = Listener(held, self._courier)
        self.job = held
        self._catch_up()
        return True

    def _took(self, ahead: Ahead) -> bool:
        """Take the next piece; False after the last one, or where there will be none."""
        try:
            delta = ahead.take()
        except TidegateError as fault:
            self.fault = fault
            return False
        if delta is None:
            return False
        self._transcript.add(delta)
        self._pending.append(delta)
        return True

    def _patience(self) -> float:
        """How long nothing is to be done but to wait for the model."""
        due = min(self._touch_due, self._page_due) if self._pending else self._touch_due
        return max(0.0, due - self._courier.clock())

    def _tick(self) -> None:
        now = self._courier.clock()
        if self._pending and (now >= self._page_due or sum(map(size, self._pending)) > MOST_CHARACTERS):
            self._turn_page()
        if now >= self._touch_due and self.listen():
            self._touch_due = now + TOUCH_SECONDS
            self.is_stopped = self.job.cancelling or self._listener.is_deaf(now)

    def _turn_page(self) -> None:
        """Keep and send what has gathered."""
        if self._pending and not self.is_lost:
            opening = [] if self._begun else [self._courier.wire.opening(self._head)]
            self._keep([*opening, *self._courier.wire.pieces(self._head, merged(self._pending))])
            self._begun = True
        self._pending = []
        self._page_due = self._courier.clock() + PAGE_SECONDS

    def _keep(self, pieces: Sequence[bytes]) -> None:
        for part in _parts(pieces):
            page = Page(self.last + 1, self.last + len(part), tuple(part))
            self._courier.jobs.keep(self.job, page)
            self.last = page.last
            if self._listener.heard >= page.first - 1:
                self._listener.hear(iter([page]), self._courier.clock())
            else:
                self._catch_up()

    def _catch_up(self) -> None:
        """Send what is kept and was not taken before."""
        if self._listener.heard < self.last:
            pages = self._courier.jobs.pages(self.job.id, self._listener.heard)
            self._listener.hear(pages, self._courier.clock())


def _parts(pieces: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The pieces in order, in as few parts as a page has room for."""
    part: list[bytes] = []
    room = MOST_PAGE_BYTES
    for piece in pieces:
        if part and len(piece) > room:
            yield part
            part, room = [], MOST_PAGE_BYTES
        part.append(piece)
        room -= len(piece)
    if part:
        yield part
