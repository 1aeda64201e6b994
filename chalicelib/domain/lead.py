"""Of turns that ask the same at once, the one that asks the model."""

from __future__ import annotations

from msgspec import Struct


class Lead(Struct, frozen=True):
    """One turn asks the model for all who ask the same: at an exact answer's key, between two epoch seconds."""

    key: str
    turn_id: str
    since: int
    until: int


class Overtaken(Exception):
    """Another turn leads, or its answer is there already: no fault, and nothing was written."""
