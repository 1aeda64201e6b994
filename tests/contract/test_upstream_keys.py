"""Each server is called with its own key, which nobody else sees, and which may change."""

import logging

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters.models.openai import open_openai
from chalicelib.adapters.models.openai_upstream import connect
from chalicelib.adapters.secrets import stored
from chalicelib.bootstrap.targets import Targets
from chalicelib.domain.chat import User
from chalicelib.domain.errors import Misconfigured, ModelError, ModelRejected, ModelUnavailable
from chalicelib.settings import Settings
from tests.upstreams.openai_server import OpenAiServer, Reply
from tests.upstreams.targets import ask

HELLO = ask(User("hi"))


@pytest.fixture(params=["a first call", "a later call"])
def server(request):
    """Asked before, where the test's call is a later one: its connection stands."""
    with OpenAiServer() as server:
        if request.param == "a later call":
            open_openai(f"openai+{server.url}").complete(HELLO)
            server.requests.clear()
        yield server


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    caches = (stored._secrets_manager, stored._parameter_store, stored.open_secret)
    with mock_aws():
        for each in caches:
            each.cache_clear()
        yield boto3.client("secretsmanager")
    for each in caches:
        each.cache_clear()


class Rotating:
    """A secret that a test replaces."""

    def __init__(self, text):
        self.text = text
        self.heard = []

    def read(self):
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def refused(self, text):
        self.heard.append(text)


def sent(server, header="authorization"):
    return [request.headers.get(header) for request in server.requests]


def test_the_operator_s_key_goes_to_the_operator_s_upstream_alone(server):
    targets = Targets(Settings(upstream=f"openai+{server.url}?idle_ms=900", upstream_key="sk-own"))
    with OpenAiServer() as other:
        for each in (server, other):
            targets.chat(f"openai+{each.url}?idle_ms=900&model=m").complete(HELLO)
            targets.embedder(f"openai+{each.url}?model=m").embed(["a"], None)

        assert sent(server) == ["Bearer sk-own"] * 2
        assert sent(other) == [None] * 2


def test_no_server_of_the_catalogue_is_sent_the_operator_s_key(server):
    Targets(Settings(upstream_key="sk-own")).chat(f"openai+{server.url}").complete(HELLO)

    assert sent(server) == [None]


def test_the_key_that_a_target_names_wins_and_is_read_on_the_first_call(server, aws):
    targets = Targets(Settings(upstream=f"openai+{server.url}", upstream_key="sk-own"))
    uri = f"openai+{server.url}?model=m&key=secretsmanager:tidegate/team/a&key_field=key"
    chat, embedder = targets.chat(uri), targets.embedder(uri)
    aws.create_secret(Name="tidegate/team/a", SecretString='{"key": "sk-theirs"}')

    chat.complete(HELLO)
    embedder.embed(["a"], None)

    assert sent(server) == ["Bearer sk-theirs"] * 2


def test_a_key_may_go_in_another_header(server):
    open_openai(f"openai+{server.url}?header=api-key", "sk-a").complete(HELLO)

    assert (sent(server), sent(server, "api-key")) == ([None], ["sk-a"])


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_its_key_makes_it_be_read_again(server, status):
    secret = Rotating("sk-old")
    model = open_openai(f"openai+{server.url}?key=ssm:/k", secrets=lambda *_: secret)
    server.replies.append(Reply(status=status, body=b'{"error": "who is sk-old?"}'))

    with pytest.raises(ModelUnavailable) as raised:
        model.complete(HELLO)
    secret.text = "sk-new"
    model.complete(HELLO)

    assert secret.heard == ["sk-old"]
    assert "sk-" not in raised.value.message
    assert sent(server) == ["Bearer sk-old", "Bearer sk-new"]


@pytest.mark.parametrize("status", [400, 429, 500])
def test_no_other_refusal_is_the_key_s_fault(server, status):
    secret = Rotating("sk-a")
    model = open_openai(f"openai+{server.url}?key=ssm:/k", secrets=lambda *_: secret)
    server.replies.append(Reply(status=status, body=b"{}"))

    with pytest.raises(ModelError):
        model.complete(HELLO)

    assert secret.heard == []


@pytest.mark.parametrize("text", [Misconfigured("sk-a is no JSON"), "sk-a\r\nx: y", "sk-é"])
def test_a_key_that_cannot_be_had_leaves_the_request_good_for_another_target(server, text):
    model = open_openai(f"openai+{server.url}?key=ssm:/k", secrets=lambda *_: Rotating(text))

    with pytest.raises(ModelUnavailable) as raised:
        model.complete(HELLO)

    assert "sk-" not in raised.value.message
    assert not raised.value.burned
    assert server.requests == []


def test_a_key_that_a_server_repeats_is_not_passed_on(server):
    server.replies.append(Reply(status=400, body=b'{"error": {"message": "bad field for sk-hidden"}}'))

    with pytest.raises(ModelRejected) as raised:
        open_openai(f"openai+{server.url}?key=ssm:/k", secrets=lambda *_: Rotating("sk-hidden")).complete(HELLO)

    assert raised.value.message == "bad field for …"


def test_a_key_is_in_no_log_line(server, caplog):
    caplog.set_level(logging.DEBUG)

    open_openai(f"openai+{server.url}?key=ssm:/k", secrets=lambda *_: Rotating("sk-hidden")).complete(HELLO)

    assert "sk-hidden" not in caplog.text


@pytest.mark.parametrize("query", ["key=sk-literal", "key=secretsmanager:", "key=env:X", "header=cookie", "key=ssm:/k"])
def test_a_key_is_never_in_the_uri(query):
    with pytest.raises(Misconfigured) as raised:
        connect(f"openai+https://host.example/v1?{query}")

    assert "sk-literal" not in raised.value.message
