"""Where DynamoDB is, and over which connections: as botocore finds and makes them, without the 50 ms of its client."""

from __future__ import annotations

import os
import socket
from typing import Final

from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import NoRegionError
from botocore.session import Session
from botocore.utils import get_environ_proxies
from msgspec import Struct

from chalicelib.adapters.dynamodb.kept import KeptConnections

SERVICE: Final = "dynamodb"
AGENT: Final = "tidegate"  # botocore puts its own together anew for each request: a ninth of the call
_CONNECT_SECONDS: Final = 1
_READ_SECONDS: Final = 2
_CONNECTIONS: Final = 192  # as many as there are threads that ask, or each call beyond makes one of its own
_SOCKET: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))


class Place(Struct, frozen=True):
    """A URL, and the Region that is signed for there."""

    url: str
    region: str


def config() -> Config:
    """How botocore's client calls."""
    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=_CONNECTIONS,
        parameter_validation=False,
        tcp_keepalive=True,
        disable_request_compression=True,
        account_id_endpoint_mode="disabled",
        user_agent=AGENT,
    )


def place(session: Session, region: str | None, url: str | None) -> Place:
    """What botocore's client would call; where both are None, the environment and the SDK's files say."""
    region = region or session.get_config_variable("region")
    if not region:
        raise NoRegionError
    if url := url or _configured(session):
        return Place(url, region)
    loader = session.get_component("data_loader")
    rules = EndpointProvider(loader.load_service_model(SERVICE, "endpoint-rule-set-1"), loader.load_data("partitions"))
    found = rules.resolve_endpoint(
        Region=region,
        UseFIPS=bool(session.get_config_variable("use_fips_endpoint")),
        UseDualStack=bool(session.get_config_variable("use_dualstack_endpoint")),
    )
    (scheme,) = found.properties.get("authSchemes") or [{}]
    return Place(found.url, scheme.get("signingRegion", region))


def _configured(session: Session) -> str | None:
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    files = session.full_config, session.get_scoped_config()
    url: str | None = ConfiguredEndpointProvider(*files, SERVICE).provide()
    return url


def connections(session: Session, url: str) -> KeptConnections:
    """Kept ones, with the SDK's certificates and proxies; `send` raises botocore's errors."""
    return KeptConnections(
        url,
        verify=session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True,
        proxies=get_environ_proxies(url),
        timeout=(_CONNECT_SECONDS, _READ_SECONDS),
        max_pool_connections=_CONNECTIONS,
        socket_options=list(_SOCKET),
    )
