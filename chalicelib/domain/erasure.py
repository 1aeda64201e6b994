"""The erasure of one user: from the word of an administrator until nothing that the user wrote can come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from chalicelib.domain.identity import tenant_tag, user_tag

LONGEST_CALL_SECONDS: Final = 900  # after which a call that was let in before has written what it ever will

ErasureStatus = Literal["in_progress", "done"]


class Erasure(Struct, frozen=True, kw_only=True):
    """Whose traces are removed, what was found of them so far, and since when nothing was. Times are epoch seconds."""

    tenant: str
    user: str
    started_at: int
    counts: dict[str, int] = {}
    clean_since: int | None = None
    finished_at: int | None = None

    @property
    def owner(self) -> str:
        """The user's name in every database key."""
        return owner_of(self.tenant, self.user)

    @property
    def status(self) -> ErasureStatus:
        """Whether a late writer may still bring something back, which is looked for until then."""
        return "in_progress" if self.finished_at is None else "done"


class Found(Struct, frozen=True):
    """What one look removed, by kind; it `waits` for work that is to end first, and is `cut` where there is more."""

    counts: Mapping[str, int]
    waits: bool = False
    cut: bool = False

    @property
    def nothing(self) -> bool:
        """Whether the stores were clean."""
        return not any(self.counts.values()) and not self.waits


def owner_of(tenant: str, user: str) -> str:
    """Whose conversations and jobs a user's are."""
    return f"{tenant_tag(tenant)}.{user_tag(tenant, user)}"


def advanced(erasure: Erasure, found: Found, now: float) -> Erasure:
    """The erasure after a look: done by the second that finds nothing, the longest call after the first."""
    counts = dict(Counter(erasure.counts) + Counter(found.counts))
    since = erasure.clean_since
    if not found.nothing:
        return msgspec.structs.replace(erasure, counts=counts, clean_since=None)
    if since is None:
        return msgspec.structs.replace(erasure, clean_since=int(now))
    return msgspec.structs.replace(erasure, finished_at=int(now)) if now - since >= LONGEST_CALL_SECONDS else erasure
