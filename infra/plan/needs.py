"""What a load needs at its peak: functions, tables, the line, the index of meanings and the model's quota."""

from collections.abc import Mapping
from math import ceil
from typing import Final

from msgspec import Struct

from chalicelib.domain.catalogue import Model
from chalicelib.domain.concurrency import FEWEST, MESSAGES, MOST, START
from chalicelib.domain.sizing import LEAST
from chalicelib.settings import Settings
from infra.plan.counts import Counts
from infra.plan.load import DAY, Load
from infra.plan.mix import Mix, mixed
from infra.plan.prices import Pace
from infra.stages import STAGES, Search

SOLO_USERS: Final = 100
TEAM_USERS: Final = 100_000
IN_PROCESS: Final = 60_000  # entries; beyond, a search in the process takes 20 ms and more (docs/benchmarks.md)
DIMENSIONS: Final = 256
LINKS: Final = 16  # of a node of Lucene's graph
SPARE: Final = 1.1
ENTRY_BYTES: Final = 1_500  # the text and fields of an entry, beside its vector
SEARCH_SECONDS: Final = 0.006  # of two cores, for a filtered search in 10,000 entries (docs/benchmarks.md)
FILLED: Final = 0.6  # of a node's processors
NODE_GB: Final = 16  # r7g.large, m7g.medium has half; half of it is the heap's, and half of the rest may hold graphs
GRAPH_GB: Final = NODE_GB / 4
SHARD_GB: Final = 30
UNIT_GB: Final = 6  # a unit of OpenSearch Serverless has 6 GB


class Index(Struct, frozen=True):
    """The index of meanings: entries that live at once, memory of their graph, and what holds them."""

    kind: str
    entries: int
    graph_gb: float
    disk_gb: float
    searches: float
    nodes: int
    shards: int
    why: str


class Line(Struct, frozen=True):
    """The queue: jobs a second on average and at the peak, batches at once, and what may be in flight."""

    jobs: float
    jobs_at_peak: float
    workers: int
    in_hand: float
    in_flight: int


class Needs(Struct, frozen=True):
    """All of it at the peak; units and calls are a second's, the model's tokens and requests a minute's."""

    stage: str
    why: str
    mix: Mix
    concurrency: Mapping[str, int]
    write_units: Mapping[str, float]
    read_units: Mapping[str, float]
    partitions: Mapping[str, int]
    line: Line
    index: Index
    model_tokens: int
    model_requests: int
    cap: int


def needed(load: Load, counts: Counts, pace: Pace, model: Model) -> Needs:
    """What there must be for a checked load."""
    name, why = chosen(load)
    stage, in_hand = STAGES[name], _in_hand(load, counts, pace)
    mix = mixed(load, counts, stage, pace, in_hand=in_hand)
    concurrency = {function: ceil(load.peak * seconds) for function, seconds in mix.seconds.items() if seconds}
    writes = {table: load.peak * units for table, units in mix.asked.write_units.items()}
    reads = {table: load.peak * units for table, units in mix.asked.read_units.items()}
    cap = min(model.default_output_tokens, max(LEAST, 2 * load.output_tokens))
    calls = load.peak * mix.parts.missed
    burned = load.input_tokens + pace.burndown * load.output_tokens
    return Needs(
        stage=name,
        why=why,
        mix=mix,
        concurrency=concurrency | {"sweep": 1, "refit": 1},
        write_units=writes,
        read_units=reads,
        partitions={table: _partitions(writes.get(table, 0), units) for table, units in reads.items()},
        line=_line(load, mix, in_hand, concurrency.get("work", 0)),
        index=_index(load, mix, stage.search),
        model_tokens=ceil(calls * (60 * burned + mix.model_seconds * cap)),
        model_requests=ceil(calls * 60),
        cap=cap,
    )


def chosen(load: Load) -> tuple[str, str]:
    """The smallest stage that bears the load, and why it must be that one."""
    if load.stage != "auto":
        return load.stage, "asked for"
    entries = _entries(load)
    for name, users in (("solo", SOLO_USERS), ("team", TEAM_USERS)):
        let_in = STAGES[name].throttle.per_second
        if load.users <= users and load.peak <= let_in and (name != "solo" or entries <= IN_PROCESS):
            return name, f"at most {users:,} users and {let_in:,} turns/s"
    return "scale", f"{load.users:,} users, {load.peak:,g} turns/s at the peak"


def _in_hand(load: Load, counts: Counts, pace: Pace) -> float:
    """Jobs in a worker's batch: one where workers are idle, more where all that there are at first are busy."""
    del counts
    rate = load.mean * (1 - load.hit_rate - load.semantic_rate) * load.later
    return min(float(MESSAGES), max(1.0, rate * pace.seconds(load.output_tokens) / START))


def _line(load: Load, mix: Mix, in_hand: float, batches: int) -> Line:
    later = mix.parts.later
    workers = min(MOST, max(FEWEST, batches)) if later else FEWEST
    return Line(load.mean * later, load.peak * later, workers, in_hand, workers * MESSAGES)


def _partitions(writes: float, reads: float) -> int:
    """DynamoDB's partitions that such a rate is spread over at least, where keys are even."""
    return max(1, ceil(max(writes / PARTITION_WRITES, reads / PARTITION_READS)))


PARTITION_WRITES: Final = 1_000
PARTITION_READS: Final = 3_000


def _entries(load: Load) -> int:
    """Questions that are kept at once: each miss of as long as an answer lives."""
    if not load.semantic_rate:
        return 0
    missed = 1 - load.hit_rate - load.semantic_rate
    return ceil(load.turns * missed * Settings().cache_ttl_seconds / DAY)


def _index(load: Load, mix: Mix, search: Search) -> Index:
    entries, searches = _entries(load), load.peak * (1 - mix.parts.exact) if load.semantic_rate else 0.0
    graph = entries * SPARE * (4 * DIMENSIONS + 8 * LINKS) / 1e9
    disk = entries * (4 * DIMENSIONS + ENTRY_BYTES) * 2 / 1e9
    if not load.semantic_rate:
        return Index("none", 0, 0.0, 0.0, 0.0, 0, 0, "the semantic tier is off")
    if search.kind == "none":
        return Index("in the process", entries, graph, disk, searches, 0, 0, "numpy over DynamoDB")
    shards = max(1, ceil(disk / 2 / SHARD_GB))
    if search.kind == "serverless":
        units = max(2, ceil(graph / (UNIT_GB / 2)), ceil(searches * SEARCH_SECONDS / FILLED))
        return Index("serverless", entries, graph, disk, searches, units, shards, f"{units} units")
    for_memory, for_searches = ceil(2 * graph / GRAPH_GB), ceil(searches * SEARCH_SECONDS / FILLED)
    nodes = max(search.nodes, for_memory, for_searches)
    why = "zones" if nodes == search.nodes else "searches" if nodes == for_searches else "memory"
    shards = max(shards, nodes // max(1, search.zones))
    return Index(search.instance, entries, graph, disk, searches, nodes, shards, why)
