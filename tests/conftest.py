"""What every test gets: no network but this machine's, nor what it starts; Hypothesis as its environment wants it."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.egress.sitecustomize import is_local, target
from tests.egress.watching import egress

__all__ = ["egress"]

OFFLINE = {
    "unit",
    "functional",
    "architecture",
}  # these suites have no use for a socket, not even a local one
TESTS = Path(__file__).parent

settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


class Refusal(AssertionError):
    """A test tried to reach what its suite may not reach."""


class _Gate:
    """What the running test may connect to; the hook below cannot be removed, so it asks here."""

    local = True


def _refuse(event, args):
    host = target(event, args)
    if host is not None and not (_Gate.local and is_local(host)):
        raise Refusal(f"this test may not reach {host!r}")


sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def _sockets(request):
    suite = request.path.relative_to(TESTS).parts[0] if request.path.is_relative_to(TESTS) else ""
    _Gate.local = suite not in OFFLINE
    yield
    _Gate.local = True
