"""Requests that the OpenAI client for Python sends again."""

import uuid

import openai
import pytest

from tests.clients.product import MODEL

HELLO = [{"role": "user", "content": "What is a tide?"}]


def create(client, key, **fields):
    request = {"model": MODEL, "messages": HELLO, **fields}
    return client.chat.completions.with_raw_response.create(**request, extra_headers={"Idempotency-Key": key})


def test_a_request_that_is_sent_again_is_answered_with_the_same_bytes(client):
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, "whole"))

    first, twin = (create(client, key, temperature=1, seed=7) for _ in "ab")

    assert twin.content == first.content
    assert twin.headers["idempotent-replayed"] == "true"
    assert twin.parse().id == first.parse().id


def test_a_stream_that_is_sent_again_has_the_same_chunks(client):
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, "streamed"))

    first, twin = (list(create(client, key, stream=True).parse()) for _ in "ab")

    assert twin == first
    assert twin[-1].choices[0].finish_reason == "stop"


def test_another_request_with_the_same_key_is_an_error_of_its_own(client):
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, "reused"))
    create(client, key)

    with pytest.raises(openai.UnprocessableEntityError) as refused:
        create(client, key, seed=1)

    assert refused.value.code == "idempotency_key_reused"
