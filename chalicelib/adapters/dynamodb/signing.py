"""Signature version 4 for posts to one address; the key of the day is kept, which is most of the work."""

from __future__ import annotations

import hmac
import time
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote, urlsplit

from botocore.utils import normalize_url_path

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Signatory(Protocol):
    """Who signs, as botocore has it for one moment; temporary credentials come with a token."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


class Signer:
    """Signs what is posted to one URL. Safe to share between threads."""

    def __init__(self, url: str, region: str, service: str) -> None:
        self._host = _host(url)
        self._path = quote(normalize_url_path(urlsplit(url).path), safe="/~")
        self._scope = f"{region}/{service}/aws4_request"
        self._kept: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def headers(self, plain: dict[str, str], body: bytes, who: Signatory, now: float) -> dict[str, str]:
        """The headers to send: `plain`, which are in lower case and sorted, and those that prove who sends them."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        token = {"x-amz-security-token": who.token} if who.token else {}
        signed = {**plain, "host": self._host, "x-amz-date": moment, **token}
        names = sorted(signed)
        listed = ";".join(names)
        lines = "".join([f"{name}:{' '.join(signed[name].split())}\n" for name in names])
        canonical = f"POST\n{self._path}\n\n{lines}\n{listed}\n{sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{self._scope}"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(who.secret_key, moment[:8]), text.encode(), "sha256").hex()
        del signed["host"]  # the connection sends it
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={who.access_key}/{scope}, SignedHeaders={listed}, Signature={signature}"
        )
        return signed

    def _key(self, secret: str, day: str) -> bytes:
        kept_for, key = self._kept
        if kept_for == (secret, day):
            return key
        key = f"AWS4{secret}".encode()
        for part in (day, *self._scope.split("/")):
            key = hmac.digest(key, part.encode(), "sha256")
        self._kept = ((secret, day), key)
        return key


def _host(url: str) -> str:
    """The host as it is sent: with a port that is not the scheme's own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return host if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"
