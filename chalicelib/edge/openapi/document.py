"""The OpenAPI document: 3.1, so that its schemas are JSON Schema as msgspec writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Final

import msgspec
from chalice.app import Response

from chalicelib.edge.conversation_wire import BareMessage, Items
from chalicelib.edge.gateway import JSON
from chalicelib.edge.openapi.administration import ADMINISTRATION
from chalicelib.edge.openapi.operation import Json, Operation, Query
from chalicelib.edge.openapi.operations import CONVERSATIONS, KEPT, READING, TURNS
from chalicelib.edge.openapi.pages import PAGES
from chalicelib.edge.problems import MOST_NAME, ErrorBody
from chalicelib.edge.responses_body import BareInput, Inputs

OPERATIONS: Final = (*READING, *TURNS, *KEPT, *CONVERSATIONS, *ADMINISTRATION, *PAGES)

_HEAD: Final[Json] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tidegate",
        "version": "1",
        "description": "OpenAI's API in front of many models, with limits, a cache and a line to wait in.",
    },
    "servers": [{"url": "/"}],
}
_KEY: Final[Json] = {"key": {"type": "http", "scheme": "bearer", "description": "A key of this gateway: tg_..."}}
_MODULE: Final = re.compile(rb"chalicelib\.(?:\w+\.)+")  # before the names of types, where msgspec joins some
_SCHEMAS: Final = "#/components/schemas/{name}"
_ONCE: Final = "With an `Idempotency-Key`, sent again it has its effect once, and the same answer."
_PREFER: Final = "`Prefer: respond-async` or `Prefer: wait=N` say how long to wait for a model that is full."


def openapi_response() -> Response:
    """The document, which changes with the release alone."""
    return Response(_encoded(), {"Content-Type": JSON, "Cache-Control": "public, max-age=300"})


def document(operations: Iterable[Operation] = OPERATIONS) -> Json:
    """The whole document as plain data."""
    every = tuple(operations)
    bodies = (kind for each in every for kind in (each.takes, each.gives, each.queued) if kind)
    kinds = (ErrorBody, BareMessage, BareInput, Items, Inputs, *bodies)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS)
    told = dict(zip(kinds, schemas, strict=True))
    paths: Json = {}
    for each in every:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, told)
    whole = {**_HEAD, "paths": paths, "components": {"schemas": components, "securitySchemes": _KEY}}
    plain: Json = msgspec.json.decode(_MODULE.sub(b"", msgspec.json.encode(whole)))
    return plain


@cache
def _encoded() -> str:
    return msgspec.json.encode(document()).decode()


def _operation(each: Operation, told: dict[object, Json]) -> Json:
    asked = {"requestBody": _body(told[each.takes], required=not each.may_be_empty)} if each.takes else {}
    return {
        "operationId": each.name,
        "summary": each.summary,
        "description": _words(each),
        "security": [{"key": []}] if each.scope else [{}, {"key": []}] if each.may_need_key else [],
        "parameters": [*map(_part, each.parts), *map(_query, each.query)],
        **asked,
        "responses": _responses(each, told),
    }


def _responses(each: Operation, told: dict[object, Json]) -> Json:
    media: Json = {kind: {"schema": {"type": "string"}} for kind in each.as_well}
    if each.gives:
        media = {JSON: {"schema": told[each.gives]}, **media}
    good: Json = {"200": {"description": "Done.", "content": media}}
    good |= {str(code): {"description": HTTPStatus(code).phrase + "."} for code in each.bare}
    if each.queued:
        good["202"] = {"description": "Taken: ask for it later.", "content": {JSON: {"schema": told[each.queued]}}}
    refused = {JSON: {"schema": told[ErrorBody]}}
    bad = {str(code): {"description": HTTPStatus(code).phrase + ".", "content": refused} for code in each.refusals}
    return {**good, **bad}


def _body(schema: Json, *, required: bool) -> Json:
    return {"required": required, "content": {JSON: {"schema": schema}}}


def _part(name: str) -> Json:
    schema = {"type": "string", "minLength": 1, "maxLength": MOST_NAME}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(query: Query) -> Json:
    return {"name": query.name, "in": "query", "required": query.required, "schema": query.schema}


def _words(each: Operation) -> str:
    return " ".join(words for words, true in ((_ONCE, each.method == "POST"), (_PREFER, each.queued)) if true)
