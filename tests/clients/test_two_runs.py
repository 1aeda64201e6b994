"""Two clones of the repository, both running."""

import openai
import pytest

from tests.clients.product import Product, said
from tests.egress.watching import noted
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


@pytest.mark.usefixtures("clone", "product")
def test_each_process_of_a_run_is_held_to_this_machine(egress):
    """What it was refused fails this suite at its end."""
    watched = "\n".join(noted(egress, "watched"))

    assert all(f"-m infra.local{part}" in watched for part in ("", ".emulator", ".serve", ".worker"))
