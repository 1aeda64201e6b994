"""A world for each test, or for each module whose tests leave it as they found it."""

import functools
import os

import botocore.session
import pytest
from botocore.loaders import create_loader
from moto import mock_aws

from tests.functional import rights
from tests.functional.world import ENVIRONMENT, World, forget

_ENVIRON = os.environ
_shared_loader = functools.cache(create_loader)  # reading the SDK's models takes half of a test's time


@pytest.fixture(scope="module")
def module_patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def opened(patch):
    patch.delenv("AWS_ENDPOINT_URL", raising=False)
    patch.delenv("AWS_PROFILE", raising=False)
    patch.setattr(botocore.session, "create_loader", _shared_loader)
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    with mock_aws():
        lacking = rights.watch(patch)
        yield World()
    os.environ = _ENVIRON  # noqa: B003 - Chalice's client, used by two threads at once, may leave a copy in its place
    forget()
    assert lacking == []


@pytest.fixture
def world(monkeypatch):
    yield from opened(monkeypatch)


@pytest.fixture(scope="module")
def quiet_world(module_patch):
    """Shared by a module's tests, of which none changes anything; such a module has no other world."""
    yield from opened(module_patch)
