"""A setting is changed and the stage deployed again, while a turn waits in line."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.clients.product import in_conversation, items_of, said
from tests.clients.sockets import Socket
from tests.e2e.deployed import ORIGIN
from tests.e2e.line import Line

ANOTHER = "https://another.example.com"


def test_a_changed_setting_is_deployed_and_nothing_is_lost(deployment, deployed, client, key):
    conversation = client.conversations.create()
    said(client, "My name is Ada.", **in_conversation(conversation))
    kept = items_of(client, conversation)
    with pytest.raises(InvalidStatus):
        Socket(deployed, key=key, origin=ANOTHER)
    before = Line(deployed, client)
    before.close()
    waiting = before.put("What was I to be told?")

    deployment.configure(TIDEGATE_ORIGINS=f"{ORIGIN},{ANOTHER}")
    deployment.deployed = now = deployment.deploy()

    assert (now.url, now.socket_url) == (deployed.url, deployed.socket_url)
    with now.client(api_key=key) as again, Socket(now, key=key, origin=ANOTHER):
        after = Line(now, again)
        after.open()
        assert "What was I to be told?" in after.answer(waiting)
        assert items_of(again, conversation) == kept
        assert "I remember" in said(again, "Who am I?", **in_conversation(conversation))
