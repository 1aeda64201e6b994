"""Which account, which endpoint and which secret the parts of `make run` see."""

from pathlib import Path

import pytest

from infra.local.environment import Options, for_tools
from infra.local.faults import CannotRun

EMULATOR = "http://127.0.0.1:41000"
OWNER = {
    "AWS_ACCESS_KEY_ID": "AKIAOWNER",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_PROFILE": "work",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL_DYNAMODB": "http://elsewhere",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "HTTP_PROXY": "http://proxy:3128",
    "no_proxy": "intranet",
}


def children(**environ):
    return Options.read(environ).for_children(EMULATOR, "pepper")


def test_what_is_not_told_has_a_default():
    options = Options.read({})

    assert (options.port, options.directory) == (8000, Path(__file__).parents[2] / ".local")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8000 ", "٣"])
def test_a_port_is_a_number_that_a_port_can_be(port):
    with pytest.raises(CannotRun, match="PORT must be a number"):
        Options.read({"PORT": port})


def test_no_account_of_the_owner_is_in_reach():
    environ = children(**OWNER)

    assert environ["AWS_ENDPOINT_URL"] == EMULATOR
    assert environ["AWS_ACCESS_KEY_ID"] == "test"
    assert environ["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    gone = {"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}
    assert not gone & environ.keys()


def test_bedrock_gets_the_account_of_the_owner_and_the_tables_do_not():
    environ = children(UPSTREAM="bedrock://us-west-2", **OWNER)

    assert (environ["AWS_ACCESS_KEY_ID"], environ["AWS_PROFILE"]) == ("AKIAOWNER", "work")
    assert "AWS_ENDPOINT_URL" not in environ
    services = ("DYNAMODB", "SQS", "SSM", "SECRETS_MANAGER")
    assert {environ[f"AWS_ENDPOINT_URL_{service}"] for service in services} == {EMULATOR}
    assert environ["AWS_DEFAULT_REGION"] == environ["AWS_REGION"] == "us-east-1"


def test_what_runs_here_is_not_asked_of_a_proxy():
    environ = children(**OWNER)

    assert environ["no_proxy"] == environ["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_the_upstream_is_passed_on_as_a_setting_and_nothing_is_when_there_is_none():
    told = children(UPSTREAM="openai+http://127.0.0.1:11434/v1", UPSTREAM_KEY="k", UPSTREAM_MODEL="m")
    untold = children(UPSTREAM="", TIDEGATE_LOCAL_DIR="/somewhere")

    assert told["TIDEGATE_UPSTREAM"] == "openai+http://127.0.0.1:11434/v1"
    assert (told["TIDEGATE_UPSTREAM_KEY"], told["TIDEGATE_UPSTREAM_MODEL"]) == ("k", "m")
    assert {name for name in untold if name.startswith("TIDEGATE_")} == {
        "TIDEGATE_ORIGINS",
        "TIDEGATE_PEPPER",
        "TIDEGATE_SEMANTIC",
        "TIDEGATE_SOCKETS",
        "TIDEGATE_SOCKET_URL",
        "TIDEGATE_STAGE",
    }


@pytest.mark.parametrize(("given", "mode"), [({}, "serve"), ({"SEMANTIC": ""}, "serve"), ({"SEMANTIC": "off"}, "off")])
def test_questions_in_other_words_are_answered_here_unless_it_is_told_otherwise(given, mode):
    assert children(**given)["TIDEGATE_SEMANTIC"] == mode


def test_numpy_starts_no_threads_here_as_in_a_deployment():
    assert children()["OPENBLAS_NUM_THREADS"] == "1"


def test_a_tool_of_this_machine_finds_the_emulator_and_no_secret_of_the_owner():
    tools = for_tools(EMULATOR, children(UPSTREAM="bedrock://us-west-2", UPSTREAM_KEY="k", **OWNER))

    assert (tools["AWS_ENDPOINT_URL"], tools["TIDEGATE_PEPPER"]) == (EMULATOR, "pepper")
    assert not {"AKIAOWNER", "secret", "token", "k"} & set(tools.values())


def test_a_run_lets_its_own_pages_connect_beside_those_that_are_named():
    own = Options.read({"PORT": "8080"}).for_children("http://127.0.0.1:1", "p")
    named = Options.read({"TIDEGATE_ORIGINS": "none", "PORT": "8080"}).for_children("http://127.0.0.1:1", "p")

    assert own["TIDEGATE_ORIGINS"] == "http://127.0.0.1:8080,http://localhost:8080"
    assert own["TIDEGATE_SOCKETS"] == "http://127.0.0.1:8080"
    assert own["TIDEGATE_SOCKET_URL"] == "ws://127.0.0.1:8080/ws"
    assert named["TIDEGATE_ORIGINS"] == "none,http://127.0.0.1:8080,http://localhost:8080"
