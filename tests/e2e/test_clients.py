"""The client libraries that people use: the tests that `make clients` runs, against what is deployed."""

import os
import re
import subprocess
import sys

from tests.clients.product import surroundings
from tests.e2e.cloud import ROOT

FEWEST = 60  # those that need no run of their own


def test_every_client_library_is_served(deployed, tmp_path):
    described = deployed.described(tmp_path / "deployed.json")

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/clients"],
        cwd=ROOT,
        env={**surroundings(), "PATH": os.environ["PATH"], "DEPLOYED": str(described)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) >= FEWEST
