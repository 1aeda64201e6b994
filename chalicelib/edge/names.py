"""The names that callers give to tenants, users and plans, in bodies, paths and queries."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from chalicelib.domain.errors import BadRequest

MOST_CHARACTERS: Final = 128

PlanName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(?![\s\S])")]
"""What fits into a path as it is. A `$` would let a line's end pass."""


def owner_name(text: str, param: str) -> str:
    """The name of a tenant or a user: printable, with no space at its ends; else a `BadRequest` that names `param`."""
    if not 0 < len(text) <= MOST_CHARACTERS:
        raise BadRequest(f"'{param}' is a name of 1 to {MOST_CHARACTERS} characters.", param=param)
    if not text.isprintable() or text != text.strip():
        raise BadRequest(f"'{param}' has characters that cannot be seen, or a space at an end.", param=param)
    return text
