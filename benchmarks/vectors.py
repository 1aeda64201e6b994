"""What a lookup by meaning costs, embedding aside, beside GPTCache: `.venv/bin/python -m benchmarks.vectors`.

Every index gets the same vectors and questions. `--opensearch 2.19` measures a real OpenSearch too, and takes minutes.
"""

import argparse
import base64
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.environments import ROOT, python_of
from benchmarks.figures import Figures, Row, claim_stdout, rounded
from benchmarks.vectors_shared import DIMENSIONS, questions, timed
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.entries import PAGE_ITEMS, DynamoEntries
from chalicelib.adapters.dynamodb.entry_items import entry_item
from chalicelib.adapters.dynamodb.table import tables
from chalicelib.adapters.vectors.flat import FlatIndex
from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place
from chalicelib.domain.entries import AnswerScope, Entry, Sought
from chalicelib.ports import VectorIndex
from tests.engines import opensearch
from tests.upstreams.opensearch_server import serving

SIZES: Final = (1_000, 10_000, 60_000, 100_000)
NOW: Final = 1_900_000_000
ALONE: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SCOPE: Final = AnswerScope("acme", "*", "echo", "p", f"bench/{DIMENSIONS}")


def measure(figures: Figures, sizes: Sequence[int], version: str | None) -> None:
    """Each index at each size; the peer is left out where its packages cannot be had."""
    peer = python_of("peers-cache")
    for size in sizes:
        texts, vectors = questions(size)
        entries = [
            Entry(f"{n:064d}", SCOPE, text, vectors[n].tobytes(), f"{n:064d}", NOW, NOW + 86_400)
            for n, text in enumerate(texts)
        ]
        with _logged(entries) as log:
            index = FlatIndex(log, clock=time.monotonic, most_bytes=2**28)
            began, before = time.perf_counter(), time.process_time()
            _nearest(index, entries[0], 600)
            loaded = {
                "load_s": rounded(time.perf_counter() - began),
                "load_cpu_s": rounded(time.process_time() - before),
            }
            figures.add("vectors", index="flat", entries=size, **loaded, **timed(_lookups(index, entries), size))
        if version:
            with _opensearch(version, entries) as engine:
                figures.add(
                    "vectors", index=f"opensearch {version}", entries=size, **timed(_lookups(engine, entries), size)
                )
        if peer:
            figures.add("vectors", index="gptcache", entries=size, **_peer(peer, size))


def _lookups(index: VectorIndex, entries: Sequence[Entry]) -> Callable[[int], None]:
    """Lookups that must find the question itself. The log's mark is known, as it is after a turn's first read."""
    return lambda place: _nearest(index, entries[place], 60)


def _nearest(index: VectorIndex, entry: Entry, within_seconds: float) -> None:
    (first, *_) = index.search(Sought(SCOPE, entry.vector, NOW, 5, "1"), within_seconds)
    assert first.id == entry.id, "the nearest question is another"


@contextmanager
def _logged(entries: Sequence[Entry]) -> Iterator[DynamoEntries]:
    """The log over a server that has DynamoDB's answers ready: what is measured is the client, not an emulator."""
    pages = [
        _page(entries[start : start + PAGE_ITEMS], start, len(entries)) for start in range(0, len(entries), PAGE_ITEMS)
    ]
    environment = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    os.environ.update(environment)

    def answer(_method: str, _path: str, body: bytes) -> tuple[int, bytes]:
        start = json.loads(body).get("ExclusiveStartKey", {"sk": {"S": "0"}})["sk"]["S"]
        return 200, pages[int(start)]

    with serving(answer) as (url, _):
        yield DynamoEntries(Database(tables("bench"), pause=lambda _: None, region="us-east-1", endpoint=url))


def _page(entries: Sequence[Entry], start: int, count: int) -> bytes:
    items = [_json_item(entry) for entry in entries]
    body: dict[str, Any] = {"Items": items, "Count": len(items)}
    if start + PAGE_ITEMS < count:
        body["LastEvaluatedKey"] = {"sk": {"S": str(start // PAGE_ITEMS + 1)}}
    return json.dumps(body).encode()


def _json_item(entry: Entry) -> Row:
    item = entry_item(entry, NOW)
    assert item is not None
    return {**item, "entry": {"B": base64.b64encode(item["entry"]["B"]).decode()}}


@contextmanager
def _opensearch(version: str, entries: Sequence[Entry]) -> Iterator[OpenSearchIndex]:
    with tempfile.TemporaryDirectory() as folder:
        cluster = opensearch.OpenSearch(version, Path(folder))
        try:
            engine = Engine(Place(tuple(cluster.urls)), clock=time.monotonic, write_seconds=120)
            index = OpenSearchIndex(engine, "bench")
            index.add(entries, NOW)
            engine.call("POST", "/bench-*/_refresh", seconds=600)
            yield index
        finally:
            cluster.stop()


def _peer(python: str, size: int) -> Row:
    """The peer's own process gives its figures as a line. One thread: more would spin, and count as work."""
    command, alone = [python, "-m", "benchmarks.vectors_peer", str(size)], os.environ | ALONE
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=alone)  # noqa: S603
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--opensearch", choices=sorted(opensearch.VERSIONS))
    asked = parser.parse_args()
    measure(Figures(claim_stdout()), [int(size) for size in asked.sizes.split(",")], asked.opensearch)


if __name__ == "__main__":
    main()
