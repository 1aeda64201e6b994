"""Any OpenAI-compatible server behind the product, as `make run UPSTREAM=…` puts it there."""

import json
import shutil

import openai
import pytest

from tests.clients.product import MODEL, Product, ask, said, text_of
from tests.infra.runs import eventually
from tests.upstreams.openai_server import OpenAiServer, Reply

KEY = "sk-upstream-key-that-nobody-may-see"
OFTEN = 8  # more than the attempts that anyone makes at one request
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
HANG = Reply(hang_after=0)
CASES = {
    "fault": (Reply(status=500, body=b"{}"), 503, "model_unavailable"),
    "wrong key": (Reply(status=401, body=f"No such key: {KEY}".encode()), 503, "model_unavailable"),
    "cut": (Reply(cut_after=1), 502, "model_garbled"),
    "nothing": (Reply(cut_after=0), 503, "model_unavailable"),
    "garbage": (Reply(body=b"<html>"), 502, "model_garbled"),
    "hang": (HANG, 504, "model_timeout"),
    "rejection": (Reply(status=400, body=b'{"error": {"message": "no such option"}}'), 400, "model_rejected"),
}


@pytest.fixture(scope="module")
def shared():
    with OpenAiServer() as server:
        yield server


@pytest.fixture
def upstream(shared):
    """The server, with nothing ordered and nothing received."""
    shared.replies.clear()
    shared.requests.clear()
    yield shared
    shared.replies.clear()


@pytest.fixture(scope="module")
def fronted(shared, clone, state, tmp_path_factory):
    run = Product(
        clone,
        shutil.copytree(state, tmp_path_factory.mktemp("fronted") / "local"),
        UPSTREAM=f"openai+{shared.url}?first_byte_ms=2000&idle_ms=2000",
        UPSTREAM_KEY=KEY,
        UPSTREAM_MODEL="small-llama",
    )
    try:
        yield run.until_ready()
    finally:
        run.bury()


@pytest.fixture
def client(fronted, upstream):
    """A client of a product that has forgotten what the last test did to its upstream."""
    with fronted.client() as client:
        answer = ask(client, "Are you there?", extra_body={"cache": {"no-cache": True, "no-store": True}})
        if answer.object == "job":  # it stands in line until the longest breaker has closed
            assert eventually(lambda: client.get(f"/jobs/{answer.id}", cast_to=dict)["status"] == "completed")
        upstream.requests.clear()
        yield client


def test_it_is_asked_by_its_own_model_name_with_its_own_key(upstream, fronted, client):
    completion = ask(client, "Hello, upstream", temperature=0.3)

    (received,) = upstream.requests
    assert received.body["model"] == "small-llama"
    assert received.body["temperature"] == 0.3
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert fronted.key not in json.dumps(received.headers)
    assert completion.model == MODEL
    assert completion.choices[0].message.content == "Echo: Hello, upstream"
    assert completion.usage.prompt_tokens_details.cached_tokens == 1


def test_what_came_is_passed_on_before_the_rest_is_there(upstream, client):
    upstream.replies.append(Reply(text="one two three four", hang_after=3))
    stream = ask(client, "Slowly", stream=True)

    heard = text_of(next(stream) for _ in range(3))

    assert heard == "one two "
    with pytest.raises(openai.APIError) as broken:
        list(stream)
    assert broken.value.code == "model_timeout"
    assert KEY not in str(broken.value)


def test_a_stream_that_is_cut_ends_in_an_error_and_never_in_another_answer(upstream, client):
    upstream.replies.append(Reply(text="one two three four", cut_after=3))
    heard = []

    with pytest.raises(openai.APIError) as broken:
        heard.extend(ask(client, "Until it breaks", stream=True))

    assert broken.value.code == "model_unavailable"
    assert len(upstream.requests) == 1


def test_a_stream_ends_with_the_usage_that_the_upstream_counted(upstream, client):
    chunks = list(ask(client, "Count this", stream=True, stream_options={"include_usage": True}))

    assert text_of(chunks) == "Echo: Count this"
    assert chunks[-1].usage.completion_tokens == 3


def test_its_tool_calls_are_passed_on_whole_and_in_pieces(upstream, client):
    question = {"messages": [{"role": "user", "content": "Weather?"}], "tools": [TOOL], "tool_choice": "required"}

    whole = client.chat.completions.create(model=MODEL, **question).choices[0].message
    with client.chat.completions.stream(model=MODEL, **question) as stream:
        for _ in stream:
            pass
        pieces = stream.get_final_completion().choices[0].message

    assert whole.tool_calls[0].function.arguments == '{"city": "Łódź"}'
    assert pieces.tool_calls[0].function.arguments == '{"city": "Łódź"}'


@pytest.mark.parametrize(
    ("case", "stream"),
    [(case, stream) for case in CASES for stream in (False, True) if case not in {"cut", "nothing"}]
    + [("cut", False), ("nothing", True)],  # a stream that began ends in an error event
)
def test_its_faults_are_told_as_ours(upstream, client, case, stream):
    reply, status, code = CASES[case]
    upstream.replies.extend([reply] * OFTEN)

    with pytest.raises(openai.APIStatusError) as failed:
        ask(client, f"What about {case}, {stream}?", stream=stream)

    assert (failed.value.status_code, failed.value.code) == (status, code)
    assert ("no such option" in str(failed.value)) == (case == "rejection")
    assert ("retry-after" in failed.value.response.headers) == (status == 503)
    assert KEY not in failed.value.response.text


def test_a_quota_is_waited_for_and_the_client_need_not_come_back(upstream, client):
    upstream.replies.append(Reply(status=429, headers={"retry-after": "1"}, body=b"{}"))

    assert said(client, "After the quota") == "Echo: After the quota"
    assert len(upstream.requests) == 2


def test_a_server_that_repeats_the_key_is_not_repeated(upstream, client):
    upstream.replies.append(Reply(status=400, body=json.dumps({"error": {"message": f"bad {KEY}"}}).encode()))

    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, "Say my key")

    assert "bad" in str(refused.value)
    assert KEY not in refused.value.response.text


def test_it_embeds_under_the_name_of_the_catalogue(upstream, client):
    answer = client.embeddings.create(model="titan-embed-v2", input=["one", "two"])

    assert {request.body["model"] for request in upstream.requests} == {"titan-embed-v2"}
    assert [each.index for each in answer.data] == [0, 1]


def test_the_offline_embedder_stays_in_the_process(upstream, client):
    assert len(client.embeddings.create(model="wordllama-256", input="one").data[0].embedding) == 256
    assert not upstream.requests


def test_the_key_is_in_no_log_and_no_file(fronted, upstream, client):
    upstream.replies.extend([Reply(status=401, body=KEY.encode())] * OFTEN)
    with pytest.raises(openai.InternalServerError):
        ask(client, "Is the key kept?")

    kept = [path for path in fronted.directory.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]

    assert "model" in fronted.logs()
    assert kept == []
