"""The way to a SageMaker endpoint: signed calls over kept connections, each with an end."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from msgspec import Meta, Struct
from urllib3.exceptions import ProtocolError

from chalicelib.adapters.http1.standing import PIECE
from chalicelib.adapters.models.kept import limit, pool
from chalicelib.adapters.models.openai_faults import translated, wait_in
from chalicelib.adapters.models.openai_upstream import DONE
from chalicelib.adapters.models.sagemaker_faults import fault
from chalicelib.adapters.models.sagemaker_stream import PartDecoder
from chalicelib.adapters.models.uri import parameters, split
from chalicelib.domain.errors import Misconfigured, ModelGarbled, ModelTimeout, ModelUnavailable
from chalicelib.ports import Clock

_WHOLE: Final = "invocations"
_STREAM: Final = "invocations-response-stream"
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_LARGEST_STREAM: Final = 128 * 1024 * 1024  # some 400 bytes a token, frames included
_LARGEST_LINE: Final = 1024 * 1024
_LARGEST_REFUSAL: Final = 16 * 1024
_DRAIN_SECONDS: Final = 0.2
_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")

Milliseconds = Annotated[int, Meta(ge=1, le=900_000)]


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of `sagemaker://endpoint/component`.

    `region` is the process's own where it is left out, `variant` the one that SageMaker chooses. An endpoint has one
    model: its name is sent where `model` says it. `cap` is the field that bounds the answer. `read_ms` is the longest
    silence, a whole answer's wait included: SageMaker gives a container up after 60 s and says so. `longest_ms` is
    the most for one answer, however slowly it trickles: SageMaker ends a stream after 8 minutes.
    """

    region: str = ""
    variant: str = ""
    model: str = ""
    cap: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    connect_ms: Milliseconds = 3_000
    read_ms: Milliseconds = 70_000
    longest_ms: Milliseconds = 480_000


class Region(Struct, frozen=True):
    """A Region's name, and where its runtime is."""

    name: str
    url: str


class SageMakerEndpoint:
    """Posts JSON to one endpoint, or one component of it; never retries, never follows a redirect.

    A client of boto3 has one read timeout for all its calls, and a call's patience is its own: so botocore says where
    and signs, and urllib3 sends.
    """

    def __init__(self, region: Region, names: tuple[str, str], limits: Parameters, *, clock: Clock = time.time) -> None:
        """`names` are the endpoint's and the component's, which may be empty."""
        endpoint, component = names
        self._region = region.name
        self._url = f"{region.url.rstrip('/')}/endpoints/{endpoint}/"
        self._limits = limits
        self._clock = clock
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": "tidegate",
            **({"X-Amzn-SageMaker-Inference-Component": component} if component else {}),
            **({"X-Amzn-SageMaker-Target-Variant": limits.variant} if limits.variant else {}),
        }

    def post(self, path: str, body: bytes, patience: float | None = None) -> bytes:  # noqa: ARG002
        """The body of the answer. An endpoint has no paths: its container knows a request by its fields."""
        wait = _Wait(self._limits, patience, self._clock)
        with translated():
            response = self._opened(_WHOLE, body, wait)
            try:
                return b"".join(_pieces(response, wait, _LARGEST_ANSWER))
            except ProtocolError as cut:  # it had begun to answer: tokens are burned
                raise ModelGarbled("The endpoint broke off in the middle of its answer.") from cut
            finally:
                response.close()

    def events(self, path: str, body: bytes, patience: float | None = None) -> Generator[str, Any]:  # noqa: ARG002
        """The data of each event, `[DONE]` included where it comes; closing it closes the connection.

        Send it True once an event said something: `patience` lasts until then.
        """
        wait = _Wait(self._limits, patience, self._clock)
        with translated():
            response = self._opened(_STREAM, body, wait)
            try:
                yield from _events(response, wait)
            except ProtocolError as cut:
                if not wait.said:  # it had begun to work
                    raise ModelGarbled("The endpoint broke off before it said anything.") from cut
                raise
            finally:
                response.close()

    def _opened(self, path: str, body: bytes, wait: _Wait) -> urllib3.BaseHTTPResponse:
        url = self._url + path
        response = pool().request(
            "POST",
            url,
            body=body,
            headers=self._signed(url, body),
            timeout=urllib3.Timeout(total=wait.left(), connect=self._limits.connect_ms / 1000, read=wait.silence()),
            redirect=False,
            preload_content=False,
        )
        if response.status == HTTPStatus.OK:
            return response
        try:
            refusal = response.read(_LARGEST_REFUSAL)
        finally:
            response.close()
        code = response.headers.get("x-amzn-errortype", "").partition(":")[0]
        raise fault(code, refusal, status=response.status, wait=wait_in(response.headers, self._clock()))

    def _signed(self, url: str, body: bytes) -> dict[str, str]:
        request = AWSRequest("POST", url, headers=self._headers, data=body)
        try:
            credentials = _session().get_credentials()
            if credentials is None:
                raise ModelUnavailable("The gateway has no AWS credentials.")
            SigV4Auth(credentials.get_frozen_credentials(), "sagemaker", self._region).add_auth(request)
        except BotoCoreError as broken:
            raise ModelUnavailable("The gateway has no AWS credentials.") from broken
        return dict(request.headers.items())


class _Wait:
    """How long the next byte may be waited for: until the router's patience ends, and once it was said, the limit."""

    def __init__(self, limits: Parameters, patience: float | None, clock: Clock) -> None:
        self._clock = clock
        self._silence = limits.read_ms / 1000
        self._last = clock() + limits.longest_ms / 1000
        self._first = self._last if patience is None else min(self._last, clock() + patience)
        self.said = False

    def left(self) -> float:
        """Seconds until the end."""
        seconds = (self._last if self.said else self._first) - self._clock()
        if seconds <= 0:
            raise ModelTimeout("The endpoint took too long.")
        return seconds

    def silence(self) -> float:
        """Seconds until the next byte at the latest."""
        return min(self._silence, self.left())


def connect(uri: str, *, clock: Clock = time.time) -> SageMakerEndpoint:
    """The endpoint that `sagemaker://endpoint/component` names; letters keep their case, as SageMaker minds it."""
    parts, asked = split(uri), parameters(uri, Parameters)
    names = (parts.netloc, parts.path.strip("/"))
    optional = [name for name in (names[1], asked.variant) if name]
    if parts.scheme != "sagemaker" or not all(_NAME.fullmatch(name) for name in (names[0], *optional)):
        raise Misconfigured("A SageMaker target is sagemaker://endpoint or sagemaker://endpoint/component.")
    try:
        return SageMakerEndpoint(_region(asked.region), names, asked, clock=clock)
    except BotoCoreError as unknown:
        raise Misconfigured(f"Target sagemaker://{names[0]} needs ?region=us-west-2: {unknown}") from unknown


def _events(response: urllib3.BaseHTTPResponse, wait: _Wait) -> Generator[str, Any]:
    decoder = PartDecoder(_LARGEST_LINE)
    for piece in _pieces(response, wait, _LARGEST_STREAM):
        for event in decoder.feed(piece):
            wait.said = (yield event) or wait.said
            if event == DONE:
                limit(response, _DRAIN_SECONDS)
                response.drain_conn()  # run to its end, and the connection serves the next call
                return
    for event in decoder.end():
        yield event


def _pieces(response: urllib3.BaseHTTPResponse, wait: _Wait, most: int) -> Iterator[bytes]:
    size = 0
    while True:
        limit(response, wait.silence())
        data = response.read1(PIECE)
        if not data:
            return
        size += len(data)
        if size > most:
            raise ModelGarbled("The endpoint's answer is too long.")
        yield data


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()  # of its own: the default one is not safe to share between threads


@cache
def _region(name: str) -> Region:
    unsigned = Config(signature_version=UNSIGNED)  # so that opening a target looks for no credentials
    meta = _session().client("sagemaker-runtime", region_name=name or None, config=unsigned).meta
    return Region(meta.region_name, meta.endpoint_url)
