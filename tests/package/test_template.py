"""The template of every stage is one that CloudFormation takes."""

import json
import subprocess
import sys

import pytest

from infra.stages import STAGES
from tests.package.conftest import ROOT

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
HTTP_SECONDS = 29  # API Gateway waits no longer


def functions(template):
    resources = json.loads(template.read_text())["Resources"].values()
    return [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Function"]


def test_a_linter_finds_nothing(template):
    main = "from cfnlint.runner import main; main()"
    lint = [sys.executable, "-c", main, "--regions", "us-east-1", "--format", "parseable", str(template)]

    done = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_function_runs_the_zip_on_this_runtime(template):
    found = functions(template)

    assert found
    assert {each["Runtime"] for each in found} == {RUNTIME}
    assert {each["CodeUri"] for each in found} == {"./deployment.zip"}


def test_every_function_outlives_the_gateway_and_knows_its_stage(template):
    for each in functions(template):
        assert each["Timeout"] > HTTP_SECONDS
        assert each["Environment"]["Variables"]["TIDEGATE_STAGE"] == template.parent.name


def test_no_function_starts_a_thread_of_numpy_for_each_core(template):
    """A comparison is too small to share: with threads it takes up to ten times the CPU."""
    assert {each["Environment"]["Variables"].get("OPENBLAS_NUM_THREADS") for each in functions(template)} == {"1"}


def test_the_gateway_is_regional(template):
    resources = json.loads(template.read_text())["Resources"].values()

    gateways = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Api"]

    assert [each["EndpointConfiguration"] for each in gateways] == ["REGIONAL"]


@pytest.mark.parametrize(
    ("handler", "name", "rate"),
    [("app.sweep_leases", "sweep", "rate(1 minute)"), ("app.refit_cache", "refit", "rate(10 minutes)")],
)
def test_what_is_done_on_a_schedule_is_a_function_with_a_policy_of_its_own(template, handler, name, rate):
    resources = json.loads(template.read_text())["Resources"]
    (found,) = (each for each in functions(template) if each["Handler"] == handler)
    (event,) = found["Events"].values()
    (granted,) = resources[found["Role"]["Fn::GetAtt"][0]]["Properties"]["Policies"]

    assert event == {"Type": "Schedule", "Properties": {"Schedule": rate}}
    assert found["MemorySize"] == STAGES[template.parent.name].functions[name].memory_mb
    policy = json.loads((ROOT / f".chalice/policy-{template.parent.name}-{name}.json").read_text())
    assert granted["PolicyDocument"] == policy
