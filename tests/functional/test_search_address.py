"""The parameter that the data stack writes says where OpenSearch is; a turn goes on without it."""

import boto3
import pytest

from chalicelib.adapters.secrets import stored
from chalicelib.adapters.vectors import opensearch_engine
from chalicelib.domain.errors import IndexUnavailable

PARAMETER = "/tidegate/functional/opensearch"
ADDRESS = "opensearch+https://search.example.com?service=aoss&region=us-east-1"


@pytest.fixture
def opened(world, monkeypatch):
    """The places of OpenSearch that clients were made for; none of them answers."""
    places = []

    def refused(place):
        places.append(place)
        raise IndexUnavailable("It is down.")

    monkeypatch.setattr(opensearch_engine, "_client", refused)
    monkeypatch.setenv("TIDEGATE_SEMANTIC", "serve")
    monkeypatch.setenv("TIDEGATE_OPENSEARCH", f"ssm:{PARAMETER}")
    for each in (stored._parameter_store, stored.open_secret):
        each.cache_clear()
    world.restart()
    yield places
    for each in (stored._parameter_store, stored.open_secret):
        each.cache_clear()


def test_the_parameter_says_where_it_is(world, opened):
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value=ADDRESS, Type="String")

    assert world.chat("What is a tide?", key=world.key()).status == 200

    assert {(place.hosts, place.service) for place in opened} == {(("https://search.example.com:443",), "aoss")}


def test_a_turn_goes_on_where_there_is_no_such_parameter(world, opened):
    assert world.chat("What is a tide?", key=world.key()).status == 200

    assert opened == []
