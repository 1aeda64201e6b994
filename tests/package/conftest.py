"""Packages every stage once, from what a commit of this tree would hold and the embedding table of `make`."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from infra import compiled, merge, stages
from tests.contract.stores import REGION, Emulator

ROOT = Path(__file__).parents[2]
WEIGHTS = "chalicelib/adapters/embedders/wordllama.npz"
STAGES = sorted(json.loads((ROOT / ".chalice/config.json").read_text())["stages"])


def tree():
    """List the files that a commit of everything here would hold."""
    said = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [name for name in said.stdout.split("\0") if name and (ROOT / name).is_file()]


def package(project, stage):
    environment = {name: os.environ[name] for name in os.environ if not name.startswith(("AWS_", "TIDEGATE_"))}
    chalice = [sys.executable, "-c", "from chalice.cli import main; raise SystemExit(main())"]
    done = subprocess.run(
        [*chalice, "package", "--stage", stage, "--merge-template", f"out/{stage}/merge.json", f"out/{stage}"],
        cwd=project,
        env=environment | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def fill(project):
    for name in [*tree(), WEIGHTS]:
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)


@pytest.fixture(scope="session")
def packages(tmp_path_factory, worker_id):
    """Give the folder of each stage; Chalice downloads the dependencies for the first and reuses them."""
    run = tmp_path_factory.getbasetemp()
    shared = run if worker_id == "master" else run.parent
    project = shared / "packaged"
    with (shared / "packaged.lock").open("w") as lock:  # one worker packages, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not project.exists():
            fill(project)
            compiled.compile_into(project)
            for stage in STAGES:
                merge.write(stages.STAGES[stage], project / "out" / stage)
                package(project, stage)
    return {stage: project / "out" / stage for stage in STAGES}


@pytest.fixture(scope="session")
def archive(packages):
    with zipfile.ZipFile(packages["solo"] / "deployment.zip") as opened:
        yield opened


@pytest.fixture(scope="session")
def unpacked(archive, tmp_path_factory):
    """The zip as Lambda unpacks it, with the mode of each file."""
    folder = tmp_path_factory.mktemp("task")
    archive.extractall(folder)
    for each in archive.infolist():
        (folder / each.filename).chmod(each.external_attr >> 16)
    return folder


@pytest.fixture(scope="module")
def module_environment():
    with pytest.MonkeyPatch.context() as patch:
        ours = {"TIDEGATE_STAGE": "solo", "TIDEGATE_PEPPER": "pepper", "TIDEGATE_UPSTREAM": "simulated://echo"}
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        for name, value in {**ours, **keys, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}.items():
            patch.setenv(name, value)
        yield patch


@pytest.fixture(scope="module")
def emulator(module_environment):
    process = Emulator()
    try:
        while not process.answers():
            time.sleep(0.1)
        module_environment.setenv("AWS_ENDPOINT_URL", process.url)
        yield process
    finally:
        process.stop()


@pytest.fixture(params=STAGES)
def template(request, packages):
    return packages[request.param] / "sam.json"
