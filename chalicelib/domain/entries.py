"""Questions that were answered, kept by their meaning, each in the scope that its answer may be served in."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec
from msgspec import Struct

_WORDS: Final = re.compile(r"\w+")


class AnswerScope(Struct, frozen=True):
    """What must be equal for one answer to serve two questions, in the parts that a purge may name.

    `tenant` and `user` are tags; `user` is `*` where the tenant's users share. `prefix` is the digest of all else that
    shapes an answer: earlier messages, options. `embedder` names what made the vectors and how long they are: those
    of two embedders do not compare.
    """

    tenant: str
    user: str
    model: str
    prefix: str
    embedder: str

    @property
    def is_shared(self) -> bool:
        """Whether all users of the tenant are served from it."""
        return self.user == "*"

    @property
    def label(self) -> str:
        """One text for each scope, whatever is in its parts."""
        return msgspec.json.encode(msgspec.structs.astuple(self)).decode()


class Entry(Struct, frozen=True):
    """A question with the exact key of its answer.

    Its `id` is its own within the scope: a newer entry stands before it for as long as that is good.
    `vector` is float32 in little-endian bytes. Times are epoch seconds. `said` is what `word_for` makes of the answer.
    """

    id: str
    scope: AnswerScope
    question: str
    vector: bytes
    answer: str
    created_at: int
    expires_at: int
    said: str = ""


def word_for(scope: AnswerScope, answer: str) -> str:
    """One word for all that an answer says: that of another is the same if its words are, and its tenant; or empty."""
    words = _WORDS.findall(answer.casefold())
    text = " ".join([scope.tenant, *words]).encode(errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()[:12] if words else ""


class Sought(Struct, frozen=True):
    """What is near this vector within a scope: at most `most` entries that are good at `now`.

    `mark` is what the turn's opening read found of the scope: the same mark says that nothing was added, the empty one
    that nothing is there; None leaves the index to find out.
    """

    scope: AnswerScope
    vector: bytes
    now: float
    most: int = 5
    mark: str | None = None


class Neighbour(Struct, frozen=True):
    """An entry near a vector. `similarity` is the cosine of the two: 1 is the same direction."""

    id: str
    scope: AnswerScope
    question: str
    answer: str
    created_at: int
    expires_at: int
    similarity: float
    said: str = ""


class Purge(Struct, frozen=True):
    """Which of a tenant's entries are to go: those that fit every part that is given; `before` is an epoch second."""

    tenant: str
    user: str | None = None
    model: str | None = None
    prefix: str | None = None
    before: int | None = None

    def covers(self, scope: AnswerScope) -> bool:
        """Whether entries of `scope` are to go."""
        parts = ((self.user, scope.user), (self.model, scope.model), (self.prefix, scope.prefix))
        return self.tenant == scope.tenant and all(part is None or part == own for part, own in parts)


class Health(Struct, frozen=True):
    """How an index is: whether it answers, how many entries it can search now, and in words what is not well."""

    up: bool
    entries: int
    words: str = ""


class Row(Struct, frozen=True, array_like=True):
    """An entry as a log tells it, its vector aside."""

    id: str
    question: str
    answer: str
    created_at: int
    expires_at: int
    said: str = ""


class Gone(Struct, frozen=True, array_like=True):
    """Entries created up to the epoch second `until` that were taken back: those named, or all where none is."""

    until: int
    ids: tuple[str, ...] = ()


class Stretch(Struct, frozen=True):
    """A part of a scope's log: rows with their vectors behind one another, float32 of unit length; and what is gone.

    `cursor` is where in the log its newest part stands.
    """

    scope: AnswerScope
    cursor: int
    rows: tuple[Row, ...] = ()
    vectors: bytes = b""
    gone: tuple[Gone, ...] = ()
