"""Turns through API Gateway and a function that was deployed, each call perhaps in another process."""

import json

import httpx
import openai
import pytest

from chalicelib.domain.budget import Limit, Plan
from tests.clients.product import MODEL, ask, in_conversation, items_of, said, text_of
from tests.egress.watching import noted

ONE_A_DAY = Plan("one-a-day", limits=(Limit("key", "day", requests=1),))


def raw(client, text, **options):
    """The answer as it came, to a question of no randomness."""
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.with_raw_response.create(model=MODEL, messages=messages, temperature=0, **options)


def test_a_question_is_answered_and_charged(deployed):
    key = deployed.books().key_with(Plan("ample", limits=(Limit("key", "month", tokens=1_000_000),)))

    answer = raw(deployed.client(api_key=key), "What is a spring tide?")

    completion = answer.parse()
    assert "What is a spring tide?" in completion.choices[0].message.content
    assert answer.headers["x-tidegate-target"] == "simulated://echo"
    assert answer.headers["x-request-id"]
    assert deployed.books().spent(key).tokens == completion.usage.total_tokens


def test_the_same_question_is_answered_from_the_cache(client):
    first, again = raw(client, "What is a neap tide?"), raw(client, "What is a neap tide?")

    assert [each.headers["x-tidegate-cache"] for each in (first, again)] == ["miss", "hit"]
    assert text(again) == text(first)


def text(answer):
    return answer.parse().choices[0].message.content


def test_a_stream_that_arrives_whole_is_still_one(client):
    chunks = list(ask(client, "Piece by piece, please", stream=True, stream_options={"include_usage": True}))

    assert len(chunks) > 3
    assert "Piece by piece, please" in text_of(chunks)
    assert chunks[-1].usage.total_tokens > 0
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"


def test_a_stream_is_framed_as_events(client):
    answer = raw(client, "Framed", stream=True)

    lines = [line for line in answer.http_response.read().decode().splitlines() if line]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert {line.partition(":")[0] for line in lines} == {"data"}
    assert lines[-1] == "data: [DONE]"
    assert all(json.loads(line.removeprefix("data: "))["object"] for line in lines[:-1])


def test_a_conversation_is_remembered(client):
    conversation = client.conversations.create()
    said(client, "My name is Ada.", **in_conversation(conversation))

    answer = said(client, "Who am I?", **in_conversation(conversation))

    assert "I remember" in answer
    assert [item.role for item in items_of(client, conversation)] == ["user", "assistant"] * 2


def test_a_wrong_key_is_refused(deployed):
    with pytest.raises(openai.AuthenticationError) as refused:
        said(deployed.client(api_key="tg_live_nobody"), "Hello")

    assert refused.value.code == "invalid_api_key"


@pytest.mark.parametrize("path", ["/chat/completions", "/models", "/models/small", "/responses/resp_1"])
def test_a_browser_that_asks_first_is_told_what_a_page_may(deployed, path):
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    url, other = deployed.url + path, "https://evil.example"

    known, unknown = (httpx.options(url, headers={**asks, "origin": each}) for each in (deployed.origin, other))

    assert (known.status_code, known.headers["access-control-allow-origin"]) == (204, deployed.origin)
    assert known.headers["access-control-allow-headers"] == "Authorization, *"
    assert "access-control-allow-origin" not in unknown.headers


def test_what_is_another_tenants_is_not_there(deployed, client):
    conversation = client.conversations.create()
    stranger = deployed.client(api_key=deployed.tool("key", TENANT="globex", USER="eve"))

    with pytest.raises(openai.NotFoundError) as foreign:
        stranger.conversations.retrieve(conversation.id)
    with pytest.raises(openai.NotFoundError) as nothing:
        stranger.conversations.retrieve("conv_" + "0" * 32)

    assert foreign.value.code == nothing.value.code


def test_a_limit_refuses_and_says_when_to_come_again(deployed):
    limited = deployed.client(api_key=deployed.books().key_with(ONE_A_DAY))
    said(limited, "The first question of the day")

    with pytest.raises(openai.RateLimitError) as refused:
        said(limited, "The second question of the day")

    assert int(refused.value.response.headers["retry-after"]) > 0
    assert refused.value.response.headers["x-ratelimit-remaining-requests"] == "0"


def test_what_api_gateway_itself_refuses_reads_as_every_refusal_does(deployed):
    answer = httpx.get(f"{deployed.url}/no/such/route", headers={"origin": "https://elsewhere.example.com"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src; frame-ancestors"
    assert (answer.headers["cache-control"], answer.headers["access-control-allow-origin"]) == ("no-store", "*")


def test_each_function_is_held_to_this_machine(client, egress):
    """What one was refused fails this suite at its end."""
    assert said(client, "Who else hears this?")

    watched = noted(egress, "watched")
    assert [line for line in watched if line.endswith("/_worker.py")], watched
