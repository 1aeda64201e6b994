"""The pages' operations: for browsers, and without a key."""

from __future__ import annotations

from typing import Final

from chalicelib.edge.openapi.operation import Operation
from chalicelib.edge.pages import HTML, KINDS

PAGES: Final = (
    Operation("show_chat", "GET /", "Show the chat page", None, scope=None, as_well=(HTML,), bare=(304, 308)),
    Operation("show_usage", "GET /usage", "Show the usage page", None, scope=None, as_well=(HTML,), bare=(304,)),
    Operation(
        "show_asset",
        "GET /assets/{revision}/{name}",
        "Give a file that a page loads",
        None,
        scope=None,
        as_well=tuple(KINDS.values()),
    ),
)
