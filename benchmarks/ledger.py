"""What a turn costs in the ledger alone, how it bears many clients on one tenant, and whether a budget holds.

`make bench` runs it on its emulator; `.venv/bin/python -m benchmarks.ledger URL` on any engine there, with new tables.
"""

import os
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

import boto3

from benchmarks.figures import Figures, Row, claim_stdout, rounded, spread
from benchmarks.ledger_crew import Contender, contenders
from benchmarks.ledger_jobs import ESTIMATES, Job
from benchmarks.processes import cpu_seconds
from infra.templates import template_tables

ROUNDS: Final = 5
SECONDS: Final = 0.5
CLIENTS: Final = (1, 8, 32)
SHARDS: Final = 16
CALLS: Final = 20  # of each client in a race
OWN: Final = "tidegate"
ONE: Final = ("tenant",)
THREE: Final = ("key", "user", "tenant")
Form = tuple[str, tuple[str, ...], int]
"""A ledger, whose limits hold, and how many shards count for the tenant."""

FORMS: Final[tuple[Form, ...]] = (
    (OWN, ONE, 0),
    (OWN, THREE, 0),
    (OWN, THREE, SHARDS),
    ("zae-limiter", ONE, 0),
    ("zae-limiter", THREE, 0),
)


@dataclass
class Cell:
    """One ledger in one form under one number of clients, over the rounds."""

    ledger: str
    job: Job
    done: list[Row] = field(default_factory=list)
    emulator_ms: list[float] = field(default_factory=list)

    def measure(self, contender: Contender, seed: int, emulator: int | None) -> None:
        before = cpu_seconds(emulator) if emulator else 0.0
        row = contender.do(replace(self.job, seed=seed))
        assert row["admitted"] + row["busy"] == row["asked"] > 0, f"{self.ledger} refused a turn that it has room for"
        self.done.append(row)
        if emulator:
            self.emulator_ms.append((cpu_seconds(emulator) - before) * 1e3 / row["admitted"])

    def each(self, over: str, under: str) -> list[float]:
        return [row[over] / row[under] for row in self.done]

    def row(self) -> Row:
        turns, sent = sum(row["admitted"] for row in self.done), sum(row["requests"] for row in self.done)
        return {
            **_form(self.ledger, self.job),
            "rounds": len(self.done),
            "turns": turns,
            "turns_per_second": spread(self.each("admitted", "wall_s")),
            "cpu_ms": spread([each * 1e3 for each in self.each("cpu_s", "admitted")]),
            "emulator_cpu_ms": spread(self.emulator_ms or [0.0]),
            "requests_per_turn": rounded(sent / turns),
            "conflict_share": rounded(sum(row["conflicts"] for row in self.done) / sent),  # of what was sent
            "busy": sum(row["busy"] for row in self.done),
            "client_cores": rounded(max(self.each("cpu_s", "wall_s"))),
        }


def measure(seed: int, figures: Figures, emulator: int | None = None) -> None:
    """Every cell once a round, in an order that is shuffled anew for each; then the races, in turns too."""
    order = random.Random(seed)
    with contenders() as crew:
        _load(crew, order, figures, emulator)
        _contend(crew, order, figures, emulator)
        _race(crew, order, figures)
        _repeat(crew, order, figures)


def _load(crew: Mapping[str, Contender], order: random.Random, figures: Figures, emulator: int | None) -> None:
    cells = _cells(form for form in FORMS if form[0] in crew)
    _measure(cells, crew, order, emulator)
    for cell in cells:
        figures.add("ledger", **cell.row(), **_beside(cell, cells))


def _contend(crew: Mapping[str, Contender], order: random.Random, figures: Figures, emulator: int | None) -> None:
    """Our own again, on a wire that refuses what DynamoDB would call a conflict."""
    cells = _cells((form for form in FORMS if form[0] == OWN and form[1] == THREE), strict=True)
    _measure(cells, crew, order, emulator)
    for cell in cells:
        figures.add("conflicts", **cell.row())


def _cells(forms: Iterable[Form], *, strict: bool = False) -> list[Cell]:
    return [
        Cell(
            ledger,
            Job(f"{len(subjects)}-{shards}-{strict}", subjects, clients, 0, SECONDS, shards=shards, strict=strict),
        )
        for ledger, subjects, shards in forms
        for clients in CLIENTS
    ]


def _measure(cells: Sequence[Cell], crew: Mapping[str, Contender], order: random.Random, emulator: int | None) -> None:
    for cell in cells:
        crew[cell.ledger].do(replace(cell.job, seconds=0.0, calls=2))  # connections, entities, shards are there
    for _ in range(ROUNDS):
        for cell in order.sample(cells, len(cells)):
            cell.measure(crew[cell.ledger], order.getrandbits(32), emulator)


def _beside(mine: Cell, cells: Sequence[Cell]) -> Row:
    """Against the peer with as many limits and clients: the median over the rounds of the ratio in each."""
    like = (len(mine.job.subjects), mine.job.clients)
    for cell in cells:
        if mine.ledger == OWN != cell.ledger and like == (len(cell.job.subjects), cell.job.clients):
            return {
                "x_peer_turns": _ratio(mine.each("admitted", "wall_s"), cell.each("admitted", "wall_s")),
                "x_peer_cpu": _ratio(mine.each("cpu_s", "admitted"), cell.each("cpu_s", "admitted")),
            }
    return {}


def _race(crew: Mapping[str, Contender], order: random.Random, figures: Figures) -> None:
    """Clients that ask for four times the budget: what they burned, and what the ledger says of it."""
    clients = max(CLIENTS)
    budget = clients * CALLS * sum(ESTIMATES) // len(ESTIMATES) // 4
    forms = [form for form in FORMS if form[0] in crew and (form[1] == ONE or form[2])]
    raced: dict[Form, list[Row]] = {form: [] for form in forms}
    for number in range(ROUNDS):
        for form in order.sample(forms, len(forms)):
            ledger, _, shards = form
            tenant, seed = f"race-{shards}-{number}", order.getrandbits(32)
            job = Job(tenant, ONE, clients, seed, calls=CALLS, budget=budget, shards=shards)
            begun = crew[ledger].do(replace(job, clients=1, calls=1))  # nobody races for the making of counters
            row = crew[ledger].do(job)
            raced[form].append(row | {"burned": begun["burned"] + row["burned"]})
    for (ledger, _, shards), rows in raced.items():
        figures.add(
            "overspend",
            **_form(ledger, Job("", ONE, clients, 0, shards=shards)),
            rounds=ROUNDS,
            budget=budget,
            over=max(0, *(row["burned"] - budget for row in rows)),
            burned_share=spread([row["burned"] / budget for row in rows]),
            unaccounted=max(abs(row["used"] - row["burned"]) for row in rows),
        )


def _repeat(crew: Mapping[str, Contender], order: random.Random, figures: Figures) -> None:
    """One client whose every write is sent twice, its first reply being lost."""
    for ledger in order.sample(list(crew), len(crew)):
        row = crew[ledger].do(Job("repeat", ONE, 1, order.getrandbits(32), calls=CALLS * ROUNDS, twice=True))
        figures.add("repeated", ledger=ledger, turns=row["admitted"], burned=row["burned"], used=row["used"])


def _form(ledger: str, job: Job) -> Row:
    return {"ledger": ledger, "limits": len(job.subjects), "shards": job.shards, "clients": job.clients}


def _ratio(mine: Sequence[float], other: Sequence[float]) -> float:
    return rounded(median(own / theirs for own, theirs in zip(mine, other, strict=True)))


def main(endpoint: str) -> None:
    """The ledger alone, on the engine at `endpoint`."""
    figures = Figures(claim_stdout())
    os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": "us-east-1", "TIDEGATE_STAGE": "local"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    _make_table()
    figures.add("engine", endpoint=endpoint, cores=os.cpu_count(), load=os.getloadavg()[0])
    measure(int.from_bytes(os.urandom(4)), figures)


def _make_table() -> None:
    """The ledger's table as the template has it."""
    (table,) = (each for each in template_tables("local") if each["TableName"].endswith("-ledger"))
    boto3.client("dynamodb").create_table(**table)


if __name__ == "__main__":
    main(sys.argv[1])
