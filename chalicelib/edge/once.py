"""`Idempotency-Key`: the view runs for the first call alone, and what it answered is sent to all others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Final

import msgspec
from chalice.app import Response

from chalicelib.domain.errors import AnswerWithheld, BadRequest, TidegateError
from chalicelib.domain.receipts import Told, fingerprint
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import SecretResponse, StreamedResponse
from chalicelib.edge.problems import ErrorBody, ErrorDetail, problem_response, refusal
from chalicelib.pipeline.once import Held, Once, Wish

KEY: Final = "idempotency-key"
REPLAYED: Final = "idempotent-replayed"
SHAPING: Final = ("accept", "cache-control", "content-type", "prefer")
"""The headers that another answer may depend on."""

_FORM: Final = re.compile(r"[\x21-\x7e]{1,255}")
_OF_THE_MOMENT: Final = "x-ratelimit-"  # what is left of a limit is not what was left
_WITHHELD: Final = (
    "The request with this Idempotency-Key was carried out, and its answer had a secret, which is shown once. "
    "If it got lost, make a new one with another Idempotency-Key."
)
_CUT: Final = ErrorDetail(
    "The caller left before the end of this answer. Send a new Idempotency-Key to ask again.",
    "conflict_error",
    None,
    "idempotency_answer_cut",
)

View = Callable[..., Response]


def answering_once(opened: Callable[[], Once]) -> Callable[[View], View]:
    """What makes a view answer each key once."""

    def decorate(view: View) -> View:
        @wraps(view)
        def single(call: Call, **path: str) -> Response:
            if KEY not in call.request.headers:
                return view(call, **path)
            once = opened()
            begun = once.begin(_wish(call))
            if isinstance(begun, Told):
                return _replayed(begun)
            return _first(view, call, path, _Ending(once, begun))

        single.answers_once = True  # type: ignore[attr-defined]
        return single

    return decorate


class _Ending:
    """What becomes of the receipt when the answer is there, or is not."""

    def __init__(self, once: Once, held: Held) -> None:
        self.held = held
        self._once = once

    def keep(self, response: Response, body: bytes) -> None:
        """Keep an answer for the twins; in the place of a secret, the word that there was one."""
        if isinstance(response, SecretResponse):
            self._once.withhold(self.held, _told(notice := refusal(AnswerWithheld(_WITHHELD)), notice.body.encode()))
        else:
            self._once.finish(self.held, _told(response, body))

    def stay(self) -> None:
        """Hold on while pieces come."""
        self.held = self._once.stay(self.held)

    def let_go(self) -> None:
        """Let the next call try."""
        self._once.let_go(self.held)


class Recorded(Iterator[bytes]):
    """Events on their way to the first caller, kept for the others before the last of them is sent."""

    def __init__(self, response: StreamedResponse, ending: _Ending) -> None:
        """Reads the response's own events in its place."""
        self._response = response
        self._events = response.events
        self._ending = ending
        self._sent: list[bytes] = []
        self._kept = False

    def __next__(self) -> bytes:
        """The next piece; a receipt is held for as long as they come."""
        try:
            piece = next(self._events)
        except StopIteration:
            self._keep()
            raise
        except BaseException:
            self._ending.let_go()
            raise
        self._sent.append(piece)
        if getattr(self._events, "over", False):
            self._keep()
        else:
            self._ending.stay()
        return piece

    def close(self) -> None:
        """End early: the twins are told as much as there is, and that there is no more."""
        if (close := getattr(self._events, "close", None)) is not None:
            close()
        if not self._kept:
            self._sent.append(b"data: " + msgspec.json.encode(ErrorBody(_CUT)) + b"\n\n")
            self._keep()

    def _keep(self) -> None:
        if not self._kept:
            self._kept = True
            self._ending.keep(self._response, b"".join(self._sent))


def _wish(call: Call) -> Wish:
    key = call.header(KEY)
    if _FORM.fullmatch(key) is None:
        raise BadRequest("'Idempotency-Key' is 1 to 255 visible ASCII characters.", param="Idempotency-Key")
    shaping = (call.header(name).encode() for name in SHAPING)
    whole = fingerprint(*(part.encode() for part in call.line), *shaping, call.raw())
    return Wish(call.credential, key, whole, call.turn_id, call.now)


def _first(view: View, call: Call, path: dict[str, str], ending: _Ending) -> Response:
    """The view's own answer, under the name that the receipt has for the turn."""
    receipt, left = ending.held.receipt, ending.held.left
    call = msgspec.structs.replace(call, turn_id=receipt.turn_id, left=left, is_again=receipt.is_inherited)
    try:
        response = _answer(view, call, path)
    except BaseException:
        ending.let_go()
        raise
    if isinstance(response, StreamedResponse):
        response.events = Recorded(response, ending)
    else:
        ending.keep(response, response.body.encode())
    return response


def _answer(view: View, call: Call, path: dict[str, str]) -> Response:
    try:
        return view(call, **path)
    except TidegateError as fault:
        return problem_response(fault, call.origin)


def _told(response: Response, body: bytes) -> Told:
    headers = {
        name: value
        for name, value in response.headers.items()
        if isinstance(value, str) and not name.lower().startswith(_OF_THE_MOMENT)
    }
    return Told(response.status_code, headers, body)


def _replayed(told: Told) -> Response:
    return Response(told.body.decode(), {**told.headers, REPLAYED: "true"}, told.status)
