"""Models and embeddings."""

import base64
import struct

import pytest

EMBEDDER = "wordllama-256"


@pytest.fixture
def key(world):
    return world.key()


def embed(world, key, **fields):
    return world.call("POST", "/v1/embeddings", {"model": EMBEDDER, "input": "tide", **fields}, key=key)


def test_every_model_is_listed(world, key):
    answer = world.call("GET", "/v1/models", key=key)

    assert answer.status == 200
    assert answer.json["object"] == "list"
    models = {model["id"]: model for model in answer.json["data"]}
    assert {"claude-haiku-4-5", "nova-lite", EMBEDDER} <= models.keys()
    assert {name: models["nova-lite"][name] for name in ("object", "owned_by")} == {
        "object": "model",
        "owned_by": "amazon",
    }


def test_a_model_says_what_it_takes_and_what_it_costs(world, key):
    models = {model["id"]: model for model in world.call("GET", "/v1/models", key=key).json["data"]}

    haiku, lite, embedder = (models[name] for name in ("claude-haiku-4-5", "nova-lite", EMBEDDER))
    assert haiku["prices"] == {"input": 1_000_000, "output": 5_000_000, "cached_input": 100_000}
    assert lite["prices"] == {"input": 60_000, "output": 240_000, "cached_input": 60_000}
    assert (haiku["context_tokens"], haiku["max_output_tokens"]) == (200_000, 64_000)
    assert (embedder["dimensions"], "max_output_tokens" in embedder, "dimensions" in haiku) == (256, False, False)


def test_one_model_is_the_same_as_in_the_list(world, key):
    listed = world.call("GET", "/v1/models", key=key).json["data"]

    for model in listed:
        assert world.call("GET", f"/v1/models/{model['id']}", key=key).json == model


def test_an_unknown_model_is_not_found(world, key):
    answer = world.call("GET", "/v1/models/gpt-7", key=key)

    assert (answer.status, answer.error["code"]) == (404, "model_not_found")


def test_a_plan_may_allow_some_models_alone(world):
    key = world.key(plan=world.plan(name="small", models=("nova-lite",)))

    listed = world.call("GET", "/v1/models", key=key).json["data"]
    other = world.call("GET", "/v1/models/claude-haiku-4-5", key=key)
    chat = world.chat("Hi", key=key, model="claude-haiku-4-5")
    embedded = embed(world, key)

    assert [model["id"] for model in listed] == ["nova-lite"]
    assert [each.status for each in (other, chat, embedded)] == [404] * 3
    assert chat.error == {
        "message": "The model `claude-haiku-4-5` does not exist or you do not have access to it.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    assert world.chat("Hi", key=key).status == 200


def test_a_chat_model_does_not_embed_and_an_embedder_does_not_chat(world, key):
    answers = [embed(world, key, model="nova-lite"), world.chat("Hi", key=key, model=EMBEDDER)]

    assert [(answer.status, answer.error["code"]) for answer in answers] == [(400, "model_not_supported")] * 2


def test_a_text_has_a_vector(world, key):
    answer = embed(world, key)

    body = answer.json
    (vector,) = body["data"]
    assert (body["object"], body["model"]) == ("list", EMBEDDER)
    assert (vector["object"], vector["index"], len(vector["embedding"])) == ("embedding", 0, 256)
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 0
    assert answer.headers["x-tidegate-target"].startswith("wordllama://")


def test_base64_is_the_same_vector_in_little_endian_floats(world, key):
    floats = embed(world, key, encoding_format="float").json["data"][0]["embedding"]
    encoded = embed(world, key, encoding_format="base64").json["data"][0]["embedding"]

    assert struct.unpack("<256f", base64.b64decode(encoded)) == pytest.approx(tuple(floats), abs=1e-7)


def test_vectors_come_in_the_order_of_their_texts(world, key):
    texts = ["tide", "moon", "tide"]

    data = embed(world, key, input=texts).json["data"]

    assert [each["index"] for each in data] == [0, 1, 2]
    assert data[0]["embedding"] == data[2]["embedding"] != data[1]["embedding"]


def test_what_an_embedding_burned_is_charged(world, key):
    usage = embed(world, key, input=["tide", "moon"]).json["usage"]

    used = world.used()
    assert (used.requests, used.tokens) == (1, usage["total_tokens"])
    assert world.leases() == {"settled": 1}


def test_dimensions_that_a_model_does_not_have_are_a_bad_request_that_costs_nothing(world, key):
    answer = embed(world, key, dimensions=300)

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert world.used().requests == 0
