"""Responses, kept so that they can be read again and continued."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.responses import StoredResponse


class Responses(Protocol):
    """Responses of one owner each; another's is not there. May raise `StoreUnavailable`.

    One that has expired may still be found: its `expires_at` says so.
    """

    def put(self, response: StoredResponse) -> None:
        """Keep a response, whatever its size. Repeated, it changes nothing."""

    def replace(self, response: StoredResponse) -> bool:
        """Put a response in the place of what was kept of it before; whether anything was. Repeating it is safe."""

    def get(self, owner: str, response_id: str) -> StoredResponse | None:
        """The response, read consistently."""

    def among(self, owner: str, response_ids: Sequence[str]) -> Sequence[StoredResponse]:
        """Those of at most `MOST_BEFORE` responses that are there, in the order of their ids, read consistently."""

    def delete(self, owner: str, response_id: str) -> bool:
        """Remove a response for good; whether it was there."""
