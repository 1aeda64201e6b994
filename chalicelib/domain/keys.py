"""Keys as administrators ask for them, one by one and page by page."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from chalicelib.domain.identity import Key, Scope


class NewKey(Struct, frozen=True):
    """A key that somebody is to get; `expires_at` is an epoch second."""

    tenant: str
    user: str
    plan: str
    scopes: frozenset[Scope]
    name: str = ""
    expires_at: int | None = None


class Made(Struct, frozen=True):
    """A new key with its token."""

    key: Key
    token: str


class Wanted(Struct, frozen=True):
    """A page of a tenant's keys, or of one user's: at most `limit` after the cursor `after`."""

    tenant: str
    user: str | None = None
    after: str | None = None
    limit: int = 20


class Found(Struct, frozen=True):
    """A page of keys, and the cursor of the next one, if there is one."""

    keys: Sequence[Key]
    next: str | None
