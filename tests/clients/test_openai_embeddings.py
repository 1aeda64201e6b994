"""Embeddings through the OpenAI client for Python, unmodified."""

import pytest

MODEL = "wordllama-256"


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_the_default_encoding_says_what_floats_say(client):
    packed = client.embeddings.create(model=MODEL, input="The tide comes in").data[0].embedding
    plain = client.embeddings.create(model=MODEL, input="The tide comes in", encoding_format="float").data[0].embedding

    assert len(plain) == 256
    assert packed == pytest.approx(plain)


def test_a_list_is_answered_in_its_order(client):
    texts = ["The tide comes in", "The stock market fell", "High water at noon"]

    answer = client.embeddings.create(model=MODEL, input=texts)

    singly = [client.embeddings.create(model=MODEL, input=text).data[0].embedding for text in texts]
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert [each.embedding for each in answer.data] == singly
    assert answer.usage.total_tokens > 0


def test_like_is_near_like(client):
    texts = ["How do I reset my password?", "I forgot my password", "The recipe needs two eggs"]

    question, like, unlike = (each.embedding for each in client.embeddings.create(model=MODEL, input=texts).data)

    assert dot(question, like) > dot(question, unlike)


def test_fewer_dimensions_can_be_had(client):
    answer = client.embeddings.create(model=MODEL, input="Short", dimensions=64)

    assert len(answer.data[0].embedding) == 64
