"""A cursor is good for the list it was made for, as it was made: 10,000 changes of each kind, each refused with 400.

Lists that go on after an id take an id of their owner's; every other one is as unknown there as none.
"""

import base64
import logging
import time
from random import Random
from urllib.parse import quote

import pytest

from chalicelib import bootstrap
from chalicelib.domain import trail
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import tenant_tag
from chalicelib.domain.keys import Wanted
from chalicelib.domain.lessons import Search
from chalicelib.domain.turn_ids import turn_id
from chalicelib.edge.openapi.document import OPERATIONS
from chalicelib.edge.openapi.operation import AFTER
from tests.contract.test_decisions import ruling
from tests.functional.conftest import module_patch, quiet_world

__all__ = ["module_patch", "quiet_world"]

SEED = 31
MUTATIONS = 10_000
OVER_HTTP = 500
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/%. \x00é\n"
SEALED = ("/admin/keys", "/admin/usage", "/admin/cache/decisions", "/admin/audit")
BY_ID = {"/v1/conversations", "/v1/conversations/{conversation_id}/items", "/v1/responses/{response_id}/input_items"}
LISTS = ("tenant=acme", "tenant=evil", "tenant=acme&user=ada", "tenant=acme&user=bob", "tenant=evil&user=ada")
USERS = [(tenant, user) for tenant in ("acme", "evil") for user in ("ada", "bob")]


def mutated(cursor, random):
    """`cursor` with one to three letters changed, left out, added or swapped."""
    letters = list(cursor)
    for _ in range(random.randint(1, 3)):
        place, other = random.randrange(len(letters)), random.randrange(len(letters))
        match random.randrange(4):
            case 0:
                letters[place] = random.choice(SIGNS)
            case 1:
                del letters[place]
            case 2:
                letters.insert(place, random.choice(SIGNS))
            case _:
                letters[place], letters[other] = letters[other], letters[place]
    return "".join(letters)


def mutations(cursor, count):
    random = Random(SEED)
    made = 0
    while made < count:
        if (other := mutated(cursor, random)) != cursor:
            made += 1
            yield other


@pytest.fixture(scope="module", autouse=True)
def _silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def admin(quiet_world):
    """An administrator's key, in a world where each list has a second page."""
    decisions = bootstrap.services().review.decisions
    events, now = bootstrap.services().trail.events, time.time()
    for number, (tenant, user) in enumerate(USERS * 2):
        by = trail.By(turn_id(now, number.to_bytes(10, "big")), now, "", "")
        events.add(by.did("key.create", "k", whose=(tenant, user)))
        quiet_world.key(tenant, user)
        scope = AnswerScope(tenant_tag(tenant), user, "nova-lite", "p1", "wordllama://")
        decisions.put(ruling(number, of=scope, user=user))
    return quiet_world.key("ops", "root", scopes=frozenset({"admin"}))


@pytest.fixture(scope="module")
def ask(quiet_world, admin):
    def asked(path, query, after=""):
        text = f"{path}?{query}&limit=1" + (f"&after={quote(after, safe='')}" if after else "")
        return quiet_world.call("GET", text, key=admin)

    return asked


@pytest.fixture(scope="module")
def cursor(ask):
    """The cursor of a list's second page."""
    return lambda path, query="tenant=acme": ask(path, query).json["next"]


def refused(answer):
    return (answer.status, answer.error["param"]) == (400, "after")


def page_of(path, cursor):
    """The same page as `ask` would get, without a request around it."""
    if path == "/admin/cache/decisions":
        return bootstrap.services().review.page(Search(tenant="acme", before=cursor, limit=1))
    if path == "/admin/audit":
        return bootstrap.services().trail.page(trail.Search(tenant="acme", after=cursor, limit=1), time.time())
    return bootstrap.services().keyring.page(Wanted("acme", after=cursor, limit=1))


def test_every_list_is_one_of_these():
    assert {each.path for each in OPERATIONS if AFTER in each.query} == {*SEALED, *BY_ID}


@pytest.mark.parametrize("path", SEALED)
def test_a_cursor_leads_on(ask, cursor, path):
    assert ask(path, "tenant=acme", cursor(path)).status == 200
    assert page_of(path, cursor(path))


@pytest.mark.parametrize("path", SEALED)
def test_ten_thousand_changes_of_a_cursor_are_refused(cursor, path):
    for each in mutations(cursor(path), MUTATIONS):
        with pytest.raises(BadRequest) as caught:
            page_of(path, each)
        assert caught.value.param == "after"


@pytest.mark.parametrize("path", SEALED)
def test_a_changed_cursor_is_a_400(ask, cursor, path):
    answers = ((each, ask(path, "tenant=acme", each)) for each in mutations(cursor(path), OVER_HTTP))

    assert [each for each, answer in answers if not refused(answer)] == []


@pytest.mark.parametrize("path", SEALED)
def test_a_cursor_of_another_list_is_a_400(ask, cursor, path):
    strangers = [other for other in SEALED if {other, path} not in ({path}, {"/admin/keys", "/admin/usage"})]
    made = {(path, query): cursor(path, query) for query in LISTS}
    strange = {(other, query): cursor(other, query) for other in strangers for query in LISTS}

    for query in LISTS:
        for (of, made_for), each in {**made, **strange}.items():
            answer = ask(path, query, each)
            assert (answer.status == 200) == (of == path and made_for == query), (query, of, made_for)
            assert answer.status == 200 or refused(answer)


@pytest.mark.parametrize("more", ["&model=nova-lite", "&outcome=miss", "&user=ada", "&user=bob"])
def test_a_cursor_of_decisions_is_good_for_its_filters_alone(ask, cursor, more):
    path = "/admin/cache/decisions"

    assert refused(ask(path, f"tenant=acme{more}", cursor(path)))


@pytest.mark.parametrize("more", ["&action=key.create", "&since=1", "&before=99999999999", "&user=ada"])
def test_a_cursor_of_the_audit_trail_is_good_for_its_filters_alone(ask, cursor, more):
    assert refused(ask("/admin/audit", f"tenant=acme{more}", cursor("/admin/audit")))


@pytest.mark.parametrize("path", SEALED)
def test_a_cursor_of_ones_own_making_is_a_400(ask, cursor, path):
    mine = cursor(path)
    position = base64.urlsafe_b64decode(mine + "=" * (-len(mine) % 4))[32:]
    plain = [position, b"0" * 32 + position, b"\x00" + position, b"a" * 32, b"", b"{}", b"null"]
    texts = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in plain]

    for text in (
        *filter(None, texts),
        mine + "=",
        mine + "==",
        mine * 2,
        "x",
        "=",
        "🌊",
        "a" * 5_000,
        position.decode(),
    ):
        assert refused(ask(path, "tenant=acme", text)), text


@pytest.mark.parametrize("path", sorted(BY_ID))
def test_a_list_goes_on_after_no_id_of_another_owner(quiet_world, path):
    """A foreign id is answered as one that nobody has, and tells nothing of what is there."""
    theirs, mine = quiet_world.key("evil", "eve"), quiet_world.key("acme", "ada")
    bodies = {"items": [{"role": "user", "content": "Hi"}] * 2}
    foreign = quiet_world.call("POST", "/v1/conversations", bodies, key=theirs).json["id"]
    own = quiet_world.call("POST", "/v1/conversations", bodies, key=mine).json["id"]
    response = {"model": "nova-lite", "input": "Hi", "store": True}
    kept = quiet_world.call("POST", "/v1/responses", response, key=mine).json["id"]
    at = path.replace("{conversation_id}", own).replace("{response_id}", kept)
    unknown = "conv_" + turn_id(1, b"0" * 10)

    answers = [quiet_world.call("GET", f"{at}?after={each}", key=mine) for each in (foreign, unknown)]

    assert answers[0].status == answers[1].status
    assert answers[0].status in {400, 404}
    assert answers[0].body.replace(foreign.encode(), b"") == answers[1].body.replace(unknown.encode(), b"")
    assert answers[0].error["param"] == "after"
