"""OpenAI's client for JavaScript: the tests are in `*.test.js`, for node's own test runner."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.product import surroundings

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("tests", ["openai.test.js", "responses.test.js"])
def test_the_client_for_javascript_is_served(product, tests):
    run = subprocess.run(
        ["node", "--test", tests],
        cwd=FOLDER,
        env={**surroundings(), "OPENAI_BASE_URL": product.url, "OPENAI_API_KEY": product.key},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode == 0, run.stdout + run.stderr
