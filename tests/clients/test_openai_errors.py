"""Refusals as the OpenAI client for Python raises them."""

import openai
import pytest

from chalicelib.domain.budget import Limit, Plan
from tests.clients.product import MODEL, ask

TWO_A_MINUTE = Plan("two-a-minute", limits=(Limit("key", "minute", requests=2),))
FEW_TOKENS = Plan("few-tokens", limits=(Limit("key", "month", tokens=500),))
NO_SUCH = "conv_00000000000000000000000000000000"


def until_refused(client):
    """Ask until a limit refuses; at most one minute can end on the way, since nobody waits."""
    for number in range(6):
        ask(client, f"Question {number}")
    pytest.fail("nothing was refused")


@pytest.mark.parametrize("key", ["wrong", "tg_test_" + "a" * 40 + "_" + "b" * 39, "sk-proj-abc"])
def test_a_wrong_key_is_no_key(product, key):
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(product.client(api_key=key), "Let me in")

    assert (refused.value.code, refused.value.type) == ("invalid_api_key", "authentication_error")
    assert refused.value.request_id
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "param", "code"),
    [
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"n": 2}, "n", "invalid_value"),
        ({"max_tokens": 10_000_000}, "max_tokens", "invalid_value"),
        ({"extra_body": {"temprature": 1}}, "temprature", "unknown_parameter"),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ],
)
def test_a_wrong_request_is_told_which_field_is_wrong(client, options, param, code):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, "Hello", **options)

    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.type == "invalid_request_error"


def test_a_message_of_no_known_role_is_named(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=[{"role": "nobody", "content": "Hello"}])

    assert refused.value.param.startswith("messages")


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-0", messages=[{"role": "user", "content": "Hello"}])

    assert (refused.value.param, refused.value.code) == ("model", "model_not_found")


def test_a_model_that_only_embeds_does_not_chat_and_the_other_way_round(client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="wordllama-256", messages=[{"role": "user", "content": "Hello"}])
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model=MODEL, input="Hello")


def test_an_unknown_conversation_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        ask(client, "Remember me?", extra_body={"conversation": NO_SUCH})

    assert refused.value.code == "not_found"


def test_a_path_that_is_none_is_not_found(client):
    with pytest.raises(openai.NotFoundError):
        client.files.list()


def test_a_key_of_a_new_plan_is_refused_at_its_limit_and_told_when_to_return(product):
    client = product.client(api_key=product.books().key_with(TWO_A_MINUTE))

    with pytest.raises(openai.RateLimitError) as refused:
        until_refused(client)

    headers = refused.value.response.headers
    assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert 1 <= int(headers["retry-after"]) <= 60
    assert headers["x-ratelimit-limit-requests"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "0"


def test_the_client_waits_as_long_as_it_was_told_to(product, monkeypatch):
    waits, told = [], []

    def note(response):
        told.append(response.headers.get("retry-after"))

    http = openai.DefaultHttpxClient(event_hooks={"response": [note]})
    key = product.books().key_with(TWO_A_MINUTE)
    client = openai.OpenAI(base_url=product.url, api_key=key, http_client=http)  # with its own number of retries
    monkeypatch.setattr("openai._base_client.time.sleep", waits.append)

    with pytest.raises(openai.RateLimitError):
        until_refused(client)

    refusals = [float(wait) for wait in told if wait is not None]
    assert len(refusals) > openai.DEFAULT_MAX_RETRIES
    assert waits == refusals[:-1]


def test_a_limit_on_tokens_counts_what_an_answer_may_take(product):
    books = product.books()
    key = books.key_with(FEW_TOKENS)
    client = product.client(api_key=key)

    with pytest.raises(openai.RateLimitError) as refused:
        ask(client, "A long one", max_tokens=1000)
    completion = ask(client, "A short one", max_tokens=50)

    assert "tokens per month of the key (500)" in str(refused.value)
    assert books.spent(key).tokens == completion.usage.total_tokens
