"""A clone of the repository, as a user has one, and runs of the product there; with DEPLOYED, what runs elsewhere."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.product import Elsewhere, Product

ROOT = Path(__file__).parents[2]
WEIGHTS = "chalicelib/adapters/embedders/wordllama.npz"


def pytest_collection_modifyitems(config, items):
    """What needs a run of its own says nothing of one elsewhere."""
    if "DEPLOYED" in os.environ:
        own = [item for item in items if {"clone", "other_clone"} & {*item.fixturenames}]
        config.hook.pytest_deselected(items=own)
        items[:] = [item for item in items if item not in own]


@pytest.fixture(scope="session", autouse=True)
def no_proxy():
    """A proxy of this machine's network does not lead to this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield


def copy_of_repository(folder):
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in [*listing.rstrip("\0").split("\0"), WEIGHTS]:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")  # what the first `make` there would make takes a minute
    return folder


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    return copy_of_repository(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def other_clone(tmp_path):
    return copy_of_repository(tmp_path / "other")


@pytest.fixture(scope="session")
def state(clone, tmp_path_factory):
    """What a first run leaves in `.local`: to make the tables takes seconds, once."""
    first = Product(clone)
    try:
        first.until_ready().stop()
    finally:
        first.bury()
    return shutil.copytree(clone / ".local", tmp_path_factory.mktemp("state") / "local")


@pytest.fixture(scope="session")
def product(request):
    """What most tests share."""
    if "DEPLOYED" in os.environ:
        yield Elsewhere(os.environ["DEPLOYED"])
        return
    request.getfixturevalue("state")
    run = Product(request.getfixturevalue("clone"))
    try:
        yield run.until_ready()
    finally:
        run.bury()


@pytest.fixture
def client(product):
    with product.client() as client:
        yield client


@pytest.fixture
def start(clone, state, tmp_path):
    """Start runs, one after another, over data of the test's own; none outlives the test."""
    runs = []
    directory = shutil.copytree(state, tmp_path / "local")

    def start_one(**environ):
        runs.append(Product(clone, directory, **environ))
        return runs[-1].until_ready()

    yield start_one
    for run in runs:
        run.bury()
