"""Who asks: keys, what they look like, and the principal that a good one stands for.

A key is `tg_<live|test>_<key id>_<secret><checksum>`. Its id begins with the tags of its tenant and user, so that one
read can fetch the key and everything that belongs to its owner before the key has been looked at.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import zlib
from functools import lru_cache
from typing import Final, Literal, Protocol

from msgspec import Struct

from chalicelib.domain.errors import Misconfigured, Unauthorized
from chalicelib.domain.webhooks import Webhook

Scope = Literal["chat", "admin"]
KeyState = Literal["active", "expired", "revoked"]

TAG_LENGTH: Final = 16  # base32 characters, 80 bits: no two owners share a tag below about 10^12 owners
RANDOM_BYTES: Final = 5 + 20  # of a new key: the end of its id, and its secret
_FORM: Final = re.compile(r"(?P<body>tg_(?:live|test)_(?P<id>[a-z2-7]{40})_[a-z2-7]{32})(?P<checksum>[a-z2-7]{7})")
_NO_DIGEST: Final = "0" * 64


class KeyEnded(Unauthorized):
    """A key of ours, expired or revoked; its caller is told no more than any other."""


class PepperGone(Unauthorized):
    """A key whose pepper was taken away: it may be one of ours or not, nobody can tell any more."""


class Principal(Struct, frozen=True):
    """A user of a tenant, through one key."""

    tenant: str
    user: str
    key_id: str
    scopes: frozenset[Scope]
    plan: str

    @property
    def tenant_tag(self) -> str:
        """The tenant's name in every database key."""
        return self.key_id[:TAG_LENGTH]

    @property
    def user_tag(self) -> str:
        """The name in every database key of this user of this tenant."""
        return self.key_id[TAG_LENGTH : 2 * TAG_LENGTH]

    @property
    def owner(self) -> str:
        """Whose conversations these are: one user of one tenant."""
        return owner_of_key(self.key_id)


class Credential(Struct, frozen=True):
    """A well-formed token, not yet verified. Never logged: `repr` is the key's id.

    Where one was verified before, its `digest` stands for a token that is not kept.
    """

    key_id: str
    token: str
    digest: str = ""

    def __repr__(self) -> str:
        """Show the id alone."""
        return f"Credential({self.key_id})"

    @property
    def tenant_tag(self) -> str:
        """The tag of the tenant that the key claims."""
        return self.key_id[:TAG_LENGTH]

    @property
    def user_tag(self) -> str:
        """The tag of the user that the key claims."""
        return self.key_id[TAG_LENGTH : 2 * TAG_LENGTH]


class Key(Struct, frozen=True):
    """A key as it is stored: the token itself is nowhere. Times are epoch seconds."""

    key_id: str
    tenant: str
    user: str
    scopes: frozenset[Scope]
    plan: str
    digest: str
    pepper_version: int
    created_at: int
    name: str = ""
    expires_at: int | None = None
    revoked_at: int | None = None


class Tenant(Struct, frozen=True):
    """A tenant's record. Where it names a plan, that plan's limits of the tenant are in force for every key of it.

    Its webhook is told of work that is over. Its home is a Region of the stage, the first one where it names none.
    """

    tenant: str
    plan: str | None = None
    webhook: Webhook | None = None
    home: str | None = None


class Peppers(Struct, frozen=True):
    """The secrets that key digests are made with, by version; new keys use `current`."""

    current: int
    by_version: dict[int, bytes]

    def __repr__(self) -> str:
        """Show the versions alone."""
        return f"Peppers(current={self.current}, versions={sorted(self.by_version)})"

    def digest(self, token: str, version: int) -> str:
        """HMAC-SHA-256 of `token` in hexadecimal; `Misconfigured` where the version's pepper is gone."""
        if version not in self.by_version:
            raise Misconfigured(f"pepper version {version} is not configured")
        return hmac.new(self.by_version[version], token.encode(), hashlib.sha256).hexdigest()

    def holding(self, version: int | None = None) -> Peppers:  # noqa: ARG002 - there are no others
        """These, which never change."""
        return self


class Pepperbox(Protocol):
    """Where a process has its peppers, which may be others after each call; `Peppers` alone are one too."""

    def holding(self, version: int | None = None) -> Peppers:
        """The peppers as they are now; where `version` is not among them, as they are after another look."""


def owner_of_key(key_id: str) -> str:
    """Whose conversations and jobs a key may see: its id begins with the tags of its tenant and user."""
    return f"{key_id[:TAG_LENGTH]}.{key_id[TAG_LENGTH : 2 * TAG_LENGTH]}"


def tenant_tag(tenant: str) -> str:
    """The tenant's name in database keys."""
    return _tag("tenant", tenant)


def user_tag(tenant: str, user: str) -> str:
    """The name of a tenant's user in database keys."""
    return _tag("user", tenant, user)


def mint(tenant: str, user: str, *, live: bool, random: bytes) -> Credential:
    """A new token for `user` of `tenant` from `RANDOM_BYTES` of randomness."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key takes {RANDOM_BYTES} random bytes")
    key_id = tenant_tag(tenant) + user_tag(tenant, user) + _base32(random[:5])
    body = f"tg_{'live' if live else 'test'}_{key_id}_{_base32(random[5:])}"
    return Credential(key_id=key_id, token=body + _checksum(body))


def parse_token(token: str) -> Credential:
    """Read a token's form; `Unauthorized` if it is none of ours. Costs no look-up and no digest."""
    form = _FORM.fullmatch(token)
    if form is None or _checksum(form["body"]) != form["checksum"]:
        raise Unauthorized
    return Credential(key_id=form["id"], token=token)


def verify(credential: Credential, key: Key | None, box: Pepperbox, now: float) -> Principal:
    """The principal behind `credential`, or `Unauthorized`; as slow for an unknown key as for a wrong secret.

    `KeyEnded` says that the key itself is right: it has to be shown for that.
    """
    peppers = box.holding(key.pepper_version if key is not None else None)
    known = key is not None and key.pepper_version in peppers.by_version
    version = key.pepper_version if key is not None and known else peppers.current
    expected = key.digest if key is not None and known else _NO_DIGEST
    genuine = hmac.compare_digest(credential.digest or peppers.digest(credential.token, version), expected)
    if key is not None and not known:
        raise PepperGone
    if key is None or not genuine:
        raise Unauthorized
    if state_of(key, now) != "active":
        raise KeyEnded
    if credential.tenant_tag != tenant_tag(key.tenant) or credential.user_tag != user_tag(key.tenant, key.user):
        raise Unauthorized
    return Principal(tenant=key.tenant, user=key.user, key_id=key.key_id, scopes=key.scopes, plan=key.plan)


def state_of(key: Key, now: float) -> KeyState:
    """Whether the key is good at `now`, and why not."""
    if key.revoked_at is not None:
        return "revoked"
    return "active" if key.expires_at is None or now < key.expires_at else "expired"


@lru_cache(maxsize=1024)  # they are what every call is charged by
def _tag(*names: str) -> str:
    return _base32(hashlib.sha256("\x00".join(names).encode()).digest()[:10])


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _checksum(body: str) -> str:
    return _base32(zlib.crc32(body.encode()).to_bytes(4, "big"))
