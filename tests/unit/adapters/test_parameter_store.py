"""A catalogue out of Parameter Store."""

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters.catalogues import parameter_store
from chalicelib.domain.errors import Misconfigured, StoreUnavailable

PIECE = '[[models]]\nid = "{}"\nmax_output_tokens = 9\ntargets = [{{ uri = "simulated://echo" }}]'


@pytest.fixture
def ssm(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    parameter_store._client.cache_clear()
    with mock_aws():
        yield boto3.client("ssm")
    parameter_store._client.cache_clear()


def put(ssm, **pieces):
    for name, text in pieces.items():
        ssm.put_parameter(Name=f"/tidegate/prod/catalogue/{name}", Value=text, Type="String")


def test_all_pieces_are_read_in_the_order_of_their_names(ssm):
    put(ssm, **{f"piece-{number:02}": PIECE.format(f"m{number:02}") for number in reversed(range(14))})

    models = parameter_store.read_catalogue("/tidegate/prod/catalogue").models

    assert [model.id for model in models] == [f"m{number:02}" for number in range(14)]


def test_a_path_without_a_parameter_is_the_operators_fault(ssm):
    with pytest.raises(Misconfigured, match="/tidegate/prod"):
        parameter_store.read_catalogue("/tidegate/prod/catalogue")


def test_what_is_no_catalogue_is_the_operators_fault(ssm):
    put(ssm, a="[[models]]")

    with pytest.raises(Misconfigured, match="piece 1"):
        parameter_store.read_catalogue("/tidegate/prod/catalogue")


@pytest.mark.usefixtures("ssm")
def test_a_store_that_refuses_is_told_without_its_words(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")
    parameter_store._client.cache_clear()

    with pytest.raises(StoreUnavailable, match="cannot be read"):
        parameter_store.read_catalogue("/tidegate/prod/catalogue")
