"""What is asked: old questions and new ones, whole and in pieces, in conversations, by tenants with limits."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from benchmarks.product import Product
from benchmarks.soak.crowd import Wish
from benchmarks.turns import MODEL

CAP: Final = 40
_OLD: Final = 50
_NO_LIMIT: Final = 10**12
_numbers = count()


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody with a plan, known to the model by name."""

    name: str
    key: str
    budget: int | None = None

    def ask(self, text: str, **fields: Any) -> Wish:
        """One question."""
        return Wish(self.key, self.body(text, **fields))

    def body(self, text: str, **fields: Any) -> dict[str, Any]:
        """A request that tells the model who asks."""
        message = {"role": "user", "content": text}
        return {"model": MODEL, "messages": [message], "user": self.name, "max_completion_tokens": CAP, **fields}


def tenant(product: Product, name: str, budget: int | None = None, window: str = "month") -> Tenant:
    """A new one, with a plan of its own: so many tokens a window, or as good as no limit."""
    limit = {"subject": "tenant", "window": window, "tokens": budget or _NO_LIMIT}
    product.post("/admin/plans", {"name": name, "limits": [limit]}, product.admin_key)
    return Tenant(name, key(product, name), budget)


def key(product: Product, name: str) -> str:
    """One more key of a tenant."""
    owner = {"tenant": name, "user": name, "plan": name, "scopes": ["chat"]}
    made: str = product.post("/admin/keys", owner, product.admin_key)["key"]
    return made


def fresh() -> str:
    """A question that nobody asked before."""
    return f"What is wave number {next(_numbers)} on day {random.random()}?"


def talk(
    tenants: Sequence[Tenant], seed: int, *, conversations: Sequence[str] = (), leavers: float = 0.0
) -> Iterator[Wish]:
    """Three in ten are old questions, two in ten come in pieces, one belongs to the first tenant's conversations."""
    draw = random.Random(seed)
    while True:
        who, kind = draw.choice(tenants), draw.random()
        if kind < 0.3:  # noqa: PLR2004 - as the sentence says
            yield who.ask(f"What is an old tide of kind {draw.randrange(_OLD)}?")
        elif kind < 0.5:  # noqa: PLR2004
            leaves = draw.randrange(1, 10) if draw.random() < leavers else None
            yield Wish(who.key, who.body(fresh(), stream=True), leaves)
        elif kind < 0.6 and conversations:  # noqa: PLR2004
            yield tenants[0].ask(fresh(), conversation=draw.choice(conversations))
        else:
            yield who.ask(fresh())
