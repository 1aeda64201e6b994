"""Entries, scopes and vectors that the contract of an index is told with, and the indexes it is told to."""

import itertools
import random
import sys
from array import array

import msgspec

from chalicelib.adapters.dynamodb.entries import DynamoEntries
from chalicelib.adapters.memory.vectors import MemoryVectors
from chalicelib.adapters.vectors.flat import FlatIndex
from chalicelib.domain.entries import AnswerScope, Entry, Sought

NOW = 4_116_918_625  # 2100-06-16 12:30:25 UTC: no clock of today calls anything expired
DIMENSIONS = 8
SECONDS = 10.0  # what a lookup may take here: never too little
SCOPE = AnswerScope("acme", "ada", "echo", "p1", "tiny/8")


def scope(**changes):
    return msgspec.structs.replace(SCOPE, **changes)


def vector(*values, size=DIMENSIONS):
    padded = array("f", [*values, *[0.0] * (size - len(values))])
    if sys.byteorder == "big":
        padded.byteswap()
    return padded.tobytes()


def noise(seed, size=DIMENSIONS):
    draw = random.Random(seed)
    return vector(*(draw.gauss(0, 1) for _ in range(size)))


def entry(name="e1", *values, of=SCOPE, created_at=NOW, expires_at=NOW + 3_600, **changes):
    made = Entry(
        id=name,
        scope=of,
        question=f"What is {name}?",
        vector=vector(*(values or (1.0,))),
        answer=f"answer-{name}",
        created_at=created_at,
        expires_at=expires_at,
    )
    return msgspec.structs.replace(made, **changes)


def sought(*values, of=SCOPE, now=NOW, **changes):
    return Sought(scope=of, vector=vector(*(values or (1.0,))), now=now, **changes)


class MemoryIndexes:
    """One place; every process sees it."""

    def __init__(self):
        self.index = MemoryVectors()

    def again(self):
        return self.index

    def settle(self):
        """Everything is seen at once."""


class FlatIndexes:
    """Indexes of several processes over the tables of one stage."""

    def __init__(self, stores):
        self.stores = stores
        self.log = DynamoEntries(stores.database)
        self.index = self.again()

    def again(self):
        return FlatIndex(self.log, clock=itertools.count().__next__, most_bytes=10**7)

    def settle(self):
        """Everything is seen at once."""
