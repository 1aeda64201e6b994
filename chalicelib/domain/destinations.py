"""Where a notice may go: the public internet over TLS, nowhere that only this machine or its network can reach.

A URL is read by one strict grammar: what two readers could understand in two ways is refused. Whatever a name resolves
to is judged by `is_public`, and the connection goes to the address that was judged.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from msgspec import Struct

from chalicelib.domain.errors import BadRequest

PARAM: Final = "webhook.url"
LOOPBACK: Final = "127.0.0.1"
MOST_CHARACTERS: Final = 2_000
HTTPS_PORT: Final = 443
_PORTS: Final = {"http": 80, "https": HTTPS_PORT}
_MOST_PORT: Final = 65_535
_MOST_NAME: Final = 253

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/(?:[a-z0-9._~!$&'()*+,;=:@/-]|%[0-9a-f]{2})*)?(?:\?(?:[a-z0-9._~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*)?)",
    re.ASCII | re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_NAMES: Final = frozenset({"home", "internal", "intranet", "lan", "local", "localdomain", "localhost", "private"})

_NOT_PUBLIC_4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by carriers
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: the metadata of the machine
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_GLOBAL_6: Final = ipaddress.IPv6Network(
    "2000::/3"
)  # without loopback, mapped, NAT64, unique local and link-local ones
_NOT_PUBLIC_6: Final = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # Teredo and other protocols
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",
        ),
    )
)


class Reach(Struct, frozen=True):
    """What an operator lets notices reach: `ports`; with `loopback`, this machine too, in the clear, for tests."""

    ports: frozenset[int] = frozenset({HTTPS_PORT})
    loopback: bool = False


class Destination(Struct, frozen=True):
    """A URL in its parts; `host` has no brackets."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def authority(self) -> str:
        """The host as a request names it, with a port that is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"


def destination(url: str, reach: Reach) -> Destination:
    """The parts of a URL that a notice may go to, as far as the URL itself tells; else a `BadRequest` says why."""
    found = _URL.fullmatch(url) if len(url) <= MOST_CHARACTERS else None
    if found is None:
        raise _refused("is not a URL like https://hooks.example.com/path, without user, password and fragment")
    scheme, host = found["scheme"].lower(), found["host"].lower().strip("[]")
    port = int(found["port"] or _PORTS[scheme])
    path = found["path"]
    place = Destination(host, port, path if path.startswith("/") else f"/{path}", tls=scheme == "https")
    if reach.loopback and host == LOOPBACK and 0 < port <= _MOST_PORT:
        return place
    if not place.tls:
        raise _refused("does not begin with https://")
    if port not in reach.ports:
        raise _refused(f"has a port other than {', '.join(map(str, sorted(reach.ports)))}")
    _check_host(host)
    return place


def is_public(address: str) -> bool:
    """Whether anybody on the internet reaches the same machine at an address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        return found in _GLOBAL_6 and not any(found in each for each in _NOT_PUBLIC_6)
    return not any(found in each for each in _NOT_PUBLIC_4)


def _check_host(host: str) -> None:
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        if not is_public(host):
            raise _refused("names an address that is not public, or not in its usual form")
    elif len(host) > _MOST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise _refused("has a host that is no name")
    elif len(labels) == 1 or labels[-1] in _LOCAL_NAMES or labels[-2:] == ["home", "arpa"]:
        raise _refused("names a host that is not public")


def _refused(why: str) -> BadRequest:
    return BadRequest(f"'{PARAM}' {why}.", param=PARAM)
