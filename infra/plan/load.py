"""The load that is planned for: what is asked of the planner, checked, and the arithmetic of a mean day of it."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
from msgspec import Struct

from chalicelib.adapters.catalogues.toml import shipped
from chalicelib.domain.catalogue import Catalogue, Model
from infra.plan.prices import Prices
from infra.plan.ranges import RANGES
from infra.stages import STAGES

DAY: Final = 86_400
USERS_OF_A_TENANT: Final = 50


class BadLoad(Exception):
    """What was asked for cannot be: one sentence."""


class Load(Struct, frozen=True, kw_only=True):
    """`turns_per_day` is of each user, `peak` is turns a second; the rest are tokens of a turn and shares of turns.

    `semantic_rate` is what is answered by meaning, beside `hit_rate`, which is the same question again; `streamed` and
    `later`, jobs by the caller's wish, are shares of what is left. `largest` is the share of the largest tenant.
    `tenants` has a default that goes by the users. `replicas` are further Regions that keep conversations. `quota` is
    what the model may be asked for, in tokens a minute; None: what the plan tells to ask for.
    """

    users: int
    turns_per_day: float
    peak: float
    input_tokens: int
    output_tokens: int
    hit_rate: float
    semantic_rate: float = 0.0
    streamed: float = 0.5
    later: float = 0.0
    conversations: float = 1.0
    tenants: int | None = None
    largest: float = 0.05
    model: str = "claude-haiku-4-5"
    region: str = "us-east-1"
    stage: str = "auto"
    quota: int | None = None
    replicas: int = 0

    @property
    def turns(self) -> float:
        """Turns a day."""
        return self.users * self.turns_per_day

    @property
    def mean(self) -> float:
        """Turns a second, on average."""
        return self.turns / DAY

    @property
    def customers(self) -> int:
        """How many tenants there are."""
        return self.tenants or ceil(self.users / USERS_OF_A_TENANT)

    @property
    def largest_peak(self) -> float:
        """Turns a second of the largest tenant at the peak."""
        return self.peak * max(self.largest, 1 / self.customers)


def checked(load: Load, prices: Prices, catalogue: Catalogue | None = None) -> Load:
    """The same load with its model's own name, or `BadLoad`."""
    fault = next((said for wrong, said in _faults(load, prices) if wrong), None)
    if fault is not None:
        raise BadLoad(fault)
    return _with_model(load, prices, catalogue or shipped())


def _faults(load: Load, prices: Prices) -> Iterator[tuple[bool, str]]:
    """What may be wrong, in the order in which it is told."""
    for name, number in msgspec.structs.asdict(load).items():
        if name in RANGES and number is not None:
            yield not RANGES[name].holds(number), f"{_option(name)} {RANGES[name].refusal(number)}"
    yield load.hit_rate + load.semantic_rate > 1, "--hit-rate and --semantic-rate together are more than all turns"
    yield load.streamed + load.later > 1, "--streamed and --later together are more than all turns"
    low = f"--peak of {load.peak:g} turns/s is below the day's average of {load.mean:.4g} turns/s"
    yield load.peak < load.mean, low
    yield load.customers > load.users, f"--tenants must be at most as many as --users, not {load.tenants}"
    yield load.region not in prices.regions, f"--region {load.region} is unknown: {', '.join(prices.regions)}"
    yield load.stage not in {"auto", *STAGES}, f"--stage {load.stage} is unknown: auto, {', '.join(STAGES)}"


def model_of(load: Load, catalogue: Catalogue | None = None) -> Model:
    """The catalogue's model that a checked load names."""
    return (catalogue or shipped()).find(load.model)


def _with_model(load: Load, prices: Prices, catalogue: Catalogue) -> Load:
    found = catalogue.named(load.model)
    known = [model.id for model in catalogue.models if model.id in prices.paces]
    if found is None or found.id not in known:
        raise BadLoad(f"--model {load.model} is unknown: {', '.join(known)}")
    longest = found.context_tokens
    if load.input_tokens + load.output_tokens > longest:
        raise BadLoad(f"--input-tokens and --output-tokens are more than the {longest} that {found.id} can hold")
    return msgspec.structs.replace(load, model=found.id)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _field(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


class _Parser(ArgumentParser):
    """Says what is wrong in one sentence, by an exception."""

    def error(self, message: str) -> NoReturn:
        raise BadLoad(message.removeprefix("argument ").replace(": must be ", " must be ", 1))


def parser() -> ArgumentParser:
    """The options of the command."""
    found = _Parser("python -m infra.plan", description="What a load needs and costs on AWS.")
    add = found.add_argument

    def number(option: str, **described: Any) -> None:
        add(option, type=RANGES[_field(option)].read, **described)

    number("--users", required=True, help="people who use it on a day")
    number("--turns-per-day", required=True, help="turns of each of them")
    number("--peak", required=True, help="turns a second at the worst moment")
    number("--input-tokens", required=True, help="of a turn, history included")
    number("--output-tokens", required=True)
    number("--hit-rate", required=True, help="share of turns that ask exactly what was asked before")
    number("--semantic-rate", default=0.0, help="share that asks the same in other words (0)")
    number("--streamed", default=0.5, help="share that is streamed (0.5)")
    number("--later", default=0.0, help="share that asks to be answered by a job (0)")
    number("--conversations", default=1.0, help="share that belongs to a stored conversation (1)")
    number("--tenants", help="customers (one for 50 users)")
    number("--largest", default=0.05, help="share of the largest tenant (0.05)")
    number("--replicas", default=0, help="further Regions that keep a copy of conversations (0)")
    number("--quota", help="tokens a minute that the model's quota allows (what the plan asks for)")
    add("--model", default="claude-haiku-4-5", help="a model of the catalogue (claude-haiku-4-5)")
    add("--region", default="us-east-1")
    add("--stage", default="auto", help="solo, team, scale (auto)")
    add("--out", type=Path, help="a folder for report.html, report.json and the plots")
    add("--json", action="store_true", help="print the plan as JSON")
    add("--quick", action="store_true", help="do not simulate the day")
    number("--seed", default=1, help="of the simulated day (1)")
    return found


def load_of(options: object) -> Load:
    """The load in parsed options."""
    return Load(**{name: getattr(options, name) for name in Load.__struct_fields__})


def arguments(given: Sequence[str]) -> str:
    """How the command is written."""
    return "python -m infra.plan " + " ".join(given)
