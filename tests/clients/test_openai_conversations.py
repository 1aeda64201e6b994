"""Conversations through the OpenAI client for Python, unmodified."""

import asyncio

import openai
import pytest

from tests.clients.product import MODEL, ask, in_conversation, items_of, said

SAID = [{"type": "message", "role": "user", "content": f"Remark {number}"} for number in range(20)]


@pytest.fixture
def conversation(client):
    return client.conversations.create()


def words(item):
    return item.content[0].text


def test_a_conversation_lives_and_ends(client):
    made = client.conversations.create(metadata={"topic": "tides"})
    updated = client.conversations.update(made.id, metadata={"topic": "moons"})
    found = client.conversations.retrieve(made.id)
    deleted = client.conversations.delete(made.id)

    assert (made.object, made.metadata) == ("conversation", {"topic": "tides"})
    assert updated == found
    assert found.metadata == {"topic": "moons"}
    assert (deleted.id, deleted.deleted) == (made.id, True)
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.list(made.id)


def test_items_are_added_read_and_deleted(client):
    conversation = client.conversations.create(items=SAID[:1])

    added = client.conversations.items.create(conversation.id, items=SAID[1:4])
    read = client.conversations.items.retrieve(added.data[0].id, conversation_id=conversation.id)
    client.conversations.items.delete(added.data[1].id, conversation_id=conversation.id)

    assert [words(item) for item in added.data] == ["Remark 1", "Remark 2", "Remark 3"]
    assert read == added.data[0]
    assert (read.role, read.status) == ("user", "completed")
    assert [words(item) for item in items_of(client, conversation)] == ["Remark 0", "Remark 1", "Remark 3"]
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(added.data[1].id, conversation_id=conversation.id)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_page_is_read_once_in_either_order(client, conversation, order):
    for first in (0, 9, 18):
        client.conversations.items.create(conversation.id, items=SAID[first : first + 9])

    page = client.conversations.items.list(conversation.id, order=order, limit=7)
    sizes = [len(each.data) for each in page.iter_pages()]
    read = [words(item) for item in page]

    expected = [f"Remark {number}" for number in range(20)]
    assert read == (expected if order == "asc" else expected[::-1])
    assert sizes == [7, 7, 6]


def test_a_turn_is_remembered_by_the_next(client, conversation):
    said(client, "My boat is called Gull.", **in_conversation(conversation))
    answer = ask(client, "What is my boat called?", **in_conversation(conversation))

    assert "before that you said: “My boat is called Gull.”" in answer.choices[0].message.content
    assert answer.model_extra["conversation"] == conversation.id
    assert [item.role for item in items_of(client, conversation)] == ["user", "assistant"] * 2


def test_a_streamed_turn_is_remembered_too(client, conversation):
    for chunk in ask(client, "My cat is called Tide.", stream=True, **in_conversation(conversation)):
        assert chunk.model_extra["conversation"] == conversation.id

    assert "My cat is called Tide." in said(client, "And now?", **in_conversation(conversation))


def test_a_tool_round_trip_needs_only_what_is_new(client, conversation):
    tool = {"type": "function", "function": {"name": "get_tide", "parameters": {"type": "object", "properties": {}}}}
    options = {"model": MODEL, "tools": [tool], **in_conversation(conversation)}
    asked = client.chat.completions.create(messages=[{"role": "user", "content": "Call get_tide"}], **options)
    (call,) = asked.choices[0].message.tool_calls

    result = {"role": "tool", "tool_call_id": call.id, "content": "High at noon"}
    answered = client.chat.completions.create(messages=[result], **options)

    assert "High at noon" in answered.choices[0].message.content
    kinds = [item.type for item in items_of(client, conversation)]
    assert kinds == ["message", "function_call", "function_call_output", "message"]


def test_parallel_turns_of_one_conversation_are_all_kept_in_whole(product, client, conversation):
    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=product.url, api_key=product.key, max_retries=0) as many:
            options = in_conversation(conversation)
            await asyncio.gather(*(ask(many, f"Voice {number}", **options) for number in range(5)))

    asyncio.run(all_at_once())

    turns = items_of(client, conversation)
    assert [item.role for item in turns] == ["user", "assistant"] * 5
    assert {words(item) for item in turns[::2]} == {f"Voice {number}" for number in range(5)}
    assert all(words(question) in words(answer) for question, answer in zip(turns[::2], turns[1::2], strict=True))


def test_nobody_else_sees_it(product, client, conversation):
    stranger = product.client(api_key=product.make_key("local", "local"))
    neighbour = product.client(api_key=product.make_key("acme", "eve"))

    assert stranger.conversations.retrieve(conversation.id) == conversation  # the same user by another key
    with pytest.raises(openai.NotFoundError):
        neighbour.conversations.retrieve(conversation.id)
    with pytest.raises(openai.NotFoundError):
        ask(neighbour, "What was said?", **in_conversation(conversation))


def test_it_survives_a_restart(start):
    first = start()
    client = first.client()
    conversation = client.conversations.create(metadata={"topic": "memory"})
    said(client, "My harbour is Brest.", **in_conversation(conversation))
    before = items_of(client, conversation)
    first.stop()

    client = start().client()

    assert client.conversations.retrieve(conversation.id) == conversation
    assert items_of(client, conversation) == before
    assert "My harbour is Brest." in said(client, "Where is my harbour?", **in_conversation(conversation))
