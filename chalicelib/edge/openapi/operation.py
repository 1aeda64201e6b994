"""One operation of the API as the document tells it."""

from __future__ import annotations

import re
from typing import Any, Final

from msgspec import Struct

from chalicelib.domain.identity import Scope

Json = dict[str, Any]

CSV: Final = "text/csv"
_PART: Final = re.compile(r"\{(\w+)\}")


class Query(Struct, frozen=True):
    """A parameter of the query, with the JSON Schema of its value."""

    name: str
    schema: Json
    required: bool = False


LIMIT: Final = Query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
AFTER: Final = Query("after", {"type": "string"})
HISTORY: Final = Query("history", {"type": "string", "description": "`1` or `true`"})


class Operation(Struct, frozen=True):
    """What a route takes and gives. `name` is its view's, `line` its method and path; no `scope`: no key.

    `takes` and `gives` are the types of the two bodies, `queued` that of the answer to what has to wait; `as_well` are
    other media that the answer may come in, all of them where it `gives` nothing; `bare` are statuses without a body. A
    `turn` is limited, and may fail with the model. What `may_conflict` is refused while somebody has it. Without a
    scope it `may_need_key` all the same, for some of what it tells.
    """

    name: str
    line: str
    summary: str
    gives: Any
    takes: Any = None
    may_be_empty: bool = False
    scope: Scope | None = "chat"
    query: tuple[Query, ...] = ()
    as_well: tuple[str, ...] = ()
    turn: bool = False
    queued: Any = None
    may_conflict: bool = False
    may_need_key: bool = False
    bare: tuple[int, ...] = ()

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.line.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path, with its names in braces."""
        return self.line.partition(" ")[2]

    @property
    def parts(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(_PART.findall(self.path))

    @property
    def refusals(self) -> tuple[int, ...]:
        """Every status that refuses it."""
        needs_key = self.scope or self.may_need_key
        causes = {
            400: self.takes or self.query or self.scope == "admin",
            401: needs_key,
            403: needs_key,
            404: self.parts or self.takes or AFTER in self.query,
            409: self.may_conflict or self.method == "POST",
            413: self.takes,
            415: self.takes,
            421: needs_key,
            422: self.method == "POST",
            429: needs_key,
            500: True,
            502: self.turn,
            503: needs_key,
            504: self.turn,
        }
        return tuple(status for status, cause in causes.items() if cause)
