"""Responses in memory."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.responses import StoredResponse


class MemoryResponses:
    """`Responses` in a dict, each call of which is whole."""

    def __init__(self) -> None:
        self._kept: dict[str, StoredResponse] = {}

    def put(self, response: StoredResponse) -> None:
        """A response is found by its id alone."""
        self._kept[response.id] = response

    def replace(self, response: StoredResponse) -> bool:
        """In place of what is there."""
        if known := response.id in self._kept:
            self._kept[response.id] = response
        return known

    def get(self, owner: str, response_id: str) -> StoredResponse | None:
        """The response as it is."""
        return next(iter(self.among(owner, [response_id])), None)

    def among(self, owner: str, response_ids: Sequence[str]) -> Sequence[StoredResponse]:
        """One after the other."""
        found = map(self._kept.get, response_ids)
        return [each for each in found if each is not None and each.owner == owner]

    def delete(self, owner: str, response_id: str) -> bool:
        """The response at once."""
        return self.get(owner, response_id) is not None and self._kept.pop(response_id, None) is not None
