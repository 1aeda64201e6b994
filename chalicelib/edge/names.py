"""The names that callers give to tenants, users and plans, in bodies, paths and queries."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from chalicelib.domain.errors import BadRequest

MOST_CHARACTERS: Final = 128

PlanName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(?![\s\S])")]
"""What fits into a path as it is. A `$` would let a line's end pass."""


_UNSEEN: Final = (
    r"\s\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ufff0-\uffff"
    f"{chr(0xE0000)}-{chr(0xE0FFF)}"
)
"""Spaces, controls, marks of direction and width, and what stands for no character at all."""
OWNER: Final = rf"^[^{_UNSEEN}](?: *[^{_UNSEEN}])*(?![\s\S])"

Owner = Annotated[str, Meta(min_length=1, max_length=MOST_CHARACTERS, pattern=OWNER)]
"""The name of a tenant or a user: what can be seen, with spaces between."""


_OWNER: Final = re.compile(OWNER)


def owner_name(text: str, param: str) -> str:
    """`text` as an `Owner`, or a `BadRequest` that names `param`."""
    if not 0 < len(text) <= MOST_CHARACTERS:
        raise BadRequest(f"'{param}' is a name of 1 to {MOST_CHARACTERS} characters.", param=param)
    if _OWNER.search(text) is None:
        words = f"'{param}' has characters that cannot be seen, or a space at an end."
        raise BadRequest(words, param=param)
    return text
