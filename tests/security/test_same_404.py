"""Somebody else's object is the same 404 as one that nobody has: in status, body, headers and reads of the database.

The rows are the API's own description: a new route with a name in it, or a new field that names an object, needs one.
"""

import functools
import logging

import pytest
from msgspec import Struct
from msgspec.structs import fields

from chalicelib.adapters.dynamodb.client import Database
from chalicelib.domain.identity import parse_token
from chalicelib.edge.openapi.document import OPERATIONS
from tests.functional.conftest import module_patch, quiet_world
from tests.functional.test_authorisation import BODIES
from tests.security.objects import CHAT, OWNER, STRANGERS, alike, asked, made, unlike

__all__ = ["module_patch", "quiet_world"]

OWNED = {"conversation_id", "item_id", "response_id", "job_id"}
"""Parts of a path that name what one user has; `model_id` names what a plan allows."""

NAMING = [each for each in OPERATIONS if each.parts and each.scope == "chat" and each.parts != ("model_id",)]
OF_ADMINISTRATORS = [each for each in OPERATIONS if each.parts and each.scope == "admin"]
FIELDS = [
    (CHAT, lambda has: asked(conversation=has["conversation_id"])),
    (CHAT, lambda has: asked(conversation=has["conversation_id"], stream=True)),
    ("/v1/responses", lambda has: {"model": "nova-lite", "input": "Hi", "conversation": has["conversation_id"]}),
    (
        "/v1/responses",
        lambda has: {"model": "nova-lite", "input": "Hi", "conversation": {"id": has["conversation_id"]}},
    ),
    ("/v1/responses", lambda has: {"model": "nova-lite", "input": "Hi", "previous_response_id": has["response_id"]}),
    ("/v1/cache/feedback", lambda has: {"id": has["answer"], "correct": False}),
]
NAMED_IN_BODIES = {
    (CHAT, "conversation"),
    ("/v1/responses", "conversation"),
    ("/v1/responses", "previous_response_id"),
    ("/v1/cache/feedback", "id"),
}


@pytest.fixture(scope="module", autouse=True)
def _silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def theirs(quiet_world):
    return made(quiet_world, quiet_world.key(*OWNER))


@pytest.fixture(scope="module")
def nobodys(theirs):
    return {part: unlike(name) for part, name in theirs.items()}


@pytest.fixture(scope="module", params=STRANGERS, ids="@".join)
def stranger(quiet_world, request):
    return quiet_world.key(*request.param)


@pytest.fixture
def unchanged(quiet_world, stranger, theirs):
    before = quiet_world.everything(but_for_trail=True)
    yield
    assert quiet_world.everything(but_for_trail=True) == before


@pytest.fixture
def reads(monkeypatch):
    """What is asked of the database."""
    done, call = [], Database.call

    def counted(self, operation, *given, **options):
        done.append(operation)
        return call(self, operation, *given, **options)

    monkeypatch.setattr(Database, "call", counted)
    return done


@pytest.fixture
def compare(quiet_world, reads, theirs, nobodys):
    """The answer that both names get."""
    names = [*theirs.values(), *nobodys.values()]

    def compared(key, method, path, body):
        answers, asked_of = [], []
        for has in (theirs, nobodys):
            reads.clear()
            answers.append(quiet_world.call(method, path(has), body(has), key=key))
            asked_of.append([*reads])
        assert alike(*answers, names), answers
        assert asked_of[0] == asked_of[1]
        return answers[0]

    return compared


def at(operation, has):
    return functools.reduce(lambda path, part: path.replace(f"{{{part}}}", has[part]), operation.parts, operation.path)


def test_every_name_in_a_path_is_of_a_kind_that_is_known():
    assert {part for each in NAMING for part in each.parts} == OWNED


def test_every_field_that_names_an_object_has_a_row():
    found = {
        (each.path, field.encode_name)
        for each in OPERATIONS
        if each.scope == "chat" and isinstance(each.takes, type) and issubclass(each.takes, Struct)
        for field in fields(each.takes)
        if field.encode_name in {"id", "conversation"} or field.encode_name.endswith("_id")
    }

    assert found == NAMED_IN_BODIES
    assert {path for path, _ in FIELDS} == {path for path, _ in NAMED_IN_BODIES}


@pytest.mark.parametrize("operation", NAMING, ids=[each.line for each in NAMING])
def test_what_is_anothers_is_as_unknown_as_what_is_nobodys(stranger, unchanged, compare, operation):
    body = BODIES[operation.path] if operation.method == "POST" else None

    answer = compare(stranger, operation.method, lambda has: at(operation, has), lambda _: body)

    assert (answer.status, answer.error["code"]) == (404, "not_found")


@pytest.mark.parametrize("place", range(len(FIELDS)))
def test_a_field_names_nothing_of_anothers(stranger, unchanged, compare, place):
    path, body = FIELDS[place]

    answer = compare(stranger, "POST", lambda _: path, body)

    assert (answer.status, answer.error["code"]) in {(404, "not_found"), (400, "previous_response_not_found")}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_item_is_of_its_own_conversation_alone(quiet_world, stranger, compare, method):
    own = made(quiet_world, stranger)["conversation_id"]

    answer = compare(stranger, method, lambda has: f"/v1/conversations/{own}/items/{has['item_id']}", lambda _: None)

    assert answer.status == 404


def test_a_model_that_the_plan_lacks_is_as_unknown_as_none(quiet_world):
    key = quiet_world.key("acme", "cleo", plan=quiet_world.plan(name="small", models=("nova-lite",)))
    names = ("claude-haiku-4-5", "gpt-7")

    answers = [quiet_world.call("GET", f"/v1/models/{name}", key=key) for name in names]

    assert answers[0].status == 404
    assert alike(*answers, names)


@pytest.mark.parametrize("operation", OF_ADMINISTRATORS, ids=[each.line for each in OF_ADMINISTRATORS])
def test_who_is_no_administrator_learns_of_no_name(quiet_world, stranger, unchanged, operation):
    has = {"name": "standard", "tenant": "acme", "user": "ada", "key_id": parse_token(stranger).key_id}
    body = BODIES.get(operation.path) if operation.method == "POST" else None
    paths = [
        at(operation, dict.fromkeys(operation.parts, "nobody") | has),
        at(operation, dict.fromkeys(operation.parts, "nobody")),
    ]

    answers = [quiet_world.call(operation.method, path, body, key=stranger) for path in paths]

    assert answers[0].status == 403
    assert alike(*answers, has.values())


def test_the_owner_still_has_it_all(quiet_world, theirs):
    key = quiet_world.key(*OWNER)
    kept = [each for each in NAMING if each.method == "GET"]

    answers = {each.line: quiet_world.call("GET", at(each, theirs), key=key).status for each in kept}

    assert answers == dict.fromkeys(answers, 200)
