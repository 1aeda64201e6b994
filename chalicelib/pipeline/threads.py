"""Responses as their owner reads, continues and deletes them."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.errors import NotFound
from chalicelib.domain.responses import StoredResponse
from chalicelib.ports import Responses


@dataclass(frozen=True, slots=True)
class Threads:
    """Every call names the owner; an unknown, an expired and a foreign response are the same to a caller."""

    responses: Responses

    def keep(self, response: StoredResponse) -> None:
        """Remember a response, unless its caller wants nothing kept."""
        if response.asked.store:
            self.responses.put(response)

    def get(self, owner: str, response_id: str, now: float) -> StoredResponse:
        """The response itself."""
        found = self.responses.get(owner, response_id)
        if found is None or found.expires_at <= now:
            raise NotFound("response", response_id)
        return found

    def before(self, response: StoredResponse, now: float) -> tuple[StoredResponse, ...]:
        """Those that a response continues and that are still there, oldest first."""
        found = self.responses.among(response.owner, response.thread)
        return tuple(each for each in found if each.expires_at > now)

    def delete(self, owner: str, response_id: str) -> None:
        """Remove a response; those that continue it go on without it."""
        if not self.responses.delete(owner, response_id):
            raise NotFound("response", response_id)
