"""The web pages and what they load: files of `chalicelib/web`, read when the first of them is asked for.

What a page loads has the hash of all such files in its address: it never changes there, and is kept for a year.
"""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from chalice.app import Response
from msgspec import Struct

from chalicelib.domain.errors import NotFound
from chalicelib.edge.call import Call

HTML: Final = "text/html"
KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_WEB: Final = Path(__file__).parents[1] / "web"
_UTF8: Final = "; charset=utf-8"
_DIGITS: Final = 16
_OPEN: Final = {"X-DNS-Prefetch-Control": "off"}
_HEADERS: Final = {
    **_OPEN,
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
_ASSET: Final = {**_OPEN, "Cross-Origin-Resource-Policy": "same-origin"}
_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)


class Web(Struct, frozen=True):
    """Every file by its name: pages, and what they load from under `revision`."""

    pages: dict[str, str]
    assets: dict[str, str]
    revision: str


def page_response(call: Call, name: str, socket_url: str) -> Response:
    """A page, told where its files are and where a WebSocket opens; 304 where the caller has it already."""
    path = str(call.request.context.get("path") or "/")
    if name == "chat.html" and not path.endswith("/"):  # its relative addresses would miss the stage's name
        return Response("", {"Content-Type": HTML, "Location": f"{path.rpartition('/')[2]}/"}, 308)
    text = _filled(web(), name, socket_url)
    headers = {**_HEADERS, "Content-Security-Policy": policy(socket_url), "ETag": f'"{_digest(text)}"'}
    if headers["ETag"] in call.header("if-none-match"):
        return Response("", {"Content-Type": HTML + _UTF8, **headers}, 304)
    return Response(text, {"Content-Type": HTML + _UTF8, **headers})


def asset_response(revision: str, name: str) -> Response:
    """A file that a page loads, as long as it is of the revision that is served."""
    known = web()
    if revision != known.revision or name not in known.assets:
        raise NotFound("asset", name)
    kept = {"Content-Type": KINDS[Path(name).suffix] + _UTF8, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(known.assets[name], {**_ASSET, **kept})


def policy(socket_url: str) -> str:
    """What a page may load and whom it may call: this place, and the WebSocket's."""
    return "; ".join((*_POLICY, f"connect-src 'self' {socket_url}".rstrip()))


@cache
def web() -> Web:
    """The files as they are in the package."""
    pages = {each.name: each.read_text("utf-8") for each in _WEB.glob("*.html")}
    assets = {each.name: each.read_text("utf-8") for each in sorted(_WEB.iterdir()) if each.suffix in KINDS}
    return Web(pages, assets, _digest(*(part for pair in assets.items() for part in pair)))


def _filled(known: Web, name: str, socket_url: str) -> str:
    text = known.pages[name].replace("{{assets}}", f"assets/{known.revision}")
    return text.replace("{{socket}}", escape(socket_url, quote=True))


def _digest(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()[:_DIGITS]
