"""What differs between a stage for one person, one for a team and one for millions, and nothing else."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

APP: Final = "tidegate"
API: Final = "api_handler"  # as Chalice calls the function of every route
WAITS_SECONDS: Final = 60  # API Gateway has answered the caller after 29
WORKS_SECONDS: Final = 900  # the most that Lambda allows


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """What one function is given; without a reservation it shares what the account has.

    A turn waits for a model nearly all of its time, and memory is paid for while it waits: 512 MB hold it six times.

    Provisioned instances stand behind an alias, so that only what is called by its alias can have them.
    """

    memory_mb: int
    timeout_s: int = WAITS_SECONDS
    reserved: int | None = None
    provisioned: int = 0


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Where questions are found by meaning: `none` is numpy over DynamoDB, `serverless` scales to zero."""

    kind: Literal["none", "serverless", "managed"] = "none"
    instance: str = ""
    nodes: int = 0
    zones: int = 0
    volume_gb: int = 0
    most_units: int = 0


class Throttle(msgspec.Struct, frozen=True):
    """What the REST and the WebSocket API let in, each for itself."""

    per_second: int
    burst: int


class Warm(msgspec.Struct, frozen=True):
    """What a table on demand takes from the first second; 0 leaves DynamoDB's own 4,000 writes and 12,000 reads."""

    writes: int = 0
    reads: int = 0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage; `functions` has every function by the name that Chalice knows it by."""

    name: str
    functions: Mapping[str, Size]
    search: Search
    throttle: Throttle
    workers: int  # batches of waiting turns at once, at first: from there the sweep turns the valve
    warm: Mapping[str, Warm]  # by table
    log_days: int
    history: bool  # point in time recovery of what cannot be made again
    firewall: bool
    tracing: bool
    thorough: bool  # alarms beyond those that are free
    own_key: bool  # a key of the customer's own in KMS, which can be taken away
    regions: bool  # whether there may be several
    budget_usd: int  # a month


_FUNCTIONS: Final = MappingProxyType(
    {
        API: Size(memory_mb=512),
        "stream": Size(memory_mb=512, timeout_s=WORKS_SECONDS),
        "work": Size(memory_mb=512, timeout_s=WORKS_SECONDS),
        "websocket_connect": Size(memory_mb=512),
        "websocket_message": Size(memory_mb=512),
        "websocket_disconnect": Size(memory_mb=512),
        "sweep": Size(memory_mb=512),
        "refit": Size(memory_mb=1024),
    }
)


def _functions(**others: Size) -> Mapping[str, Size]:
    """Every function of a stage, some of them of another size than usual."""
    return MappingProxyType({**_FUNCTIONS, **others})


_SOLO: Final = Stage(
    name="solo",
    functions=_functions(
        api_handler=Size(memory_mb=1024),  # one person meets every cold start, and pays for few
        stream=Size(memory_mb=1024, timeout_s=WORKS_SECONDS),
        work=Size(memory_mb=1024, timeout_s=WORKS_SECONDS),
    ),
    search=Search(),
    throttle=Throttle(50, 100),
    workers=2,
    warm=MappingProxyType({}),
    log_days=14,
    history=False,
    firewall=False,
    tracing=False,
    thorough=False,
    own_key=False,
    regions=False,
    budget_usd=20,
)
_TEAM: Final = Stage(
    name="team",
    functions=_FUNCTIONS,
    search=Search(kind="serverless", most_units=4),
    throttle=Throttle(1_000, 2_000),
    workers=5,
    warm=MappingProxyType({}),
    log_days=30,
    history=True,
    firewall=False,
    tracing=True,
    thorough=True,
    own_key=False,
    regions=False,
    budget_usd=1_000,
)
_SCALE: Final = Stage(
    name="scale",
    functions=_functions(
        stream=Size(memory_mb=512, timeout_s=WORKS_SECONDS, provisioned=50),
        sweep=Size(memory_mb=512, reserved=2),  # a second one does no harm; a lost minute would
        refit=Size(memory_mb=1769, reserved=1),
    ),
    search=Search(kind="managed", instance="r7g.large.search", nodes=3, zones=3, volume_gb=100),
    throttle=Throttle(10_000, 5_000),  # the account's own, until it is raised
    workers=20,
    warm=MappingProxyType({"ledger": Warm(40_000, 40_000), "conversations": Warm(20_000, 20_000)}),
    log_days=30,
    history=True,
    firewall=True,
    tracing=True,
    thorough=True,
    own_key=True,
    regions=True,
    budget_usd=20_000,
)

STAGES: Final[Mapping[str, Stage]] = MappingProxyType({each.name: each for each in (_SOLO, _TEAM, _SCALE)})


def function_name(stage: str, function: str) -> str:
    """What Lambda calls a function of a stage, in whichever way it was deployed."""
    return f"{APP}-{stage}" if function == API else f"{APP}-{stage}-{function}"
