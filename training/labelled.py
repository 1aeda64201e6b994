"""Labelled pairs from a folder, parted so that no question is both trained on and held out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

HELD_OUT: Final = ("gold",)  # a file whose questions are never trained on
# How much a pair of each source counts: those of GSM-Plus and the made ones are clean but of few kinds.
SHARES: Final = {"qqp": 1.0, "perturb": 1.5, "checklist": 0.5, "mqp": 0.5, "gsmplus": 1.0, "made": 0.5}
_TRAINED: Final = tuple(source for source in SHARES if source != "made")
_HELD_SHARE: Final = 0.25


class Pair(NamedTuple):
    """Two questions, and whether the answer to one may be served for the other."""

    source: str
    category: str
    one: str
    other: str
    label: int


def load(folder: Path) -> list[Pair]:
    """Every pair of every `<source>_dev.jsonl` in `folder` that is trained on or held out."""
    return [pair for source in sorted((*_TRAINED, *HELD_OUT)) for pair in _read(folder / f"{source}_dev.jsonl", source)]


def _read(path: Path, source: str) -> Iterator[Pair]:
    with path.open() as lines:
        for line in lines:
            row = json.loads(line)
            yield Pair(source, row.get("cat", ""), row["q1"], row["q2"], row["label"])


def split(pairs: Iterable[Pair]) -> tuple[list[Pair], list[Pair]]:
    """The pairs to train on and those held out: questions that meet in a pair, directly or not, stay together."""
    pairs = list(pairs)
    groups = Groups()
    for pair in pairs:
        groups.join(pair.one, pair.other)
    kept_away = {groups.of(pair.one) for pair in pairs if pair.source in HELD_OUT}
    held = {group for group in map(groups.of, groups.texts()) if group in kept_away or _drawn(group)}
    return (
        [pair for pair in pairs if groups.of(pair.one) not in held],
        [pair for pair in pairs if groups.of(pair.one) in held],
    )


def _drawn(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[0] < 256 * _HELD_SHARE


class Groups:
    """Texts that were joined, directly or through others; a group is named by its first text in the alphabet."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def of(self, text: str) -> str:
        root = text
        while (above := self._above.setdefault(root, root)) != root:
            root = above
        while self._above[text] != root:
            self._above[text], text = root, self._above[text]
        return root

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.of(one), self.of(other)))
        self._above[second] = first

    def texts(self) -> list[str]:
        return list(self._above)
