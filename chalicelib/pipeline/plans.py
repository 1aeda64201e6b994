"""Plans from their making to their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from chalicelib.domain.budget import Plan
from chalicelib.domain.errors import BadRequest, Conflict, NotFound, UnknownModel
from chalicelib.domain.trail import By, plan_put
from chalicelib.ports import Keys, Offer

MOST_PLANS: Final = 100  # one item holds all of them, and every process reads it every half minute


@dataclass(frozen=True, slots=True)
class Plans:
    """What an administrator may do to plans; none goes while somebody has it."""

    keys: Keys
    catalogue: Offer

    def put(self, plan: Plan, by: By) -> Plan:
        """Store a plan under its name, its models by the catalogue's own ids; the plan as it is stored."""
        stored = msgspec.structs.replace(plan, models=self._models(plan.models))
        known = self.keys.plans()
        if plan.name not in known and len(known) >= MOST_PLANS:
            raise Conflict(f"There are {MOST_PLANS} plans already.")
        self.keys.put_plan(stored, plan_put(by, known.get(plan.name), stored))
        return stored

    def list(self) -> Sequence[Plan]:
        """Every plan, by name."""
        return sorted(self.keys.plans().values(), key=lambda plan: plan.name)

    def get(self, name: str) -> Plan:
        """One plan."""
        plan = self.keys.plans().get(name)
        if plan is None:
            raise NotFound("plan", name)
        return plan

    def delete(self, name: str, by: By) -> None:
        """Remove a plan that nobody has; `Conflict` where somebody does, or got it while it was being removed."""
        plan = self.get(name)
        if not self.keys.is_used(name, by.at):
            self.keys.drop_plan(name, by.did("plan.delete", name))
            if not self.keys.is_used(name, by.at):
                return
            self.keys.put_plan(plan, plan_put(by, None, plan))
        raise Conflict(f"Plan '{name}' is in use by a key or a tenant.")

    def _models(self, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The ids behind names and aliases, each once."""
        if names is None:
            return None
        return tuple(dict.fromkeys(self._model(name, place) for place, name in enumerate(names)))

    def _model(self, name: str, place: int) -> str:
        try:
            return self.catalogue.find(name).id
        except UnknownModel as fault:
            raise BadRequest(fault.message, param=f"models[{place}]", code=fault.code) from fault
