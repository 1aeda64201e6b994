"""One HTTP call as the views see it: its parts taken from the API Gateway event, its body decoded into closed types."""

from __future__ import annotations

import base64
import re
import secrets
import time
from contextvars import ContextVar
from math import inf
from typing import Any, Final, TypeVar

import msgspec
from chalice.app import Request

from chalicelib.domain.errors import (
    BadRequest,
    Misconfigured,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMedia,
)
from chalicelib.domain.identity import Credential, parse_token
from chalicelib.domain.turn import Left
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id
from chalicelib.edge.gateway import current_request

MOST_BODY_BYTES: Final = 5 * 1024 * 1024  # a Lambda event may have 6 MB, with everything around the body
MOST_DEPTH: Final = 100  # of arrays and objects: what is decoded must be encoded again, wherever that happens
MOST_PARTS: Final = 100_000  # arrays and objects in a body
MOST_LENIENT_BYTES: Final = 65_536  # of a body that is decoded a second time for how it writes its numbers
MOST_WORDS: Final = 300  # characters of a fault, which may quote the body
SILENCE_SECONDS: Final = 75  # longer than a model may be silent, unless its target says otherwise

_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_CONTENT: Final = bytes(set(range(256)) - set(b"[]{}"))
_FIELD: Final = re.compile(r"(?P<kind>unknown|missing required) field `(?P<name>.*)`")
_NO_INTEGER: Final = ("Expected `int`, got `float`", "Expected `int | null`, got `float`")
_PATTERN: Final = re.compile(r"matching regex '.*'", re.DOTALL)
_CODES: Final = {"unknown": "unknown_parameter", "missing required": "missing_required_parameter"}

_begun: ContextVar[Call | None] = ContextVar("begun", default=None)

Body = TypeVar("Body")


class Call(msgspec.Struct, frozen=True):
    """A call with an id for what it does, and the time it came in, in epoch seconds.

    From `until` on, nothing is begun that its function might not live to end.
    Where an earlier call of that id broke off, it `is_again`; what is `left` of its turn is there too.
    """

    request: Request
    turn_id: str
    now: float
    left: Left | None = None
    is_again: bool = False
    until: float = inf

    @property
    def request_id(self) -> str:
        """API Gateway's id of this request, or the call's own where there is none."""
        context: dict[str, Any] = self.request.context
        return str(context.get("requestId") or self.turn_id)

    @property
    def source(self) -> str:
        """Where it comes from."""
        return address_of(self.request.context)

    @property
    def origin(self) -> dict[str, str]:
        """What a log line says of the call: its request id, and its route with no name that a caller chose."""
        context: dict[str, Any] = self.request.context
        route = str(context.get("resourcePath") or "")
        return {"request_id": self.request_id, "method": str(self.request.method), "route": route}

    @property
    def credential(self) -> Credential:
        """The token of the `Authorization` header, read but not verified."""
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("Missing API key: send 'Authorization: Bearer tg_…'.")
        return parse_token(token.strip())

    @property
    def has_body(self) -> bool:
        """Whether the call has a body at all."""
        event: dict[str, Any] = self.request.to_original_event()
        return bool(event.get("body"))

    @property
    def line(self) -> tuple[str, str, str]:
        """Method, path and query."""
        query: Any = self.request.query_params or {}
        pairs = sorted((str(name), str(query[name])) for name in query)
        path = self.request.context.get("path") or self.request.path
        return str(self.request.method), str(path), msgspec.json.encode(pairs).decode()

    def header(self, name: str) -> str:
        """A header by its name in lower case; nothing where it is not sent."""
        return str(self.request.headers.get(name, ""))

    def path(self, name: str) -> str:
        """A part of the path."""
        return str((self.request.uri_params or {})[name])

    def query(self, name: str) -> str | None:
        """A parameter of the query, the last where it is repeated."""
        query: Any = self.request.query_params or {}
        value: str | None = query.get(name)
        return value

    def query_or(self, name: str, default: str) -> str:
        """The same where it has a default: an empty one is not a missing one."""
        value = self.query(name)
        return default if value is None else value

    def body(self, kind: type[Body]) -> Body:
        """The JSON body as `kind`; `BadRequest` names the field at fault. Nobody's body is not read."""
        _ = self.credential
        media = self.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if media != "application/json":
            raise UnsupportedMedia(media)
        return decode(self.raw(), kind)

    def raw(self) -> bytes:
        """The body as it was sent."""
        event: dict[str, Any] = self.request.to_original_event()
        text: str | bytes = event.get("body") or ""
        if len(text) > MOST_BODY_BYTES * 4 // 3 + 4:
            raise _too_large()
        if event.get("isBase64Encoded"):
            try:
                raw = base64.b64decode(text, validate=True)
            except ValueError as fault:
                raise BadRequest("The body is not valid base64.", code="invalid_body") from fault
        else:
            raw = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
        if len(raw) > MOST_BODY_BYTES:
            raise _too_large()
        return raw


def begin() -> Call:
    """The call that this thread is handling: with a new id, at the time of the clock, where it is first asked for."""
    request, begun = current_request(), _begun.get()
    if request is None:
        raise Misconfigured("no request is being handled")
    if begun is not None and begun.request is request:
        return begun
    context: Any = request.lambda_context
    now, left = time.time(), context.get_remaining_time_in_millis() / 1000
    until = now + max(left / 2, left - SILENCE_SECONDS)
    begun = Call(request, turn_id(now, secrets.token_bytes(RANDOM_BYTES)), now, until=until)
    _begun.set(begun)
    return begun


def address_of(context: dict[str, Any]) -> str:
    """The address that API Gateway saw: a caller may write what it likes into `X-Forwarded-For`."""
    identity: dict[str, Any] = context.get("identity") or {}
    return str(identity.get("sourceIp") or "")


def decode(raw: bytes, kind: type[Body]) -> Body:
    """`raw` JSON as `kind`, or the `BadRequest` that says what is wrong with it."""
    try:
        decoded = _decoded(raw, kind)
    except msgspec.ValidationError as fault:
        raise _invalid(str(fault)) from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise BadRequest(f"The body is not valid JSON: {fault}", code="invalid_json") from fault
    except RecursionError as fault:
        raise _too_deep() from fault
    _check_nest(raw)
    return decoded


def convert(value: object, kind: type[Body]) -> Body:
    """A decoded value as `kind`, or the `BadRequest` that says what is wrong with it."""
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError as fault:
        raise _invalid(str(fault)) from fault


def _decoded(raw: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as fault:
        if len(raw) > MOST_LENIENT_BYTES or not str(fault).startswith(_NO_INTEGER):
            raise
        return msgspec.convert(_whole(msgspec.json.decode(raw)), type=kind)


def _whole(value: Any) -> Any:
    """A decoded value whose whole numbers are integers, however they are written: to JSON 4.0 is 4."""
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_nest(valid: bytes) -> None:
    """`PayloadTooLarge` for more arrays and objects, or deeper ones, than are encoded again wherever that happens."""
    if valid.count(b"[") + valid.count(b"{") <= MOST_DEPTH:
        return
    nest = _STRING.sub(b"", valid).translate(_SQUARE, _CONTENT)
    if len(nest) > 2 * MOST_PARTS:
        raise PayloadTooLarge(f"The body has more than {MOST_PARTS} arrays and objects.")
    for _ in range(MOST_DEPTH):
        nest = nest.replace(b"[]", b"")  # all that is innermost at once: no step for each bracket
    if nest:
        raise _too_deep()


def _too_deep() -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is nested more than {MOST_DEPTH} deep.")


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {MOST_BODY_BYTES} bytes.")


def _invalid(text: str) -> BadRequest:
    """OpenAI's error for one of msgspec's: the path becomes `param`, with the name of a field at fault."""
    fault, param = _located(text)
    found = _FIELD.search(fault)
    if found is None:
        fault = _PATTERN.sub("of the form that /openapi.json tells", fault)[:MOST_WORDS]
        return BadRequest(f"Invalid value for '{param}': {fault}." if param else f"{fault}.", param=param or None)
    param = f"{param}.{found['name']}" if param else found["name"]
    words = "Unknown parameter" if found["kind"] == "unknown" else "Missing required parameter"
    return BadRequest(f"{words}: '{param[:200]}'.", param=param[:200], code=_CODES[found["kind"]])


def _located(text: str) -> tuple[str, str]:
    """What msgspec says, and the path to where it says it."""
    head, _, path = text.rpartition("`$")
    for where in (" - at `key` in ", " - at "):
        if head.endswith(where):
            return head.removesuffix(where), path.removesuffix("`").lstrip(".")[:200]
    return text, ""
