"""What callers may rely on, of every embedder."""

import math
import struct

import pytest

from chalicelib.adapters.embedders import bedrock, openai, wordllama
from chalicelib.adapters.models import bedrock_runtime, openai_upstream, sagemaker_runtime
from chalicelib.domain.errors import ModelGarbled, ModelRejected, ModelThrottled
from tests.upstreams import bedrock_server, openai_server, sagemaker_server
from tests.upstreams.bedrock_server import BedrockServer
from tests.upstreams.openai_server import OpenAiServer
from tests.upstreams.sagemaker_server import SageMakerServer
from tests.upstreams.targets import sagemaker_at

SHORTER = {"wordllama": 128, "openai": 32, "bedrock": 256, "sagemaker": 32}


def on_wordllama(_monkeypatch):
    yield wordllama.open_wordllama("wordllama://"), None


def on_openai(_monkeypatch):
    with OpenAiServer() as server:
        uri = f"openai+{server.url}?model=small"
        yield openai.open_openai(uri, openai_upstream.connect(uri, "sk-not-to-be-seen")), server


def on_bedrock(monkeypatch):
    with BedrockServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        bedrock_runtime._client.cache_clear()
        uri = "bedrock://us-west-2/amazon.titan-embed-text-v2:0"
        yield bedrock.open_bedrock(uri, bedrock_runtime.connect(uri)), server


def on_sagemaker(monkeypatch):
    with SageMakerServer() as server:
        uri = sagemaker_at(server, monkeypatch, "&model=small")
        yield openai.open_openai(uri, sagemaker_runtime.connect(uri)), server


OPENERS = {"wordllama": on_wordllama, "openai": on_openai, "bedrock": on_bedrock, "sagemaker": on_sagemaker}


@pytest.fixture(params=OPENERS)
def opened(request, monkeypatch):
    for embedder, server in OPENERS[request.param](monkeypatch):
        yield embedder, server, SHORTER[request.param]


@pytest.fixture
def embedder(opened):
    return opened[0]


def floats(vector):
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def test_each_text_has_a_vector_in_order(embedder):
    texts = ["red", "green", "a longer text about blue"]

    together = embedder.embed(texts, None)
    alone = [embedder.embed([text], None).vectors[0] for text in texts]

    assert list(together.vectors) == alone
    assert len(set(alone)) == 3


def test_tokens_are_counted(embedder):
    assert embedder.embed(["one two three", "four"], None).input_tokens >= 4


def test_a_text_always_has_the_same_vector(embedder):
    assert embedder.embed(["the same"], None) == embedder.embed(["the same"], None)


def test_no_text_is_no_vector(embedder):
    assert embedder.embed([], None).vectors == ()


def test_fewer_dimensions_where_the_model_can(opened):
    embedder, _, shorter = opened

    (whole,), (short,) = embedder.embed(["a text"], None).vectors, embedder.embed(["a text"], shorter).vectors

    assert len(floats(short)) == shorter < len(floats(whole))


@pytest.mark.parametrize("opened", ["wordllama", "bedrock"], indirect=True)
def test_dimensions_that_the_model_cannot_have_are_rejected(embedder):
    with pytest.raises(ModelRejected):
        embedder.embed(["a text"], 100)


def test_vectors_have_a_length_of_one_offline():
    vectors = wordllama.open_wordllama("wordllama://").embed(["a text", "日本語", "😀"], 64).vectors

    assert [math.hypot(*floats(vector)) for vector in vectors] == pytest.approx([1, 1, 1], abs=1e-5)


def test_many_texts_go_to_a_server_in_batches():
    for embedder, server in on_openai(None):
        texts = [f"text {number}" for number in range(600)]

        vectors = embedder.embed(texts, None).vectors

        assert len(vectors) == len(set(vectors)) == 600
        assert [len(request.body["input"]) for request in server.requests] == [256, 256, 88]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"data": "\xc5"}',
        b'{"data": []}',
        b'{"data": [{"index": 1, "embedding": [1.0]}]}',
        b'{"data": [{"index": 0, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": ["x"]}]}',
    ],
)
def test_other_embeddings_than_were_asked_for_are_garbled(body):
    for embedder, server in on_openai(None):
        server.replies.append(openai_server.Reply(body=body))

        with pytest.raises(ModelGarbled):
            embedder.embed(["a text"], None)


def test_a_server_that_ignores_the_dimensions_has_not_got_them():
    for embedder, server in on_openai(None):
        server.replies.append(openai_server.Reply(body=b'{"data": [{"index": 0, "embedding": [1.0, 0.5]}]}'))

        with pytest.raises(ModelRejected):
            embedder.embed(["a text"], 1)


@pytest.mark.parametrize("body", [b"<html>", b'{"embedding": [0.5]}', b"{}"])
def test_what_is_not_titan_s_answer_is_garbled(body, monkeypatch):
    for embedder, server in on_bedrock(monkeypatch):
        server.replies.append(bedrock_server.Reply(body=body))

        with pytest.raises(ModelGarbled):
            embedder.embed(["a text"], None)


@pytest.mark.parametrize("opened", ["openai", "bedrock", "sagemaker"], indirect=True)
def test_a_target_over_its_quota_says_so(opened):
    embedder, server, _ = opened
    throttled = {
        OpenAiServer: openai_server.Reply(status=429, headers={"retry-after": "3"}, body=b"{}"),
        BedrockServer: bedrock_server.Reply(status=429, error="ThrottlingException", retry_after="3"),
        SageMakerServer: sagemaker_server.Reply(status=400, error="ThrottlingException", headers={"retry-after": "3"}),
    }
    server.replies.append(throttled[type(server)])

    with pytest.raises(ModelThrottled) as raised:
        embedder.embed(["a text"], None)

    assert raised.value.retry_after_seconds == 3
    assert len(server.requests) == 1
