"""The management interface of API Gateway's WebSocket APIs.

A connection's name says where it is: `<API>/<stage>/<connection id>`. So a worker posts to it without knowing the API,
whose own functions cannot be told its address: it is made after them.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from chalicelib.domain.errors import Misconfigured
from chalicelib.ports.sockets import Delivery

_OUTCOMES: Final[dict[int, Delivery]] = {
    HTTPStatus.GONE: "gone",
    HTTPStatus.BAD_REQUEST: "gone",  # no connection has such a name
    HTTPStatus.NOT_FOUND: "gone",  # nor is there such an API
}
"""What a refusal means; every other one passes."""

_UNUSABLE: Final = (NoCredentialsError, NoRegionError, PartialCredentialsError)


class ApiGatewayTransport:
    """`Transport` over the management interface. Safe to share."""

    def __init__(self, endpoint: str = "", region: str | None = None) -> None:
        """`endpoint` with `{api}` and `{stage}` stands for AWS's own; where `region` is None, the environment says."""
        self._endpoint = endpoint
        self._region = region
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    def send(self, connection_id: str, frame: bytes) -> Delivery:
        """One PostToConnection."""
        return self._call("post_to_connection", connection_id, Data=frame)

    def close(self, connection_id: str) -> None:
        """One DeleteConnection."""
        self._call("delete_connection", connection_id)

    def _call(self, operation: str, connection_id: str, **request: bytes) -> Delivery:
        api, stage, name = connection_id.split("/", 2)
        try:
            getattr(self._client(api, stage), operation)(ConnectionId=name, **request)
        except ClientError as fault:
            return _outcome(fault)
        except _UNUSABLE as fault:
            raise Misconfigured(f"connections cannot be posted to: {type(fault).__name__}") from fault
        except BotoCoreError:
            return "late"
        return "sent"

    def _client(self, api: str, stage: str) -> Any:
        with self._lock:
            if self._session is None:
                self._session = botocore.session.Session()
            if (api, stage) not in self._clients:
                region = self._region or self._session.get_config_variable("region")
                self._clients[api, stage] = self._session.create_client(
                    "apigatewaymanagementapi",
                    region_name=region,
                    endpoint_url=self._place(api, stage, str(region)),
                    config=_config(),
                )
            return self._clients[api, stage]

    def _place(self, api: str, stage: str, region: str) -> str:
        if self._endpoint:
            return self._endpoint.format(api=api, stage=stage)
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"https://{api}.execute-api.{region}.{domain}/{stage}"


def _config() -> Config:
    return Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 1},  # what was sent twice would be heard twice
        max_pool_connections=64,
        parameter_validation=False,
        tcp_keepalive=True,
        user_agent="tidegate",
    )


def _outcome(fault: ClientError) -> Delivery:
    response: dict[str, Any] = {**fault.response}
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status == HTTPStatus.FORBIDDEN:
        raise Misconfigured(f"connections may not be posted to: {response['Error'].get('Code', status)}") from fault
    return _OUTCOMES.get(status, "late")
