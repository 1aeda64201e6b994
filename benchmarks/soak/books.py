"""Who burned what, by the model's own books, and what the ledger says of it."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from benchmarks.environments import ROOT
from benchmarks.figures import Row
from benchmarks.product import HOST, Product
from benchmarks.soak.mix import Tenant
from benchmarks.soak.model import Books, Order

_GRACE_S: Final = 20


@dataclass(frozen=True, slots=True)
class Model:
    """The model that fails to order."""

    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def order(self, **order: Any) -> None:
        """How it is from now on; what is not said is as usual."""
        urllib.request.urlopen(f"{self.url}/order", msgspec.json.encode(Order(**order))).close()  # noqa: S310 - of this machine

    def books(self) -> Books:
        with urllib.request.urlopen(f"{self.url}/books") as told:  # noqa: S310 - of this machine
            return msgspec.json.decode(told.read(), type=Books)


@contextmanager
def model() -> Iterator[Model]:
    """Start it, and end it with the block."""
    command = [sys.executable, "-m", "benchmarks.soak.model"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        yield Model(int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(_GRACE_S)


def balance(product: Product, books: Books, tenants: Sequence[Tenant]) -> list[Row]:
    """For each tenant what the model burned, and what the ledger has in this month: with what is still reserved."""
    return [
        {
            "tenant": each.name,
            "burned": books.burned.get(each.name, 0),
            "budget": each.budget,
            **ledger_of(product, each),
        }
        for each in tenants
    ]


def ledger_of(product: Product, tenant: Tenant) -> Row:
    """The tokens of this month that are used, and those that are reserved."""
    line = line_of(product, tenant, "month")
    return {"used": line["used"]["tokens"], "reserved": line["reserved"]["tokens"]}


def line_of(product: Product, tenant: Tenant, window: str) -> Any:
    """What the ledger says of the tenant in the window that is now."""
    told = product.get(f"/admin/usage?tenant={tenant.name}", product.admin_key)
    return next(line for line in told["total"] if line["window"] == window)


def ended(product: Product) -> int:
    """How many turns the sweep finds open once every lease has run out."""
    command = [sys.executable, "-m", "benchmarks.soak.sweep"]
    told = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=product.environment, check=True, capture_output=True, text=True
    )
    return int(told.stdout.split()[-1])
