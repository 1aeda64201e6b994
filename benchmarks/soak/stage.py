"""What every scene has: the product, the model, who asks, and where it is told what held."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import Figures, Row
from benchmarks.product import Product
from benchmarks.soak.books import Model, balance, ended, line_of
from benchmarks.soak.mix import Tenant

_POLLS: Final = 90
_POLL_S: Final = 1.0


@dataclass(frozen=True)
class Stage:
    """One run of the product, as each scene finds it."""

    product: Product
    model: Model
    seed: int
    figures: Figures

    def holds(self, row: int, what: str, figure: object, *, held: bool) -> None:
        """Say whether a row of what is promised held, and by which figure."""
        self.figures.add("soak_holds", row=row, what=what, figure=figure, held=held)

    def settle(
        self, scene: str, tenants: Sequence[Tenant], *, leaving: Sequence[Tenant] = (), exact: bool = False
    ) -> None:
        """No turn may be open, nothing reserved, and each tenant charged for all that was burned, within its budget.

        Of those who were `leaving`, what a model said that was not read any more is nobody's to know.
        """
        everyone = [*tenants, *leaving]
        _await_turns(self.product, everyone)
        rows = balance(self.product, self.model.books(), everyone)
        left = ended(self.product)
        self.holds(
            4, f"{scene}: turns open, tokens reserved", f"{left}, {_sum(rows, 'reserved')}", held=_clean(left, rows)
        )
        for row in rows[: len(tenants)]:
            figure = f"{row['burned']} ≤ {row['used']}" + (f" ≤ {row['budget']}" if row["budget"] else "")
            held = row["burned"] <= row["used"] <= (row["budget"] or row["used"])
            self.holds(1, f"{scene}: burned, charged, budget of {row['tenant']}", figure, held=held)
            if exact:
                drift = row["used"] - row["burned"]
                self.holds(5, f"{scene}: drift of {row['tenant']}", drift, held=drift == 0)


def _await_turns(product: Product, tenants: Sequence[Tenant]) -> None:
    """Give turns whose callers left the time to end by themselves."""
    for _ in range(_POLLS):
        if not any(line_of(product, each, "month")["reserved"]["tokens"] for each in tenants):
            return
        time.sleep(_POLL_S)


def _clean(left: int, rows: Sequence[Row]) -> bool:
    return left == 0 and _sum(rows, "reserved") == 0


def _sum(rows: Sequence[Row], name: str) -> int:
    return sum(row[name] for row in rows)
