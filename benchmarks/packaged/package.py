"""What Lambda would be given: `make package`, unpacked, and the functions that its template names."""

import compileall
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.environments import ROOT
from infra.stages import API, APP

STAGE: Final = "solo"
WRAPPER: Final = "AWS_LAMBDA_EXEC_WRAPPER"
BARE: Final = "bare boto3"
_HANDLER: Final = """import boto3

client = boto3.client("dynamodb")


def handler(event, context):
    return client.get_item(TableName=event["table"], Key={"pk": {"S": "plans"}})["Item"]["pk"]["S"]
"""
_MODES: Final = 16  # the bits of a zip's external attributes that are a file's mode


@dataclass(frozen=True)
class Function:
    """A function of the template: what Lambda calls, how much memory it has, and whether our own runtime does it."""

    name: str
    handler: str
    memory_mb: int = 512
    streams: bool = False


@dataclass(frozen=True)
class Package:
    """The folder that stands for /var/task, one beside it with nothing compiled, and all functions by name."""

    task: Path
    sources: Path
    functions: Mapping[str, Function]


def packaged(folder: Path) -> Package:
    """Build the zip of one stage anew and unpack it."""
    shutil.rmtree(folder, ignore_errors=True)
    out, task, sources = folder / "out", folder / "task", folder / "sources"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TIDEGATE_"))}
    environment |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
    merge, compiled = ["-m", "infra.merge", STAGE, str(out)], ["-m", "infra.compiled"]
    chalice = ["-c", "from chalice.cli import main; main()", "package", "--stage", STAGE]
    for command in (merge, compiled, [*chalice, "--merge-template", str(out / "merge.json"), str(out)]):
        subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, stdout=sys.stderr, check=True)  # noqa: S603
    with zipfile.ZipFile(out / "deployment.zip") as archive:
        archive.extractall(task)
        for each in archive.infolist():
            (task / each.filename).chmod(each.external_attr >> _MODES)
    write_bare(task)
    shutil.copytree(task, sources, ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("boto3", "s3transfer"):
        compileall.compile_dir(task / package, quiet=2)
    return Package(task, sources, functions_of(json.loads((out / "sam.json").read_text())))


def write_bare(task: Path) -> None:
    """The handler that everything is compared with, beside the packages that it needs."""
    (task / "bare.py").write_text(_HANDLER)


def functions_of(template: Mapping[str, Mapping[str, dict[str, object]]]) -> dict[str, Function]:
    """The functions of a template, by the names that Chalice has for them, and the bare one beside them."""
    found = {BARE: Function(BARE, "bare.handler")}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            function = _function(resource["Properties"])
            found[function.name] = function
    return found


def _function(properties: object) -> Function:
    assert isinstance(properties, dict)
    name = str(properties["FunctionName"]).removeprefix(f"{APP}-{STAGE}").removeprefix("-") or API
    streams = WRAPPER in properties["Environment"]["Variables"]
    return Function(name, properties["Handler"], properties["MemorySize"], streams)
