"""A setting is changed and the stage deployed again, while a turn waits in line and while answers are under way."""

import pytest
from websockets.exceptions import InvalidStatus

from chalicelib.adapters.models.simulated import open_simulated
from chalicelib.domain.budget import Limit, Plan
from chalicelib.domain.chat import ChatRequest, User
from tests.clients.product import in_conversation, items_of, said
from tests.clients.sockets import Socket
from tests.e2e.askers import SLOWLY, asking
from tests.e2e.deployed import ORIGIN
from tests.e2e.deployments import SETTINGS
from tests.e2e.line import Line

ANOTHER, YET_ANOTHER = "https://another.example.com", "https://yet-another.example.com"
COUNTED = Plan("counted", limits=(Limit("key", "month", requests=1_000),))


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


def test_no_answer_under_way_is_lost_broken_or_doubled(deployment, deployed):
    books = deployed.books()
    key = books.key_with(COUNTED)

    with asking(deployed, key) as askers:
        askers.until_answered(1)
        deployment.configure(TIDEGATE_ORIGINS=f"{ORIGIN},{YET_ANOTHER}")
        deployment.deployed = deployment.deploy()
        askers.until_answered(2)  # the second of them was asked of the stage as it is now

    answers = {question: answer for each in askers.answers.values() for question, answer in each.items()}
    assert answers == {question: said_of(question) for question in answers}
    assert books.spent(key).requests == len(answers)
    with Socket(deployed, key=key, origin=YET_ANOTHER):
        pass


def said_of(question):
    """What the simulated model says, wherever it is asked."""
    model = open_simulated(SETTINGS["TIDEGATE_UPSTREAM"], sleep=lambda _: None)
    return model.complete(ChatRequest("any", (User(f"{question} {SLOWLY}"),), 1_000)).text
