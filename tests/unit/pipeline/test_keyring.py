"""Keys and plans, also where two administrators meet."""

import pytest

from chalicelib.adapters.memory.erasures import MemoryErasures
from chalicelib.adapters.memory.keys import MemoryKeys
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.budget import Plan
from chalicelib.domain.erasure import Erasure
from chalicelib.domain.errors import BadRequest, Conflict, StoreUnavailable
from chalicelib.domain.identity import parse_token, state_of, verify
from chalicelib.domain.keys import NewKey
from chalicelib.pipeline.keyring import Keyring
from chalicelib.pipeline.plans import Plans
from tests.builders import BY, NOW, PEPPERS, a_catalogue

WISH = NewKey("acme", "ada", "free", frozenset({"chat"}))


class Interrupted(MemoryKeys):
    """Somebody else does something just before a call."""

    def __init__(self, before, meanwhile):
        super().__init__(Shelf())
        self.put_plan(Plan("free"))
        self.before, self.meanwhile = before, meanwhile

    def _interrupt(self, name):
        if name == self.before:
            self.before = None
            self.meanwhile(self)

    def put(self, key, note):
        self._interrupt("put")
        super().put(key, note)

    def drop_plan(self, name, note=None):
        self._interrupt("drop_plan")
        super().drop_plan(name, note)

    def expire(self, key_id, at, note):
        self._interrupt("expire")
        return super().expire(key_id, at, note)


def keyring(keys):
    return Keyring(keys, MemoryErasures(), PEPPERS, lambda size: bytes(range(size)), live=False)


def unavailable(_):
    raise StoreUnavailable("down")


def test_a_new_key_is_good_for_its_owner():
    keys = Interrupted(None, None)

    made = keyring(keys).create(WISH, BY)

    credential = parse_token(made.token)
    principal = verify(credential, keys.get(credential.key_id), PEPPERS, NOW)
    assert (principal.tenant, principal.user, principal.plan) == ("acme", "ada", "free")


def test_a_key_whose_plan_was_deleted_meanwhile_is_of_no_use():
    keys = Interrupted("put", lambda keys: keys.drop_plan("free"))

    with pytest.raises(BadRequest) as caught:
        keyring(keys).create(WISH, BY)

    assert caught.value.param == "plan"
    (left,), _ = keys.list("acme", None, after=None, limit=9)
    assert state_of(left, NOW) == "revoked"


def test_a_plan_that_was_given_while_it_was_deleted_stays():
    keys = Interrupted("drop_plan", lambda keys: keyring(keys).create(WISH, BY))

    with pytest.raises(Conflict):
        Plans(keys, a_catalogue()).delete("free", BY)

    assert keys.plans() == {"free": Plan("free")}


def test_an_old_key_stays_good_where_the_rotation_fails_half_way():
    keys = Interrupted("expire", unavailable)
    old = keyring(keys).create(WISH, BY).key

    with pytest.raises(StoreUnavailable):
        Keyring(keys, MemoryErasures(), PEPPERS, bytes, live=False).rotate(old.key_id, 0, BY)

    assert keys.get(old.key_id) == old


def test_a_user_who_is_being_erased_meanwhile_gets_no_key():
    erasures = MemoryErasures()
    begun = Erasure(tenant=WISH.tenant, user=WISH.user, started_at=int(NOW))
    keys = Interrupted("put", lambda _: erasures.put(begun))

    with pytest.raises(Conflict):
        Keyring(keys, erasures, PEPPERS, bytes, live=False).create(WISH, BY)

    made, _ = keys.list(WISH.tenant, WISH.user, after=None, limit=10)
    assert [key.revoked_at for key in made] == [int(NOW)]
