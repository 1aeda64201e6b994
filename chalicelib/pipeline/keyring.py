"""API keys from their making to their end. A token is in the answer that makes it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec

from chalicelib.domain.cursor import seal, unseal
from chalicelib.domain.erasure import owner_of
from chalicelib.domain.errors import BadRequest, Conflict, NotFound
from chalicelib.domain.identity import RANDOM_BYTES, Key, Pepperbox, mint, state_of
from chalicelib.domain.keys import Found, Made, NewKey, Wanted
from chalicelib.domain.trail import By, key_ended, key_made
from chalicelib.ports import Keys
from chalicelib.ports.erasures import Erasures


@dataclass(frozen=True, slots=True)
class Keyring:
    """What an administrator may do to keys. `random` gives that many bytes that nobody can guess."""

    keys: Keys
    erasures: Erasures
    peppers: Pepperbox
    random: Callable[[int], bytes]
    live: bool

    def create(self, wish: NewKey, by: By) -> Made:
        """A key that did not exist before; `BadRequest` where it would be of no use."""
        if wish.plan not in self.keys.plans():
            raise BadRequest(f"There is no plan '{wish.plan}'.", param="plan")
        if wish.expires_at is not None and wish.expires_at <= by.at:
            raise BadRequest("'expires_at' is in the past.", param="expires_at")
        return self._make(wish, by)

    def page(self, wanted: Wanted) -> Found:
        """Keys in the order of their ids."""
        after = unseal(wanted.after, _listing(wanted), self.peppers) if wanted.after is not None else None
        keys, more = self.keys.list(wanted.tenant, wanted.user, after=after, limit=wanted.limit)
        return Found(keys, seal(keys[-1].key_id, _listing(wanted), self.peppers) if more and keys else None)

    def get(self, key_id: str) -> Key:
        """One key."""
        key = self.keys.get(key_id)
        if key is None:
            raise NotFound("key", key_id)
        return key

    def rotate(self, key_id: str, overlap_seconds: int, by: By) -> Made:
        """A new key for the same owner, plan, scopes and end; the old one is good for `overlap_seconds` more."""
        old = self.get(key_id)
        if (state := state_of(old, by.at)) != "active":
            raise Conflict(f"Key '{key_id}' is {state}.")
        wish = NewKey(old.tenant, old.user, old.plan, old.scopes, old.name, old.expires_at)
        made = self._make(wish, by, in_place_of=key_id)
        self.keys.expire(key_id, int(by.at) + overlap_seconds, partial(key_ended, by, "key.expire"))
        return made

    def revoke(self, key_id: str, by: By) -> Key:
        """End a key at once and for good."""
        return self.keys.revoke(key_id, int(by.at), partial(key_ended, by, "key.revoke"))

    def _make(self, wish: NewKey, by: By, in_place_of: str | None = None) -> Made:
        self._unless_erased(wish)
        credential = mint(wish.tenant, wish.user, live=self.live, random=self.random(RANDOM_BYTES))
        peppers = self.peppers.holding()
        key = Key(
            key_id=credential.key_id,
            digest=peppers.digest(credential.token, peppers.current),
            pepper_version=peppers.current,
            created_at=int(by.at),
            **msgspec.structs.asdict(wish),
        )
        self.keys.put(key, key_made(by, key, in_place_of))
        if wish.plan not in self.keys.plans():  # it was deleted meanwhile
            self.revoke(key.key_id, by)
            raise BadRequest(f"There is no plan '{wish.plan}'.", param="plan")
        try:
            self._unless_erased(wish)  # nor meanwhile
        except Conflict:
            self.revoke(key.key_id, by)
            raise
        return Made(key, credential.token)

    def _unless_erased(self, wish: NewKey) -> None:
        """`Conflict` while a late call of a user who is being erased may still write."""
        found = self.erasures.get(owner_of(wish.tenant, wish.user))
        if found is not None and found.status == "in_progress":
            raise Conflict("This user is being erased: make the key once that is done.")


def _listing(wanted: Wanted) -> tuple[str, ...]:
    """What a cursor is good for: this list, of this owner."""
    return ("keys", wanted.tenant, "" if wanted.user is None else f"user:{wanted.user}")
