"""A secret is read where it is needed, seldom, and by one at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters.secrets import stored
from chalicelib.adapters.secrets.stored import StoredSecret, open_secret
from chalicelib.domain.errors import Misconfigured, StoreUnavailable


class Store:
    """Says what it is told to, and counts."""

    def __init__(self, *said):
        self.said = list(said)
        self.reads = 0
        self.now = 1_000.0
        self.secret = StoredSecret(self.fetch, clock=lambda: self.now)

    def fetch(self):
        self.reads += 1
        said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(said, Exception):
            raise said
        return said

    def read(self, *, after=0.0):
        self.now += after
        return self.secret.read()


def test_nothing_is_read_before_it_is_needed():
    assert Store("k").reads == 0


def test_a_secret_is_kept_for_five_minutes():
    store = Store("old", "new")

    assert [store.read(), store.read(after=299), store.read(after=1), store.read()] == ["old", "old", "new", "new"]
    assert store.reads == 2


def test_a_refused_secret_is_read_at_the_next_call_and_then_not_for_half_a_minute():
    store = Store("old", "new", "newer")
    store.read()
    store.now += 31

    store.secret.refused("old")
    assert store.read() == "new"
    store.secret.refused("new")
    assert store.read(after=29) == "new"
    assert store.read(after=1) == "newer"


def test_a_secret_that_was_replaced_meanwhile_is_not_read_again():
    store = Store("old", "new")
    store.read()
    store.read(after=300)

    store.secret.refused("old")

    assert store.read(after=60) == "new"
    assert store.reads == 2


def test_the_last_good_secret_outlives_a_store_that_fails():
    store = Store("good", StoreUnavailable("down"), StoreUnavailable("down"), "better")

    assert [store.read(), store.read(after=300), store.read(after=1)] == ["good", "good", "good"]
    assert store.reads == 2
    assert [store.read(after=5), store.read(after=5)] == ["good", "better"]


@pytest.mark.parametrize("fault", [StoreUnavailable("down"), Misconfigured("no such field")])
def test_a_secret_that_was_never_read_says_why_and_is_tried_again_soon(fault):
    store = Store(fault, "k")

    for _ in range(2):
        with pytest.raises(type(fault), match=fault.message):
            store.read()
    assert store.reads == 1
    assert store.read(after=5) == "k"


def test_many_readers_read_once():
    begun, go_on = threading.Barrier(9), threading.Event()
    reads = []

    def fetch():
        reads.append(1)
        go_on.wait(10)
        return "k"

    secret = StoredSecret(fetch)

    def read(_):
        begun.wait(10)
        return secret.read()

    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(read, range(8))
        begun.wait(10)
        go_on.set()
        assert list(answers) == ["k"] * 8

    assert len(reads) == 1


def test_nobody_waits_while_a_secret_is_read_anew():
    now, reading, go_on = [0.0], threading.Event(), threading.Event()
    texts = iter(["old", "new"])

    def fetch():
        text = next(texts)
        if text == "new":
            reading.set()
            go_on.wait(10)
        return text

    secret = StoredSecret(fetch, clock=lambda: now[0])
    secret.read()
    now[0] = 300.0

    with ThreadPoolExecutor(1) as pool:
        anew = pool.submit(secret.read)
        assert reading.wait(10)
        assert secret.read() == "old"
        go_on.set()
        assert anew.result(10) == "new"


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    caches = (stored._secrets_manager, stored._parameter_store, open_secret)
    with mock_aws():
        for each in caches:
            each.cache_clear()
        yield
    for each in caches:
        each.cache_clear()


def test_secrets_manager_and_parameter_store_are_read(aws):
    boto3.client("secretsmanager").create_secret(Name="tidegate/team/a", SecretString="sk-a\n")
    boto3.client("secretsmanager").create_secret(Name="tidegate/team/b", SecretString='{"key": "sk-b", "n": 1}')
    boto3.client("ssm").put_parameter(Name="/tidegate/team/c", Value="sk-c", Type="SecureString")

    assert open_secret("secretsmanager:tidegate/team/a").read() == "sk-a"
    assert open_secret("secretsmanager:tidegate/team/b", "key").read() == "sk-b"
    assert open_secret("ssm:/tidegate/team/c").read() == "sk-c"
    assert open_secret("ssm:/tidegate/team/c") is open_secret("ssm:/tidegate/team/c")


@pytest.mark.parametrize("place", ["secretsmanager:tidegate/team/none", "ssm:/tidegate/team/none"])
def test_what_is_not_there_cannot_be_read(aws, place):
    with pytest.raises(StoreUnavailable, match="tidegate/team/none"):
        open_secret(place).read()


@pytest.mark.parametrize(("text", "field"), [("sk-a", "key"), ('{"key": 7}', "key"), ("{}", "key"), ("[]", "key")])
def test_a_field_that_is_no_text_is_told_without_the_secret(aws, text, field):
    boto3.client("secretsmanager").create_secret(Name="tidegate/team/a", SecretString=text)

    with pytest.raises(Misconfigured) as raised:
        open_secret("secretsmanager:tidegate/team/a", field).read()

    assert text not in str(raised.value)


def test_a_secret_that_is_no_text_is_told(aws):
    boto3.client("secretsmanager").create_secret(Name="tidegate/team/a", SecretBinary=b"x")

    with pytest.raises(Misconfigured):
        open_secret("secretsmanager:tidegate/team/a").read()


def test_a_secret_is_in_no_repr():
    store = Store("sk-secret")
    store.read()

    assert "sk-secret" not in f"{store.secret!r}"
