"""Reading what a target's URI asks for."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from chalicelib.domain.errors import Misconfigured

Parameters = TypeVar("Parameters")


def split(uri: str) -> SplitResult:
    """The parts of `uri`; `Misconfigured` where it is none, carries a password, or has a `#` that cuts it off."""
    try:
        parts = urlsplit(uri)
        _ = parts.port  # parsed, and refused, on use
    except ValueError as fault:
        raise Misconfigured(f"A target's URI is malformed: {fault}.") from None
    if parts.username is not None or parts.password is not None:
        raise Misconfigured("A target's URI must not carry a user or a password.")
    if parts.fragment:
        raise Misconfigured("A target's URI must not have a '#': write '%23'.")
    return parts


def parameters(uri: str, into: type[Parameters]) -> Parameters:
    """The query of `uri` as `into`, whose fields say what is known; `Misconfigured` names what is not."""
    parts = split(uri)
    try:
        return msgspec.convert(dict(parse_qsl(parts.query, keep_blank_values=True)), into, strict=False)
    except msgspec.ValidationError as fault:
        raise Misconfigured(f"Target {parts.scheme}://{parts.netloc}{parts.path}: {fault}.") from fault
