"""Every answer of the app held against the document that describes it."""

import functools
import json
import re

import jsonschema

from chalicelib.edge.openapi.document import document

_TOLD = document()
_ROUTES = [
    (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), operations)
    for path, operations in _TOLD["paths"].items()
]


@functools.cache
def _validator(text):
    return jsonschema.Draft202012Validator({**json.loads(text), "components": _TOLD["components"]})


def told_of(method, path):
    """What the document says of a call; None where it knows no such route."""
    found = [operations for route, operations in _ROUTES if route.fullmatch(path.partition("?")[0])]
    return next((each[method.lower()] for each in found if method.lower() in each), None)


def check(method, path, answer):
    """Fail where an answer has a status or a body that nobody is told of."""
    told = told_of(method, path)
    if told is None:
        return
    assert str(answer.status) in told["responses"], (method, path, answer)
    content = told["responses"][str(answer.status)].get("content")
    if content is None:
        assert not answer.body, (method, path, answer)
        return
    media = answer.headers.get("content-type", "").partition(";")[0]
    assert media in content, (method, path, answer)
    if media == "application/json":
        faults = _validator(json.dumps(content[media]["schema"])).iter_errors(answer.json)
        assert not [f"{fault.json_path}: {fault.message}" for fault in faults], (method, path)
