"""How often and how long a benchmark runs, as it is told: nonsense is refused before anything starts."""

import argparse
import math


def rounds(text: str) -> int:
    """A whole number from 1 up; raises argparse's error for another word."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def length(text: str, *, least: float = 0.0) -> float:
    """A number above 0, and from `least` up, that ends; raises argparse's error for another word."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf or number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number {f'from {least:g} up' if least else 'above 0'}")
    return number
