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


def test_what_is_shorter_than_the_least_is_refused():
    assert length("0.5", least=0.5) == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match=r"'0\.4' is not a number from 0\.5 up"):
        length("0.4", least=0.5)
