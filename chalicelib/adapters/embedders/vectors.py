"""Vectors in the form that they are handed over in."""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable


def little_endian(values: Iterable[float]) -> bytes:
    """`values` as float32, lowest byte first."""
    packed = array.array("f", values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()
