"""The product deployed in both ways, each in a cloud of its own, once for all tests."""

import pytest
from xdist.scheduler import LoadScopeScheduling

from infra.local.seed import PLANS
from tests.clients.conftest import no_proxy
from tests.e2e.cloud import Cloud
from tests.e2e.deployments import ByChalice, ByCloudFormation

__all__ = ["no_proxy"]

WAYS = {"cloudformation": ByCloudFormation, "chalice": ByChalice}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A worker for each way: to deploy twice takes longer than all tests of one."""

    class ByWay(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return next((way for way in WAYS if way in nodeid.rpartition("[")[2]), nodeid)

    return ByWay(config, log)


@pytest.fixture(scope="session", params=WAYS)
def deployment(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    cloud = Cloud(folder / "cloud")
    try:
        made = WAYS[request.param](cloud.until_ready(), folder / "repository")
        made.configure(**made.settings)
        made.deployed = made.deploy()
        yield made
    finally:
        cloud.stop()


@pytest.fixture
def deployed(deployment):
    """Where the product is now."""
    return deployment.deployed


@pytest.fixture
def key(deployed, request):
    """A key of a user whom no other test is: what one was answered is not told another."""
    return deployed.books().key_with(*PLANS, USER=request.node.name)


@pytest.fixture
def client(deployed, key):
    with deployed.client(api_key=key) as client:
        yield client
