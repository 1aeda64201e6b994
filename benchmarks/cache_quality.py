"""How good the semantic cache is: `pairs FILE` judges pairs, `stream FILE --max-error 0.01` plays questions."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.cache_quality_cache import JudgedCache, shipped_verifier
from chalicelib.domain.verdicts import Bound, Knobs


def main() -> None:
    """Print JSON lines: one for each pair, or one for the whole stream."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache_quality", description=__doc__)
    modes = parser.add_subparsers(required=True)
    pairs = modes.add_parser("pairs", help="rows {id, q1, q2}: would the answer to q1 be served for q2?")
    pairs.set_defaults(run=lambda given: judged(given.file))
    stream = modes.add_parser("stream", help="rows {id, text, cluster}, in order of arrival")
    stream.add_argument("--max-error", type=float, default=Bound().max_error, help="wrong answers, of all requests")
    stream.set_defaults(run=lambda given: iter([played(given.file, given.max_error)]))
    for mode in (pairs, stream):
        mode.add_argument("file", type=Path)
    given = parser.parse_args()
    for line in given.run(given):
        print(json.dumps(line))


def judged(file: Path) -> Iterator[dict[str, Any]]:
    """For each pair of `file`, the decision of a cache that holds q1 alone and was taught nothing."""
    verifier = shipped_verifier()
    for row in _rows(file):
        cache = JudgedCache(Knobs(), verifier)
        cache.lookup(row["q1"])
        cache.learn(row["q1"], row["id"])
        decision = cache.lookup(row["q2"]).decision
        yield {
            "id": row["id"],
            "tier": decision.tier,
            "serve": decision.serve,
            "score": 0.0 if decision.reason == "no neighbour" else decision.score,
            "guard": decision.guard,
        }


def played(file: Path, max_error: float) -> dict[str, Any]:
    """What came of the stream in `file`; a row's cluster is only its fresh answer, and the judge of a hit."""
    cache = JudgedCache(Knobs(bound=Bound(max_error)), shipped_verifier())
    requests = hits = wrong = 0
    start = time.perf_counter()
    for row in _rows(file):
        requests += 1
        fresh = str(row["cluster"])
        found = cache.lookup(row["text"])
        hits += found.decision.serve
        wrong += found.decision.serve and found.answer != fresh
        if found.check or not found.decision.serve:
            cache.learn(row["text"], fresh)
    return {"requests": requests, "hits": hits, "wrong": wrong, "seconds": round(time.perf_counter() - start, 3)}


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open() as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    main()
