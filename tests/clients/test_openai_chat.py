"""Chat completions through the OpenAI client for Python, unmodified."""

import asyncio
import json

import openai
import pydantic
import pytest

from tests.clients.product import MODEL, ask, said, text_of

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL_IT = {"role": "user", "content": "Please call get_weather for Paris."}


class Trip(pydantic.BaseModel):
    city: str
    nights: int
    sights: list[str]


def test_it_answers(client):
    completion = ask(client, "What is a tide?", max_completion_tokens=100)

    assert completion.object == "chat.completion"
    assert completion.model == MODEL
    assert completion.choices[0].finish_reason == "stop"
    assert "What is a tide?" in completion.choices[0].message.content
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


def test_the_environment_is_all_that_an_existing_program_has_to_change(product, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", product.url)
    monkeypatch.setenv("OPENAI_API_KEY", product.key)

    assert "It is me" in said(openai.OpenAI(), "It is me")


def test_an_alias_names_its_model(client):
    completion = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Who is there?"}])

    assert completion.model == MODEL


def test_the_cap_and_the_stop_are_kept_to(client):
    short = ask(client, "Go on for long", max_tokens=2)
    stopped = said(client, "One two STOP three", stop=["STOP"])

    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 2)
    assert stopped.endswith("One two ")


def test_a_stream_says_what_the_whole_answer_says(client):
    whole = said(client, "The same, please", extra_body={"cache": {"no-store": True}})

    chunks = list(ask(client, "The same, please", stream=True, extra_body={"cache": {"no-cache": True}}))

    assert text_of(chunks) == whole
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_ends_with_the_usage_where_that_is_wanted(client):
    chunks = list(ask(client, "What did it cost?", stream=True, stream_options={"include_usage": True}))

    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_the_streaming_helper_puts_the_answer_together(client):
    question = [{"role": "user", "content": "Piece by piece"}]

    with client.chat.completions.stream(model=MODEL, messages=question) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()

    assert "".join(pieces) == final.choices[0].message.content
    assert len(pieces) > 1


def test_the_streaming_helper_parses_what_fits_a_schema(client):
    question = [{"role": "user", "content": "A weekend away"}]

    with client.chat.completions.stream(model=MODEL, messages=question, response_format=Trip) as stream:
        for _ in stream:
            pass
        trip = stream.get_final_completion().choices[0].message.parsed

    assert isinstance(trip, Trip)


def test_parse_returns_what_fits_the_schema(client):
    question = [{"role": "user", "content": "A week in Lisbon"}]

    message = client.chat.completions.parse(model=MODEL, messages=question, response_format=Trip).choices[0].message

    assert isinstance(message.parsed, Trip)
    assert "A week in Lisbon" in message.parsed.city


def test_an_answer_in_json_is_json(client):
    text = said(client, "In JSON, please", response_format={"type": "json_object"})

    assert "In JSON" in json.loads(text)["answer"]


def test_a_tool_is_called_and_its_result_is_answered_from(client):
    first = client.chat.completions.create(model=MODEL, messages=[CALL_IT], tools=[WEATHER]).choices[0]
    (call,) = first.message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": "18 degrees and sunny"}
    messages = [CALL_IT, first.message, result]
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER]).choices[0]

    assert first.finish_reason == "tool_calls"
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    assert second.finish_reason == "stop"
    assert "18 degrees and sunny" in second.message.content


def test_a_call_is_streamed_as_the_helper_reads_it(client):
    with client.chat.completions.stream(model=MODEL, messages=[CALL_IT], tools=[WEATHER]) as stream:
        for _ in stream:
            pass
        choice = stream.get_final_completion().choices[0]

    assert choice.finish_reason == "tool_calls"
    assert "city" in json.loads(choice.message.tool_calls[0].function.arguments)


def test_a_tool_can_be_required_and_forbidden(client):
    question = [{"role": "user", "content": "Say hello"}]
    this = {"type": "function", "function": {"name": "get_weather"}}

    required = client.chat.completions.create(model=MODEL, messages=question, tools=[WEATHER], tool_choice=this)
    forbidden = client.chat.completions.create(model=MODEL, messages=[CALL_IT], tools=[WEATHER], tool_choice="none")

    assert required.choices[0].message.tool_calls[0].function.name == "get_weather"
    assert forbidden.choices[0].message.tool_calls is None


def test_a_pydantic_function_tool_is_parsed(client):
    question = [{"role": "user", "content": "Use the Trip tool"}]

    answer = client.chat.completions.parse(model=MODEL, messages=question, tools=[openai.pydantic_function_tool(Trip)])

    assert isinstance(answer.choices[0].message.tool_calls[0].function.parsed_arguments, Trip)


def test_an_image_is_seen(client):
    content = [
        {"type": "text", "text": "What is in the picture?"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]

    completion = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])

    assert "You showed 1 image." in completion.choices[0].message.content


def test_the_headers_tell_of_cache_target_and_limits(client):
    question = [{"role": "user", "content": "Is this one kept?"}]

    first, second = (client.chat.completions.with_raw_response.create(model=MODEL, messages=question) for _ in range(2))

    assert (first.headers["x-tidegate-cache"], second.headers["x-tidegate-cache"]) == ("miss", "hit")
    assert first.parse().choices == second.parse().choices
    assert first.headers["x-tidegate-target"] == "simulated://echo"
    assert first.headers["x-tidegate-attempts"] == "1"
    assert int(second.headers["x-tidegate-overhead-ms"]) >= 0
    assert first.request_id
    assert first.request_id != second.request_id
    for meter in ("requests", "tokens"):
        assert int(first.headers[f"x-ratelimit-remaining-{meter}"]) < int(first.headers[f"x-ratelimit-limit-{meter}"])
        assert first.headers[f"x-ratelimit-reset-{meter}"].endswith("s")


def test_a_hit_is_streamed_like_any_answer(client):
    whole = said(client, "Streamed from memory")

    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=[{"role": "user", "content": "Streamed from memory"}], stream=True
    ) as response:
        outcome = response.headers["x-tidegate-cache"]
        text = text_of(response.parse())

    assert (outcome, text) == ("hit", whole)


def test_an_answer_has_a_request_id(client):
    assert ask(client, "Which request was it?")._request_id


def test_parallel_calls_each_get_their_own_answer(product):
    async def all_at_once():
        async with openai.AsyncOpenAI(base_url=product.url, api_key=product.key, max_retries=0) as client:
            return await asyncio.gather(*(one(client, number) for number in range(20)))

    async def one(client, number):
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"Caller {number}?"}], stream=True
        )
        return text_of([chunk async for chunk in stream])

    answers = asyncio.run(all_at_once())

    assert all(f"“Caller {number}?”" in answer for number, answer in enumerate(answers))


@pytest.mark.parametrize("model", [MODEL, "wordllama-256"])
def test_models_are_listed_and_found(client, model):
    assert model in {each.id for each in client.models.list()}
    assert client.models.retrieve(model).id == model
