"""Which verifier this is, told without loading it: what was learned with another does not count."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

WEIGHTS: Final = Path(__file__).with_name("verifier.npz")


@cache
def version() -> str:
    """The beginning of the digest of the weights: 0.1 ms."""
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:12]
