"""The system's own chromium over a running product; nothing of either outlives the tests."""

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.chatting import Chat
from tests.browser.visit import Visit
from tests.clients.product import Product

ROOT = Path(__file__).parents[2]
AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM", "chromium")
PATIENCE_MS = 30_000  # of a machine that has much else to do

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session", autouse=True)
def no_proxy():
    """A proxy of this machine's network does not lead to this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """Start runs of the product, each over data of its own; none outlives the session."""
    runs = []

    def start_one(**environ):
        runs.append(Product(ROOT, tmp_path_factory.mktemp("run") / "local", **environ))
        return runs[-1].until_ready()

    yield start_one
    for run in runs:
        run.bury()


@pytest.fixture(scope="session")
def product(start):
    """What most tests share."""
    return start()


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which(CHROMIUM)
    assert path, f"{CHROMIUM} is needed: install it, or name another with CHROMIUM=/path/to/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, product):
    """Visit the product with a browser that knows nothing; what went wrong on the way fails the test."""
    visits = []

    def visit_one(origin=product.origin, **options):
        visits.append(Visit(chromium.new_context(base_url=origin, **options), origin, AXE))
        return visits[-1]

    yield visit_one
    for each in visits:
        each.end()
    assert not [fault for each in visits for fault in each.faults]


@pytest.fixture(scope="session")
def gateway(start):
    """A product whose simulated model does what a question tells it to, and which serves every answer by meaning."""
    return start(UPSTREAM="simulated://echo?directives=1", TIDEGATE_CHECK_RATE="0", TIDEGATE_SEMANTIC_MS="20000")


@pytest.fixture(scope="session")
def books(gateway):
    return gateway.books()


@pytest.fixture
def user(gateway, request):
    """The key of somebody new."""
    return gateway.make_key("acme", re.sub(r"\W", "-", request.node.name)[:40])


@pytest.fixture
def chat(visit, gateway, user):
    return Chat(visit(gateway.origin)).sign_in(user)
