"""What a benchmark is told: nonsense is refused before anything starts."""

import argparse

import pytest

from benchmarks.asked import length, rounds


def test_what_makes_sense_is_taken():
    assert rounds("5") == 5
    assert length("0.5") == 0.5


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "1.5", "²", "nan"])
def test_rounds_are_whole_numbers_from_one_up(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number"):
        rounds(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", ""])
def test_a_length_is_above_nothing_and_ends(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number above 0"):
        length(text)
