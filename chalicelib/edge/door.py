"""Where every HTTP call comes in: who failed too often is turned away, and pages are told what they may read.

A page may read answers where its origin is in TIDEGATE_ORIGINS. There are no cookies: whoever calls brings its own key.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from chalice.app import Chalice, Request, Response

from chalicelib.domain.strangers import TooManyFailures
from chalicelib.edge.call import Call, begin
from chalicelib.edge.problems import SECURITY_HEADERS, guarded, refusal, unsupported
from chalicelib.pipeline.services import Services

KEYED: Final = ("/v1/", "/admin/")  # every route below needs a key
METHODS: Final = ("DELETE", "GET", "POST")
ASKS_FIRST: Final = "OPTIONS"  # a browser, before it sends a key from a page of another origin
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": ", ".join(METHODS),
    "Access-Control-Allow-Headers": "Authorization, *",  # the star does not cover the first
    "Access-Control-Max-Age": "7200",
}

Answer = Callable[[Request], Response]
Opened = Callable[[], Services]


def open_to_pages(app: Chalice) -> None:
    """Give each path of `app` the method by which browsers ask: API Gateway lets in no method that a path has not."""
    for path in tuple(app.routes):
        app.route(path, methods=[ASKS_FIRST], content_types=[])(asked_first)


def asked_first(**_: str) -> Response:
    """The answer to a browser that asks, for whom no origin is known: `entered` says more, and reads nothing for it."""
    return Response("", {}, HTTPStatus.NO_CONTENT)


def entered(request: Request, answer: Answer, opened: Opened) -> Response:
    """The answer to a call, whoever makes it and whatever comes of it."""
    call = begin()
    response = guarded(call, partial(_shared, request, answer, opened, call))
    known = {name.lower() for name in response.headers}
    always = {**SECURITY_HEADERS, "x-request-id": call.request_id}
    response.headers.update({name: text for name, text in always.items() if name.lower() not in known})
    return response


def _shared(request: Request, answer: Answer, opened: Opened, call: Call) -> Response:
    """The answer, with word for the browser of a page that may read it."""
    origin = call.header("origin")
    is_known = origin.startswith("http") and origin.lower() in opened().reception.origins
    if request.method == ASKS_FIRST:
        response = asked_first()
        response.headers.update(_PREFLIGHT if is_known else {})
    else:
        response = _let_in(request, answer, opened, call)
    if is_known:
        response.headers.update({"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "*"})
    if origin:
        response.headers["Vary"] = ", ".join({"Origin": None, str(response.headers.get("Vary", "Origin")): None})
    return response


def _let_in(request: Request, answer: Answer, opened: Opened, call: Call) -> Response:
    """The answer to a call that is looked at: what came of it is remembered of its sender."""
    is_keyed, token = str(request.path).startswith(KEYED), call.header("authorization").partition(" ")[2].strip()
    if not is_keyed and not token:
        return _told(answer(request))
    strangers, source = opened().strangers, call.source
    try:
        strangers.turn_away(source, token, call.now)
    except TooManyFailures as fault:
        return refusal(fault)  # with no line in the log, of which a flood would make a flood
    response = _told(answer(request))
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        strangers.failed(source, token, call.now)
    elif is_keyed and response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        strangers.know(token)
    return response


def _told(response: Response) -> Response:
    """The answer in OpenAI's shape, where it is Chalice's own word for a method that a path does not have."""
    is_chalices = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    return unsupported(str(response.headers["Allow"])) if is_chalices else response
