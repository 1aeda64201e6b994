"""Targets that break, for as long as a test lasts."""

from contextlib import ExitStack
from functools import partial

import pytest

from tests.load.yard import Yard


@pytest.fixture
def make_yard():
    with ExitStack() as stack:
        yield partial(Yard, stack)


@pytest.fixture
def yard(make_yard):
    return make_yard()
