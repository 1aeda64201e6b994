"""What a chat completion's body asks of the pipeline."""

import json

import pytest

from chalicelib.domain.chat import Assistant, Options, User
from chalicelib.domain.errors import BadRequest
from chalicelib.edge.call import decode
from chalicelib.edge.chat_request import ChatBody, ask_of
from tests.unit.edge.test_call import GOOD, a_call

TOOL = {"type": "function", "function": {"name": "f"}}
OPTIONS = {
    "temperature": 0.5,
    "top_p": 0.5,
    "stop": ["a", "b"],
    "seed": 7,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"1": 2.0},
    "response_format": {"type": "json_object"},
    "tools": [TOOL],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "user": "u",
}


def asked(**fields):
    call = a_call()
    return ask_of(call, decode(json.dumps({**GOOD, **fields}).encode(), ChatBody))


def test_the_least_that_can_be_asked_leaves_everything_to_the_model():
    ask = asked()

    assert ask.request.messages == (User("Hi"),)
    assert ask.request.options == Options()
    assert (ask.request.max_output_tokens, ask.conversation, ask.cache) == (0, None, None)


@pytest.mark.parametrize("name", Options.__struct_fields__)
def test_every_option_reaches_the_request(name):
    value = getattr(asked(**OPTIONS).request.options, name)

    assert value != getattr(Options(), name)


def test_reasoning_that_is_sent_back_is_not_sent_on():
    said = {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}

    assert asked(messages=[said]).request.messages == (Assistant("Hi"),)


def test_one_stop_sequence_is_a_list_of_one():
    assert asked(stop="a").request.options.stop == ("a",)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_both_names_of_the_cap_are_known(name):
    assert asked(**{name: 7}).request.max_output_tokens == 7


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": 7, "max_completion_tokens": 7}, "max_tokens"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": "auto", "tools": []}, "tool_choice"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields, param):
    with pytest.raises(BadRequest) as caught:
        asked(**fields)

    assert caught.value.param == param


@pytest.mark.parametrize("name", [each for each in ChatBody.__struct_fields__ if each not in GOOD])
def test_null_is_the_same_as_nothing(name):
    assert asked(**{name: None}).request == asked().request


@pytest.mark.parametrize("seed", [2**63 - 1, -(2**63), 0])
def test_a_seed_has_64_bits(seed):
    assert asked(seed=seed).request.options.seed == seed


@pytest.mark.parametrize("name", ["f", "x" * 64, "Look_up-2"])
def test_one_of_the_tools_may_be_chosen(name):
    tool = {"type": "function", "function": {"name": name}}
    options = asked(tools=[{"type": "function", "function": {"name": "other"}}, tool], tool_choice=tool).request.options

    assert options.tool_choice.function.name == name


@pytest.mark.parametrize("url", ["https://x.test/a.png", "HTTPS://x.test", "data:image/png;base64,AAAA"])
def test_an_image_is_on_the_web_or_in_the_request(url):
    part = {"type": "image_url", "image_url": {"url": url}}

    (message,) = asked(messages=[{"role": "user", "content": [part]}]).request.messages

    assert message.content[0].image_url.url == url


def test_the_word_on_the_cache_is_taken_as_it_is_written():
    cache = asked(cache={"ttl": 5, "no-cache": True, "no-store": True}).cache

    assert (cache.ttl, cache.no_cache, cache.no_store) == (5, True, True)
