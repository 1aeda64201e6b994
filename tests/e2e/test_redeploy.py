"""A setting is changed and the stage deployed again, while an answer is on its way."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.clients.product import in_conversation, items_of, said
from tests.clients.sockets import Socket, chunks_of, numbers
from tests.e2e.deployed import ORIGIN

ANOTHER = "https://another.example.com"
ENDLESS = "Tell me everything [[tokens=4000 chunk_ms=500]]"  # half an hour: it is cancelled


@pytest.fixture
def redeployed(deployment):
    """Deploy with another page allowed to connect; at the end things are as they were."""

    def redeploy():
        deployment.configure(TIDEGATE_ORIGINS=f"{ORIGIN},{ANOTHER}")
        deployment.deployed = deployment.deploy()
        return deployment.deployed

    return redeploy


def test_a_changed_setting_is_deployed_and_nothing_is_lost(deployed, client, key, redeployed):
    conversation = client.conversations.create()
    said(client, "My name is Ada.", **in_conversation(conversation))
    kept = items_of(client, conversation)
    with pytest.raises(InvalidStatus):
        Socket(deployed, key=key, origin=ANOTHER)

    with Socket(deployed, key=key) as socket:
        socket.ask("c1", ENDLESS)
        socket.until("chunk")
        now = redeployed()
        heard = len(socket.frames)
        socket.until("chunk")
        socket.say(type="cancel", id="c1")
        ended = socket.until("done", "error")

    assert ended["error"]["code"] == "cancelled"
    assert numbers(chunks_of(socket.frames)) == list(range(1, len(chunks_of(socket.frames)) + 1))
    assert len(socket.frames) > heard
    with now.client(api_key=key) as again:
        assert items_of(again, conversation) == kept
        assert "I remember" in said(again, "Who am I?", **in_conversation(conversation))
    with Socket(now, key=key, origin=ANOTHER) as other:
        other.ask("c1", "Am I heard?")
        assert other.until("done", "error")["type"] == "done"
