"""The DynamoDB adapters over moto, and over a client that answers from a script."""

import pytest
from moto import mock_aws

from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import tables
from tests.contract.stores import dynamo_stores


@pytest.fixture
def stores(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield dynamo_stores()


class ScriptedClient:
    """Gives the replies of a script in turn, raising those that are errors, and the last one ever after."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.requests = []

    def __getattr__(self, operation):
        def call(**request):
            self.requests.append((operation, request))
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            if isinstance(reply, Exception):
                raise reply
            return reply

        return call


@pytest.fixture
def scripted():
    """Makes a database whose client follows a script; `pauses` are the attempts it waited for."""

    def make(*replies):
        pauses = []
        database = Database(tables("test"), pause=pauses.append)
        database.pauses = pauses
        database._client = ScriptedClient(*replies)
        return database

    return make
