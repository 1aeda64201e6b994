"""Keys and plans in memory."""

from __future__ import annotations

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.budget import Balances, Plan, Subject
from chalicelib.domain.errors import Conflict
from chalicelib.domain.identity import Key


class MemoryKeys:
    """`Keys` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def put(self, key: Key) -> None:
        """An equal key is a repetition."""
        with self._shelf.lock:
            if self._shelf.keys.setdefault(key.key_id, key) != key:
                raise Conflict(f"A key with id '{key.key_id}' exists already.")

    def get(self, key_id: str) -> Key | None:
        """The key."""
        with self._shelf.lock:
            return self._shelf.keys.get(key_id)

    def put_plan(self, plan: Plan) -> None:
        """In force at once."""
        with self._shelf.lock:
            self._shelf.plans[plan.name] = plan

    def plans(self) -> dict[str, Plan]:
        """A copy."""
        with self._shelf.lock:
            return dict(self._shelf.plans)

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """The windows of `now`."""
        with self._shelf.lock:
            return self._shelf.balances(subjects, now)
