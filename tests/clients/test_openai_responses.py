"""Responses through the OpenAI client for Python, unmodified."""

import asyncio
import json
import time

import openai
import pydantic
import pytest

from tests.clients.product import MODEL

TOOL = {
    "type": "function",
    "name": "get_tide",
    "parameters": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}},
        "required": ["harbour"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Harbour(pydantic.BaseModel):
    """Where ships lie."""

    name: str
    depth_metres: int


def create(client, said, **options):
    return client.responses.create(model=MODEL, input=said, **options)


def test_a_response_lives_and_ends(client):
    made = create(client, "What is a tide?", instructions="Be brief.", metadata={"topic": "tides"})
    found = client.responses.retrieve(made.id)
    deleted = client.responses.delete(made.id)

    assert "What is a tide?" in made.output_text
    assert (made.status, made.metadata) == ("completed", {"topic": "tides"})
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens > 0
    assert found.to_dict() == made.to_dict()
    assert deleted is None
    for gone in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            gone(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.input_items.list(made.id)


def test_a_response_that_is_over_is_not_cancelled(client):
    with pytest.raises(openai.BadRequestError, match="synchronous"):
        client.responses.cancel(create(client, "What is an ebb?").id)


def test_it_streams(client):
    events = list(create(client, "Piece by piece", stream=True))

    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1
    assert events[-1].type == "response.completed"
    assert "".join(deltas) == events[-1].response.output_text


def test_the_streaming_helper_puts_the_answer_together(client):
    with client.responses.stream(model=MODEL, input="Helped along") as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()

    assert snapshots[-1] == response.output_text
    assert "Helped along" in response.output_text
    assert client.responses.retrieve(response.id).output_text == response.output_text


def test_the_streaming_helper_puts_a_call_and_a_structure_together(client):
    with client.responses.stream(model=MODEL, input="Please call get_tide", tools=[TOOL]) as stream:
        (call,) = stream.get_final_response().output
    with client.responses.stream(model=MODEL, input="Brest", text_format=Harbour) as stream:
        parsed = stream.get_final_response().output_parsed

    assert (call.name, list(call.parsed_arguments)) == ("get_tide", ["harbour"])
    assert isinstance(parsed, Harbour)


def test_an_answer_has_the_structure_that_was_asked_for(client):
    response = client.responses.parse(model=MODEL, input="The harbour of Brest", text_format=Harbour)

    assert isinstance(response.output_parsed, Harbour)


def test_a_tool_round_trip_continues_the_response(client):
    asked = create(client, "Please call get_tide for Brest", tools=[TOOL])
    (call,) = asked.output
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "High at noon"}

    answered = create(client, [result], tools=[TOOL], previous_response_id=asked.id)

    assert "harbour" in json.loads(call.arguments)
    assert "High at noon" in answered.output_text


def test_a_tool_round_trip_needs_nothing_stored(client):
    said = [{"role": "user", "content": "Please call get_tide for Brest"}]
    asked = create(client, said, tools=[TOOL], store=False, include=["reasoning.encrypted_content"])
    said += asked.output
    said.append({"type": "function_call_output", "call_id": asked.output[0].call_id, "output": "High at noon"})

    answered = create(client, said, tools=[TOOL], store=False)
    said += [*answered.output, {"role": "user", "content": "Thanks."}]

    assert "High at noon" in answered.output_text
    assert "Thanks." in create(client, said, tools=[TOOL], store=False, tool_choice="none").output_text


def test_a_thread_branches(client):
    first = create(client, "My boat is called Gull.")
    blue, red = (create(client, f"It is {colour}.", previous_response_id=first.id) for colour in ("blue", "red"))

    third = create(client, "What do you know of her?", previous_response_id=red.id)

    assert "I remember 4 earlier messages" in third.output_text
    assert "It is red." in third.output_text
    assert "My boat is called Gull." in blue.output_text
    assert third.previous_response_id == red.id


def test_what_was_deleted_cannot_be_continued(client):
    first = create(client, "My boat is called Gull.")
    client.responses.delete(first.id)

    with pytest.raises(openai.BadRequestError) as caught:
        create(client, "And now?", previous_response_id=first.id)

    assert caught.value.code == "previous_response_not_found"


def test_a_conversation_is_continued(client):
    conversation = client.conversations.create()
    create(client, "My boat is called Gull.", conversation=conversation.id)

    second = create(client, "What is my boat called?", conversation={"id": conversation.id})

    assert second.conversation.id == conversation.id
    assert "My boat is called Gull." in second.output_text
    roles = [item.role for item in client.conversations.items.list(conversation.id, order="asc")]
    assert roles == ["user", "assistant"] * 2


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_page_of_input_is_read_once(client, order):
    said = [{"role": "user", "content": f"Remark {number}"} for number in range(20)]
    response = create(client, said)

    page = client.responses.input_items.list(response.id, order=order, limit=7)
    sizes = [len(each.data) for each in page.iter_pages()]
    read = [item.content[0].text for item in page]

    expected = [f"Remark {number}" for number in range(20)]
    assert read == (expected if order == "asc" else expected[::-1])
    assert sizes == [7, 7, 6]


def test_nobody_else_sees_it(product, client):
    response = create(client, "My boat is called Gull.")
    neighbour = product.client(api_key=product.make_key("acme", "eve"))

    with pytest.raises(openai.NotFoundError):
        neighbour.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError):
        create(neighbour, "Which boat?", previous_response_id=response.id)


def test_many_at_once_are_kept_apart(product):
    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=product.url, api_key=product.key, max_retries=0) as many:
            made = await asyncio.gather(*(create(many, f"Voice {number}") for number in range(5)))
            return await asyncio.gather(*(many.responses.retrieve(each.id) for each in made))

    found = asyncio.run(all_at_once())

    assert all(f"Voice {number}" in response.output_text for number, response in enumerate(found))


def test_one_in_the_background_is_polled(client):
    response = create(client, "What is a storm surge?", background=True)
    assert response.status == "queued"

    for _ in range(300):
        if response.status in {"completed", "failed"}:
            break
        time.sleep(0.1)
        response = client.responses.retrieve(response.id)

    assert response.status == "completed"
    assert "What is a storm surge?" in response.output_text


def test_one_in_the_background_is_streamed_and_streamed_again(client):
    events = list(create(client, "What is a neap tide?", background=True, stream=True))
    response = events[-1].response

    rest = list(client.responses.retrieve(response.id, stream=True, starting_after=3))
    with client.responses.stream(response_id=response.id) as stream:
        whole = stream.get_final_response()

    assert [event.type for event in events[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert events[-1].type == "response.completed"
    assert [event.to_dict() for event in rest] == [event.to_dict() for event in events[4:]]
    assert whole.output_text == response.output_text


def test_one_in_the_background_is_cancelled_or_over_already(client):
    response = create(client, "What is a spring tide?", background=True)

    stopped = client.responses.cancel(response.id)

    assert stopped.status in {"cancelled", "completed", "in_progress"}
    assert client.responses.cancel(response.id).id == response.id


def test_it_survives_a_restart(start):
    first = start()
    client = first.client()
    response = create(client, "My harbour is Brest.")
    first.stop()

    client = start().client()

    assert client.responses.retrieve(response.id).to_dict() == response.to_dict()
    assert "My harbour is Brest." in create(client, "Where?", previous_response_id=response.id).output_text
