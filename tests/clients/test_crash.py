"""What is left of a turn whose server, or whose reader, goes away in the middle of the answer."""

import os
import signal

import openai
import pytest

from tests.clients.product import ask, in_conversation, items_of, said, text_of
from tests.infra.runs import eventually

DIRECTED = "simulated://echo?directives=1"
SLOW = "[[tokens=4000 chunk_ms=50]] Tell me all of it."  # takes minutes: nothing here waits for its end
CAP = 4000


def kill_the_api(run):
    os.kill(run.children()["serve"], signal.SIGKILL)
    code, message = run.end()
    assert code != 0
    assert "the API was killed by SIGKILL" in message


def kill_everyone(run):
    run.kill_everyone()


def ask_it_to_end(run):
    run.process.terminate()
    run.end()


class Turn:
    """A turn in a conversation that has an earlier one, its answer begun."""

    def __init__(self, run):
        self.client = run.client()
        self.conversation = self.client.conversations.create()
        said(self.client, "My name is Ada.", **in_conversation(self.conversation))
        self.earlier = items_of(self.client, self.conversation)
        self.before = run.books().spent(run.key)
        self.answer = ask(self.client, SLOW, stream=True, max_tokens=CAP, **in_conversation(self.conversation))
        self.heard = text_of(next(self.answer) for _ in range(6))

    def charged(self, run):
        return run.books().spent(run.key) - self.before


def assert_it_is_told(turn, client):
    """The conversation is whole; its last answer is marked, and the next turn works. What was kept of that answer."""
    *earlier, question, answer = items_of(client, turn.conversation)
    assert earlier == turn.earlier
    assert (question.role, question.status) == ("user", "completed")
    assert (answer.role, answer.status) == ("assistant", "incomplete")
    assert "I remember" in said(client, "Who am I?", **in_conversation(turn.conversation))
    statuses = [item.status for item in items_of(client, turn.conversation)]
    assert statuses == ["completed"] * 3 + ["incomplete"] + ["completed"] * 2
    return answer.content[0].text


@pytest.mark.parametrize("end", [kill_the_api, kill_everyone])
def test_a_kill_costs_the_answer_and_keeps_the_charge(start, end):
    first = start(UPSTREAM=DIRECTED)
    turn = Turn(first)

    end(first)
    with pytest.raises(openai.APIConnectionError):
        list(turn.answer)
    second = start(UPSTREAM=DIRECTED)

    charged = turn.charged(second)
    assert turn.heard
    assert charged.requests == 1
    assert charged.tokens > CAP
    assert assert_it_is_told(turn, second.client()) == ""


def test_an_end_in_good_order_keeps_what_was_said_and_charges_that(start):
    first = start(UPSTREAM=DIRECTED)
    turn = Turn(first)

    ask_it_to_end(first)
    with pytest.raises(openai.APIConnectionError):
        list(turn.answer)
    second = start(UPSTREAM=DIRECTED)

    charged = turn.charged(second)
    assert charged.requests == 1
    assert 0 < charged.tokens < CAP
    assert assert_it_is_told(turn, second.client()).startswith(turn.heard)


def test_a_reader_who_leaves_is_charged_for_what_was_said_until_then(start):
    run = start(UPSTREAM=DIRECTED)
    turn = Turn(run)

    turn.answer.close()

    assert eventually(lambda: items_of(turn.client, turn.conversation)[-1].status == "incomplete")
    charged = turn.charged(run)
    assert charged.requests == 1
    assert 0 < charged.tokens < CAP
    assert assert_it_is_told(turn, turn.client).startswith(turn.heard)
