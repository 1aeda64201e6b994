"""Responses as their owner reads, continues and deletes them."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.errors import BadRequest, NotFound
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
        found = self._found(owner, response_id, now)
        if found is None:
            raise NotFound("response", response_id)
        return found

    def before(self, owner: str, previous: str, now: float) -> tuple[StoredResponse, ...]:
        """The response `previous` with those that it continues and that are still there, oldest first."""
        newest = self._found(owner, previous, now)
        if newest is None or not newest.over:
            words = "not found" if newest is None else "not finished yet"
            raise BadRequest(
                f"Previous response with id '{previous[:100]}' {words}.",
                param="previous_response_id",
                code="previous_response_not_found" if newest is None else "previous_response_not_finished",
            )
        return (*(each for each in self.responses.among(owner, newest.thread) if each.expires_at > now), newest)

    def delete(self, owner: str, response_id: str) -> None:
        """Remove a response; those that continue it go on without it."""
        if not self.responses.delete(owner, response_id):
            raise NotFound("response", response_id)

    def _found(self, owner: str, response_id: str, now: float) -> StoredResponse | None:
        found = self.responses.get(owner, response_id)
        return found if found is not None and found.expires_at > now else None
