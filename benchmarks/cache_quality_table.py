"""Our cache beside other rules on the same streams: a table, and hits against errors as a curve."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import cache_quality_cache as product
from benchmarks.cache_quality_rules import Fixed, PerEntry, Tally, Vectors, played
from training.labelled import load, split

Stream = list[tuple[str, str]]

MAX_ERROR: Final = 0.01
BOUNDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05)
THRESHOLDS: Final = tuple(round(0.4 + 0.01 * step, 2) for step in range(61))
DELTAS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_LONGEST_DRAWN: Final = 12_000  # requests; each bound plays them all
_ZIPF_ROWS: Final = 6_000
_ZIPF_TOPICS: Final = 2_000
_SEED: Final = 3


def table(folder: Path) -> Iterator[dict[str, Any]]:
    """For each stream what ours, the best fixed cosine and vCache's rule serve, and how much of it wrongly."""
    parts = product.shared()
    for name, rows in streams(folder):
        yield {"stream": name, "rule": "ours", "max_error": MAX_ERROR, **_ours(parts, rows, MAX_ERROR)}
        vectors = _vectors(parts, rows)
        tallies = played(vectors, rows, [Fixed(each) for each in THRESHOLDS])
        best = _best(tallies)
        yield {"stream": name, "rule": "fixed", "threshold": THRESHOLDS[best], **_shares(tallies[best])}
        tallies = played(vectors, rows, [PerEntry(each) for each in DELTAS])
        best = _best(tallies)
        yield {"stream": name, "rule": "vCache", "max_error": DELTAS[best], **_shares(tallies[best])}


def curve(folder: Path) -> Iterator[dict[str, Any]]:
    """For each stream hits and errors of ours under several bounds, and of every fixed cosine."""
    parts = product.shared()
    for name, rows in streams(folder):
        if len(rows) > _LONGEST_DRAWN:
            continue
        for max_error in BOUNDS:
            yield {"stream": name, "rule": "ours", "max_error": max_error, **_ours(parts, rows, max_error)}
        tallies = played(_vectors(parts, rows), rows, [Fixed(each) for each in THRESHOLDS])
        for threshold, tally in zip(THRESHOLDS, tallies, strict=True):
            yield {"stream": name, "rule": "fixed", "threshold": threshold, **_shares(tally)}


def streams(folder: Path) -> Iterator[tuple[str, Stream]]:
    """The streams in `folder`; of the one that shares questions with the verifier's training only the others."""
    yield "Banking77", _read(folder / "banking77_stream_dev.jsonl")
    yield "CLINC150", _read(folder / "clinc150_stream_dev.jsonl")
    trained, _ = split(load(folder))
    known = {text for pair in trained for text in (pair.one, pair.other)}
    held = [row for row in _read(folder / "qqpstream_dev.jsonl") if row[0] not in known]
    clusters = defaultdict(list)
    for text, cluster in held:
        clusters[cluster].append(text)
    yield "Zipf repeats", _zipf(clusters)
    yield "Quora, asked twice or more", [row for row in held if len(clusters[row[1]]) > 1]
    yield "Quora", held


def _zipf(clusters: dict[str, list[str]]) -> Stream:
    """Draws of questions by topic, the n-th topic 1/n as often as the first."""
    draw = np.random.default_rng(_SEED)
    topics = [cluster for cluster in sorted(clusters) if len(clusters[cluster]) > 1]
    draw.shuffle(topics)
    topics = topics[:_ZIPF_TOPICS]
    chances = 1 / np.arange(1, len(topics) + 1)
    chosen = draw.choice(len(topics), size=_ZIPF_ROWS, p=chances / chances.sum())
    return [(str(draw.choice(clusters[topics[place]])), topics[place]) for place in chosen]


def _read(file: Path) -> Stream:
    with file.open() as lines:
        return [(row["text"], str(row["cluster"])) for row in map(json.loads, lines)]


def _vectors(parts: product.Shared, rows: Stream) -> Vectors:
    made = [parts.embedder.embed([text]).vectors[0] for text, _ in rows]
    return np.array([np.frombuffer(vector, "<f4") for vector in made])


def _ours(parts: product.Shared, rows: Stream, max_error: float) -> dict[str, Any]:
    start = time.perf_counter()
    served = list(product.stream(parts, rows, max_error))
    tally = Tally(len(served), sum(right is not None for right in served), served.count(False))
    return {**_shares(tally), "seconds": round(time.perf_counter() - start, 1)}


def _best(tallies: Sequence[Tally]) -> int:
    """The place of the setting that served most among those that kept the bound: chosen afterwards, as nobody can."""
    within = [place for place, each in enumerate(tallies) if each.wrong <= MAX_ERROR * each.requests]
    return max(within, key=lambda place: tallies[place].hits)


def _shares(tally: Tally) -> dict[str, Any]:
    requests = tally.requests
    return {"requests": requests, "hits": round(tally.hits / requests, 4), "wrong": round(tally.wrong / requests, 4)}
