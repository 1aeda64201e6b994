"""The management interface of API Gateway's WebSocket APIs.

A connection's name says where it is: `<API>/<stage>/<connection id>`. So a worker posts to it without knowing the API,
whose own functions cannot be told its address: it is made after them.

Requests are signed and sent by parts of botocore. Its client would add 35 ms to a cold start, and nothing to a call:
its answer is a status, and it is not tried again, as what was sent twice would be heard twice.
"""

from __future__ import annotations

import os
import socket
import threading
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import BotoCoreError, NoCredentialsError, NoRegionError, PartialCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from chalicelib.domain.errors import Misconfigured
from chalicelib.ports.sockets import Delivery

_OUTCOMES: Final[dict[int, Delivery]] = {
    HTTPStatus.OK: "sent",
    HTTPStatus.NO_CONTENT: "sent",
    HTTPStatus.GONE: "gone",
    HTTPStatus.BAD_REQUEST: "gone",  # no connection has such a name
    HTTPStatus.NOT_FOUND: "gone",  # nor is there such an API
}
"""What a status means; every other one passes."""

_SERVICE: Final = "execute-api"
_UNUSABLE: Final = (NoCredentialsError, NoRegionError, PartialCredentialsError)
_OPTIONS: Final[dict[str, Any]] = {
    "timeout": (1, 3),  # to connect, to read
    "max_pool_connections": 64,
    "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)],
}


class ApiGatewayTransport:
    """`Transport` over the management interface. Safe to share."""

    def __init__(self, endpoint: str = "", region: str | None = None) -> None:
        """`endpoint` with `{api}` and `{stage}` stands for AWS's own; where `region` is None, the environment says."""
        self._endpoint = endpoint
        self._region = region or ""
        self._lock = threading.Lock()
        self._session: botocore.session.Session | None = None
        self._https: dict[str, URLLib3Session] = {}

    def send(self, connection_id: str, frame: bytes) -> Delivery:
        """One PostToConnection."""
        return self._call("POST", connection_id, frame)

    def close(self, connection_id: str) -> None:
        """One DeleteConnection."""
        self._call("DELETE", connection_id)

    def _call(self, method: str, connection_id: str, frame: bytes = b"") -> Delivery:
        api, stage, name = connection_id.split("/", 2)
        try:
            session = self._opened()
            place = self._place(api, stage)
            request = self._signed(session, method, f"{place}/@connections/{quote(name, safe='')}", frame)
            return _outcome(self._http(session, place).send(request))
        except _UNUSABLE as fault:
            raise Misconfigured(f"connections cannot be posted to: {type(fault).__name__}") from fault
        except BotoCoreError:
            return "late"

    def _opened(self) -> botocore.session.Session:
        """The SDK's session, which knows credentials and Region."""
        with self._lock:
            if self._session is None:
                session = botocore.session.Session()
                self._region = self._region or session.get_config_variable("region") or ""
                if not self._region:
                    raise NoRegionError
                session.get_credentials()
                self._session = session
            return self._session

    def _signed(self, session: botocore.session.Session, method: str, url: str, frame: bytes) -> AWSPreparedRequest:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        request = AWSRequest(method, url, {"User-Agent": "tidegate"}, frame)
        SigV4Auth(credentials.get_frozen_credentials(), _SERVICE, self._region).add_auth(request)
        return request.prepare()

    def _http(self, session: botocore.session.Session, place: str) -> URLLib3Session:
        """Connections that are kept, with the SDK's certificates and proxies."""
        with self._lock:
            if place not in self._https:
                trusted: Any = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
                self._https[place] = URLLib3Session(trusted, get_environ_proxies(place), **_OPTIONS)
            return self._https[place]

    def _place(self, api: str, stage: str) -> str:
        if self._endpoint:
            return self._endpoint.format(api=api, stage=stage)
        domain = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
        return f"https://{api}.execute-api.{self._region}.{domain}/{stage}"


def _outcome(answer: AWSResponse) -> Delivery:
    if answer.status_code == HTTPStatus.FORBIDDEN:
        raise Misconfigured(f"connections may not be posted to: {answer.headers.get('x-amzn-errortype', 403)}")
    return _OUTCOMES.get(answer.status_code, "late")
