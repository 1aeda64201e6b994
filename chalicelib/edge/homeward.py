"""Each call to its home: answered here, passed on to the Region where its tenant is at home, or read from what arrived.

A call is passed on once, and its answer told as it comes. Whoever is passed a call that is not its own says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from chalice.app import Request, Response

from chalicelib.domain.errors import TidegateError, Unauthorized
from chalicelib.domain.identity import parse_token
from chalicelib.domain.regions import HomeAway, HomeElsewhere
from chalicelib.edge.call import Call, begin
from chalicelib.edge.gateway import EVENT_STREAM, JSON, Headers, StreamedResponse
from chalicelib.edge.problems import SECURITY_HEADERS, error_body, guarded, problem_response
from chalicelib.pipeline.homes import Homes
from chalicelib.pipeline.services import Services
from chalicelib.ports.regions import Errand, Passed

FROM: Final = "x-tidegate-passed-on"
HOME: Final = "x-tidegate-home"
STALE: Final = "x-tidegate-stale"
_READABLE: Final = ("/v1/conversations", "/v1/responses", "/v1/models")
_ADMIN: Final = "/admin"
_OF_THE_HOP: Final = {
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "forwarded",
    "host",
    "keep-alive",
    "server",
    "te",
    "transfer-encoding",
    "upgrade",
    "via",
}
_OURS: Final = {"x-request-id", *map(str.lower, SECURITY_HEADERS)}  # set anew on the way out

Answer = Callable[[Request], Response]


def homeward(request: Request, answer: Answer, opened: Callable[[], Services]) -> Response:
    """The answer to a call, wherever that is made; `opened` is asked for what knows the Regions."""
    tag = _tenant(request)
    if tag is None:
        return answer(request)
    try:
        homes = opened().homes
        if homes is None or (elsewhere := _elsewhere(request, homes, tag)) is None:
            return answer(request)
    except TidegateError as fault:
        return _refused(fault)
    return _sent(request, homes, elsewhere) or _read_here(request, answer, elsewhere) or _refused(_silent(elsewhere))


def _elsewhere(request: Request, homes: Homes, tag: str) -> str | None:
    """The home of a call that is to be answered elsewhere; None where that is here."""
    home = homes.main if _path(request).startswith(_ADMIN) else homes.home(tag)  # what admins write, one Region writes
    try:
        homes.require(home)
    except HomeAway:
        if not _is_readable(request):
            raise
    except HomeElsewhere:
        if FROM in request.headers:
            raise
    else:
        return None
    return home


def _sent(request: Request, homes: Homes, home: str) -> Response | None:
    """What the home answers; None where it does not, or is on its way here."""
    seat = homes.seat(home)
    if seat.at == homes.here:
        return None
    try:
        return guarded(begin(), partial(_told, seat.at, homes.ask(seat, _errand(request, homes.here))))
    except HomeAway:
        return None
    except TidegateError as fault:
        return _refused(fault)


def _told(at: str, passed: Passed) -> Response:
    known = {name.lower(): text for name, text in passed.headers.items()}
    media = known.pop("content-type", JSON)
    headers: Headers = {name: text for name, text in known.items() if name not in _OF_THE_HOP | _OURS}
    headers |= {"Content-Type": media, HOME: at}
    if media.startswith(EVENT_STREAM):
        response = StreamedResponse(_events(passed.pieces), headers)
        response.status_code = passed.status
        return response
    return Response(b"".join(passed.pieces).decode(), headers, passed.status)


def _events(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The stream as it comes; where it breaks off, an event says so."""
    try:
        yield from pieces
    except HomeAway as cut:
        yield b"\n\ndata: " + msgspec.json.encode(error_body(cut)) + b"\n\n"


def _read_here(request: Request, answer: Answer, home: str) -> Response | None:
    """What arrived here of what is asked for, marked as such; None for what is more than reading."""
    if not _is_readable(request):
        return None
    response = answer(request)
    response.headers[STALE] = home
    return response


def _is_readable(request: Request) -> bool:
    return request.method == "GET" and _path(request).startswith(_READABLE)


def _silent(home: str) -> HomeAway:
    return HomeAway(f"The home of this key, {home}, does not answer. Try again in 30 s.")


def _refused(fault: TidegateError) -> Response:
    return problem_response(fault, begin().origin)


def _tenant(request: Request) -> str | None:
    """The tag of the tenant that a key claims; None where there is no key to speak of."""
    scheme, _, token = str(request.headers.get("authorization", "")).partition(" ")
    try:
        return parse_token(token.strip()).tenant_tag if scheme.lower() == "bearer" else None
    except Unauthorized:
        return None


def _errand(request: Request, here: str) -> Errand:
    event = _event(request)
    pairs = (event.get("multiValueQueryStringParameters") or {}).items()
    query = urlencode([(name, each) for name, values in pairs for each in values])
    headers = {name.lower(): str(text) for name, text in request.headers.items()}
    kept = {name: text for name, text in headers.items() if name not in _OF_THE_HOP and not _is_of_aws(name)}
    path = _path(request) + (f"?{query}" if query else "")
    return Errand(str(request.method), path, kept | {FROM: here}, Call(request, "", 0.0).raw())


def _is_of_aws(name: str) -> bool:
    return name.startswith(("x-forwarded-", "x-amz", "cloudfront-"))


def _path(request: Request) -> str:
    """The path as this API has it, whatever a domain of the operator's own puts before it."""
    path = str(request.path)
    for name, text in (request.uri_params or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(text), safe=""))
    return path


def _event(request: Request) -> dict[str, Any]:
    event: dict[str, Any] = request.to_original_event()
    return event
