"""How good the semantic cache is: `pairs FILE` judges pairs, `stream FILE --max-error 0.01` plays questions.

`seeds FILE` plays them with other draws of what is checked. `table FOLDER` plays every stream of a folder beside other
rules; `curve FOLDER --plot FILE` under several bounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks import cache_quality_cache as product
from benchmarks import cache_quality_table as tables
from benchmarks.cache_quality_plot import svg
from chalicelib.domain.verdicts import Bound
from chalicelib.pipeline.cache import Sighting


class BadRow(Exception):
    """A line of the file that says nothing."""


def main() -> int:
    """Print JSON lines: one for each pair, or one for the whole stream."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache_quality", description=__doc__)
    modes = parser.add_subparsers(required=True)
    pairs = modes.add_parser("pairs", help="rows {id, q1, q2}: would the answer to q1 be served for q2?")
    pairs.set_defaults(run=lambda given: judged(given.file))
    stream = modes.add_parser("stream", help="rows {id, text, cluster}, in order of arrival")
    stream.set_defaults(run=lambda given: iter([played(given.file, given.max_error, reworded=given.reworded)]))
    seeds = modes.add_parser("seeds", help="the stream once for each seed, then the mean, least and most")
    seeds.set_defaults(run=lambda given: drawn_anew(given.file, given.max_error, given.seeds, reworded=given.reworded))
    seeds.add_argument("--seeds", type=int, default=5)
    for mode in (stream, seeds):
        mode.add_argument("--max-error", type=float, default=Bound().max_error, help="wrong answers, of all requests")
        mode.add_argument("--reworded", action="store_true", help="no two answers are in the same words")
    for mode in (pairs, stream, seeds):
        mode.add_argument("file", type=Path)
    table = modes.add_parser("table", help="a folder of streams: ours beside a fixed cosine and vCache's rule")
    table.set_defaults(run=lambda given: tables.table(given.folder))
    curve = modes.add_parser("curve", help="a folder of streams: hits and errors under several bounds")
    curve.set_defaults(run=lambda given: drawn(given.folder, given.plot))
    curve.add_argument("--plot", type=Path, help="where to draw them, as SVG")
    for mode in (table, curve):
        mode.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        for line in given.run(given):
            print(json.dumps(line), flush=True)
    except (BadRow, OSError) as fault:
        print(f"{parser.prog}: {fault}", file=sys.stderr)
        return 1
    return 0


def judged(file: Path) -> Iterator[dict[str, Any]]:
    """For each pair of `file`, the decision of a cache that holds q1 alone and was taught nothing."""
    parts = product.shared()
    for row in rows(file, "id", "q1", "q2"):
        seen = product.pair(parts, row["q1"], row["q2"])
        yield {"id": row["id"], **_told(seen)}


def _told(seen: Sighting) -> dict[str, Any]:
    if seen.outcome == "hit":
        return {"tier": "exact", "serve": True, "score": 1.0, "guard": None}
    if seen.ruling is None:
        return {"tier": "miss", "serve": False, "score": None, "guard": seen.judged}
    decision = seen.ruling.decision
    score = 0.0 if decision.reason == "no neighbour" else decision.score
    return {"tier": decision.tier, "serve": seen.answer is not None, "score": score, "guard": decision.guard}


def played(file: Path, max_error: float, seed: int = 0, *, reworded: bool = False) -> dict[str, Any]:
    """What came of the stream in `file`; a row's cluster is only its fresh answer, and the judge of a hit."""
    parts = product.shared()
    questions: Iterable[tuple[str, str]] = ((row["text"], str(row["cluster"])) for row in rows(file, "text", "cluster"))
    if reworded:
        questions = product.reworded(questions)
    start = time.perf_counter()
    served = list(product.stream(parts, questions, max_error, seed))
    return {
        "requests": len(served),
        "hits": sum(right is not None for right in served),
        "wrong": served.count(False),
        "seconds": round(time.perf_counter() - start, 3),
    }


def drawn_anew(file: Path, max_error: float, seeds: int, *, reworded: bool = False) -> Iterator[dict[str, Any]]:
    """What came of the stream with each seed, and what that spans, as shares of all requests."""
    told = []
    for seed in range(max(1, seeds)):
        told.append(played(file, max_error, seed, reworded=reworded))
        yield {"seed": seed, **told[-1]}
    for name in ("hits", "wrong"):
        shares = [each[name] / max(1, each["requests"]) for each in told]
        yield {
            "share": name,
            "mean": round(fmean(shares), 4),
            "least": round(min(shares), 4),
            "most": round(max(shares), 4),
        }


def drawn(folder: Path, plot: Path | None) -> Iterator[dict[str, Any]]:
    """The points of the curve, and then its picture."""
    points = []
    for point in tables.curve(folder):
        points.append(point)
        yield point
    if plot is not None:
        plot.write_text(svg(points))


def rows(file: Path, *fields: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines, each with `fields`; questions are text."""
    with file.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _row(line, f"{file.name}, line {number}", fields)


def _row(line: str, where: str, fields: tuple[str, ...]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        raise BadRow(f"{where}: no JSON") from None
    if not isinstance(row, dict):
        raise BadRow(f"{where}: no object")
    for field in fields:
        if field not in row:
            raise BadRow(f"{where}: no {field}")
        if field in {"q1", "q2", "text"} and not isinstance(row[field], str):
            raise BadRow(f"{where}: {field} is no text")
    return row


if __name__ == "__main__":
    sys.exit(main())
