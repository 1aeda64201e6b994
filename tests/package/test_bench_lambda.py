"""`make bench-lambda` in small: every function and event, AWS's client of the Runtime API played by a few lines."""

import io
import json
import sys
import textwrap
from contextlib import ExitStack

import pytest

from benchmarks.figures import Figures
from benchmarks.packaged.kinds import Kind, ask
from benchmarks.packaged.measure import Rounds, cold, warm
from benchmarks.packaged.package import Package, functions_of, write_bare
from benchmarks.packaged.page import packaged_tables
from benchmarks.packaged.stage import Stage
from benchmarks.packaged.wire import watched
from benchmarks.product import running
from infra.plan import prices
from infra.stages import STAGES

CLIENT = """
    import http.client, importlib, json, os, sys, types

    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        told = api.getresponse()
        event, number = json.load(told), told.headers["Lambda-Runtime-Aws-Request-Id"]
        seconds = types.SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000, aws_request_id=number)
        answer = json.dumps(handler(event, seconds))
        api.request("POST", f"/2018-06-01/runtime/invocation/{number}/response", answer)
        api.getresponse().read()
"""
DYNAMODB = {
    "exact hit": {"BatchGetItem": 1, "TransactWriteItems": 1},
    "miss": {"BatchGetItem": 1, "PutItem": 1, "TransactWriteItems": 2},
    "stream of 250 chunks": {"BatchGetItem": 1, "PutItem": 1, "TransactWriteItems": 2},
    "WebSocket: a ping": {"UpdateItem": 1},
}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The path of a package that stands for AWS's client."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "awslambdaric").mkdir()
    (folder / "awslambdaric/__main__.py").write_text(textwrap.dedent(CLIENT))
    return folder


@pytest.fixture(scope="module")
def package(packages, unpacked):
    write_bare(unpacked)
    return Package(unpacked, unpacked, functions_of(json.loads((packages["solo"] / "sam.json").read_text())))


@pytest.fixture(scope="module")
def stage(package, python):
    interpreter = getattr(sys, "_base_executable", sys.executable)
    with pytest.MonkeyPatch.context() as patch, running() as product, ExitStack() as stack:
        for name, value in product.environment.items():
            patch.setenv(name, value)
        wire = stack.enter_context(watched(product.environment["AWS_ENDPOINT_URL"]))
        found = Stage(product, package, wire, interpreter, stack)
        found.environ["PYTHONPATH"] = str(python)
        yield found


@pytest.fixture(scope="module")
def figures(stage, package):
    interpreter = getattr(sys, "_base_executable", sys.executable)
    found, plan = Figures(io.StringIO()), Rounds(1, 2, 1)
    found.add("machine", python="3", cores=1, load=0.0, seed=1)
    found.add("plan", rounds=1, events=2)
    cold(package, stage, plan, interpreter, found)
    warm(stage, plan, found)
    return found


def test_every_function_of_the_template_starts_and_answers(figures):
    started = {row["function"] for row in figures.of("packaged_start") if row["modules"] == "compiled"}

    assert started == {"bare boto3", *STAGES["solo"].functions}
    assert all(row["init_cpu_ms"]["min"] > 0 < row["first_cpu_ms"]["min"] for row in figures.of("packaged_start"))


@pytest.mark.parametrize("kind", DYNAMODB)
def test_a_call_of_a_function_is_counted_on_its_way(figures, kind):
    row = next(row for row in figures.of("packaged_event") if row["kind"] == kind)

    assert row["calls"]["DynamoDB"] == DYNAMODB[kind]
    assert row["sent"]["DynamoDB"] > 100 < row["received"]["DynamoDB"]
    assert row["write_units"] > 0


def test_a_batch_of_ten_is_ten_turns(figures):
    one, ten = (row["calls"]["DynamoDB"] for row in figures.of("packaged_event") if row["function"] == "work")

    assert (one["TransactWriteItems"], ten["TransactWriteItems"]) == (1, 10)


def test_the_page_has_a_line_for_each(figures):
    text = packaged_tables(figures, prices.read())

    assert text.count("\n| exact hit |") == 3
    assert text.count("\n| stream | sources |") == text.count("\n| stream | compiled |") == 1


def test_an_answer_that_was_not_meant_ends_the_run(stage):
    wrong = Kind("a hit", "stream", stage.fresh, lambda told, _: told.head["headers"]["x-tidegate-cache"] == "hit")

    with pytest.raises(AssertionError, match="not a hit"):
        ask(stage, wrong, stage.fresh(1)[0])
