"""The way to OpenSearch: one client, made when it is first used, a time for each request, and errors in our words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from chalicelib.adapters.vectors.breaker import Breaker
from chalicelib.domain.errors import IndexUnavailable, Misconfigured

Service = Literal["", "es", "aoss"]
"""Who signs requests for whom: nobody, the managed service, or Serverless."""

_ABSENT: Final = 404
_KNOWN: Final = 400
_PORTS: Final = {"http": 80, "https": 443}


class Place(Struct, frozen=True):
    """Where an index is. `method` is the library that searches: Serverless has `faiss` alone."""

    hosts: tuple[str, ...]
    service: Service = ""
    region: str = ""
    method: Literal["lucene", "faiss"] = "lucene"

    @property
    def serverless(self) -> bool:
        """Whether ids are the service's own, and a refresh cannot be asked for."""
        return self.service == "aoss"


class Reply(Struct, frozen=True):
    """A status and what came with it."""

    status: int
    body: dict[str, Any]


def place(uri: str) -> Place:
    """Reads `opensearch+https://host[:port][,host…][?service=es|aoss&region=…&method=lucene|faiss]`."""
    parts = urlsplit(uri)
    scheme = parts.scheme.removeprefix("opensearch+")
    options = dict(parse_qsl(parts.query))
    if scheme not in _PORTS or not parts.netloc or "@" in parts.netloc or parts.path not in {"", "/"}:
        raise Misconfigured("An index is opensearch+https://host or opensearch+http://host, without a password.")
    hosts = tuple(_host(scheme, each) for each in parts.netloc.split(","))
    try:
        made = msgspec.convert({"hosts": hosts, **_chosen(options)}, Place)
    except msgspec.ValidationError as fault:
        raise Misconfigured(f"The index's URI cannot be read: {fault}") from fault
    if bool(made.service) != bool(made.region) or len(options) != len(options.keys() & {"service", "region", "method"}):
        raise Misconfigured("An index takes service and region together, and method.")
    return made


def _chosen(options: dict[str, str]) -> dict[str, str]:
    return ({"method": "faiss"} if options.get("service") == "aoss" else {}) | options


def _host(scheme: str, host: str) -> str:
    return f"{scheme}://{host if ':' in host else f'{host}:{_PORTS[scheme]}'}"


class Engine:
    """OpenSearch at a place. Nothing is sent twice; after several failures in a row, nothing is sent for a while.

    `clock` counts seconds from anywhere. A write may take `write_seconds`. Safe to share between threads.
    """

    def __init__(self, where: Place, *, clock: Callable[[], float], write_seconds: float = 2.0) -> None:
        self.place = where
        self.write_seconds = write_seconds
        self._breaker = Breaker(clock)
        self._lock = threading.Lock()
        self._client: Any = None

    def call(
        self, method: str, path: str, body: dict[str, Any] | Sequence[dict[str, Any]] | None = None, *, seconds: float
    ) -> Reply:
        """One request; a list is sent as lines. 400 and 404 are answers, anything else but success is a failure."""
        import opensearchpy
        import urllib3

        if not self._breaker.admits():
            raise IndexUnavailable("OpenSearch is left alone after it failed")
        options = {"request_timeout": urllib3.Timeout(total=seconds), "ignore": (_KNOWN, _ABSENT)}
        headers, sent = _encoded(body)
        try:
            transport = (self._client or self._connect()).transport
            found = transport.perform_request(method, path, params=options, body=sent, headers=headers)
        except opensearchpy.exceptions.OpenSearchException as fault:
            self._breaker.failed()
            raise IndexUnavailable(f"OpenSearch did not answer: {_words(fault)}") from fault
        except BaseException:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return _reply(found)

    def _connect(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client(self.place)
            return self._client


def _client(where: Place) -> Any:
    """The import takes 0.2 s: only where OpenSearch is used. What fails is told by an error, not by a log as well."""
    from opensearchpy import OpenSearch, Urllib3HttpConnection

    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    return OpenSearch(
        hosts=list(where.hosts),
        connection_class=Urllib3HttpConnection,
        http_auth=_signer(where) if where.service else None,
        max_retries=0,
        retry_on_timeout=False,
        pool_maxsize=64,
    )


def _signer(where: Place) -> Any:
    import botocore.session
    from opensearchpy import Urllib3AWSV4SignerAuth

    credentials = botocore.session.Session().get_credentials()
    if credentials is None:
        raise Misconfigured("OpenSearch cannot be called: there are no credentials")
    return Urllib3AWSV4SignerAuth(credentials, where.region, where.service)


def _encoded(body: dict[str, Any] | Sequence[dict[str, Any]] | None) -> tuple[dict[str, str], bytes | None]:
    if body is None:
        return {}, None
    if isinstance(body, dict):
        return {"content-type": "application/json"}, msgspec.json.encode(body)
    lines = b"".join(msgspec.json.encode(each) + b"\n" for each in body)
    return {"content-type": "application/x-ndjson"}, lines


def _reply(found: Any) -> Reply:
    """What the client makes of an answer: HEAD is a bool, anything else a dict with its status if it is no success."""
    if isinstance(found, bool):
        return Reply(200 if found else _ABSENT, {})
    body = found if isinstance(found, dict) else {}
    status = body.get("status", 200) if "error" in body else 200
    return Reply(status if isinstance(status, int) else _KNOWN, body)


def _words(fault: Any) -> str:
    """The kind of a fault and its status: a message may hold what was sent."""
    return f"{type(fault).__name__} {getattr(fault, 'status_code', '')}".rstrip()
