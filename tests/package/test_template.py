"""The template of every stage is one that CloudFormation takes."""

import json
import subprocess
import sys

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


def test_the_gateway_is_regional(template):
    resources = json.loads(template.read_text())["Resources"].values()

    gateways = [each["Properties"] for each in resources if each["Type"] == "AWS::Serverless::Api"]

    assert [each["EndpointConfiguration"] for each in gateways] == ["REGIONAL"]
