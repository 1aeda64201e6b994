"""The document that describes the API says what the app does; `World.call` holds every answer of these suites to it."""

import json

import jsonschema
import pytest

from app import app
from chalicelib.edge.call import Call
from chalicelib.edge.door import METHODS
from chalicelib.edge.openapi.document import OPERATIONS, document
from tests.functional.test_authorisation import BODIES, SCOPES
from tests.functional.world import filled


def test_the_document_is_served_to_anybody(world):
    answer = world.call("GET", "/openapi.json")

    assert (answer.status, answer.json) == (200, json.loads(json.dumps(document())))
    assert answer.headers["cache-control"] == "public, max-age=300"


def test_every_route_is_described_under_the_name_of_its_view():
    routes = {
        (f"{method} {path}", entry.view_function.__name__)
        for path, entries in app.routes.items()
        for method, entry in entries.items()
        if method in METHODS
    }

    assert {(each.line, each.name) for each in OPERATIONS} == routes
    assert len(OPERATIONS) == len(routes)


def test_every_scope_is_the_one_that_the_route_asks_for():
    assert {(each.method, each.path): each.scope for each in OPERATIONS} == SCOPES


@pytest.mark.parametrize("each", [each for each in OPERATIONS if each.method != "GET"], ids=lambda each: each.name)
def test_a_body_is_decoded_into_the_type_that_is_described(world, monkeypatch, each):
    kinds = []
    body = Call.body
    monkeypatch.setattr(Call, "body", lambda call, kind: kinds.append(kind) or body(call, kind))
    key = world.key(scopes=frozenset({"chat", "admin"}))

    world.call(each.method, filled(each.path), BODIES.get(each.path), key=key)

    assert kinds == ([each.takes] if each.takes else [])


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere():
    told = document()
    jsonschema.Draft202012Validator.check_schema({"$defs": told["components"]["schemas"]})
    text = json.dumps(told)
    for pointer in {after.partition('"')[0] for after in text.split('"#/components/schemas/')[1:]}:
        place = told["components"]["schemas"]
        for step in pointer.split("/"):
            place = place[step]
        assert place


def test_what_a_body_may_not_have_is_told():
    closed = {name: each for name, each in document()["components"]["schemas"].items() if name.endswith("Body")}
    taken = {each.takes.__name__ for each in OPERATIONS if each.takes}

    assert taken <= set(closed)
    assert all(closed[name]["additionalProperties"] is False for name in taken)
