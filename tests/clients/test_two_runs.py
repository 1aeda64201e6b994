"""Two clones of the repository, both running."""

import openai
import pytest

from tests.clients.product import Product, said
from tests.infra.runs import living


@pytest.fixture
def other(other_clone):
    run = Product(other_clone)
    try:
        yield run.until_ready()
    finally:
        run.bury()


def test_runs_in_two_folders_share_nothing(product, client, other):
    with pytest.raises(openai.AuthenticationError):
        other.client(api_key=product.key).models.list()
    mine = client.conversations.create()
    theirs = other.client().conversations.create()

    other.stop()

    assert not living(other.everyone)
    assert not (other.directory / "running.json").exists()
    assert client.conversations.retrieve(mine.id) == mine
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(theirs.id)
    assert "Still there" in said(client, "Still there?")
