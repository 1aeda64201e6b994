"""WebSocket connections through API Gateway: each frame calls a function, which posts to the connection."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.clients.product import said
from tests.clients.sockets import Socket, chunks_of, numbers, text_of


def test_a_chat_is_answered_in_numbered_chunks(deployed, client, key):
    with Socket(deployed, key=key) as socket:
        socket.ask("c1", "What is a tidal bore?")
        done = socket.until("done", "error")

    assert [each["type"] for each in socket.frames[:2]] == ["ready", "accepted"]
    assert numbers(chunks_of(socket.frames)) == list(range(1, done["seq"] + 1))
    assert text_of(chunks_of(socket.frames)) == said(client, "What is a tidal bore?")
    assert done["usage"]["completion_tokens"] > 0


def test_an_answer_goes_on_where_its_connection_broke(deployed, client, key):
    question = "Tell me of the tides, for some time [[tokens=60 chunk_ms=20]]"
    with Socket(deployed, key=key) as first:
        first.ask("c1", question)
        job = first.until("accepted", "error")["job"]
        first.until("chunk")
        heard = chunks_of(first.frames)
        first.break_off()
        with Socket(deployed, key=key) as second:
            second.say(type="resume", job=job, after=max(numbers(heard)))
            done = second.until("done", "error")

    chunks = heard + chunks_of(second.frames)
    assert numbers(chunks) == list(range(1, done["seq"] + 1))
    assert text_of(chunks) == said(client, question)


def test_a_page_of_somebody_else_is_refused(deployed):
    with pytest.raises(InvalidStatus) as refused:
        Socket(deployed, origin="https://evil.example")

    assert refused.value.response.status_code == 403


def test_a_wrong_key_ends_the_connection(deployed):
    with Socket(deployed, auth=False) as socket:
        socket.say(type="auth", key="tg_live_nobody")

        assert socket.until("error", "ready")["error"]["code"] == "invalid_api_key"
