"""Answers given before, served again where they fit."""

import msgspec
import pytest

from chalicelib.adapters.memory.answers import MemoryAnswers
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.chat import Assistant, Usage
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.turn import CacheControl, CachedAnswer
from chalicelib.domain.verdicts import Knobs
from chalicelib.pipeline.cache import AnswerCache, SemanticTier, Sighting
from chalicelib.pipeline.fits import Fits
from tests.builders import NOW, a_completion, a_memory, a_request, an_ask, an_opened

TTL = 3_600
SEEN = Sighting(outcome="miss")
OFF = SemanticTier("off", "", Knobs(), 0.05, lambda: None, Fits("", ""), lambda: 1.0)
FOUND = CachedAnswer("scope", a_completion(), "simulated://echo", NOW - 60, NOW + 60)


def a_cache():
    shelf = Shelf()
    return AnswerCache(MemoryAnswers(shelf), TTL, OFF), shelf.answers


def opened_with(found=FOUND, *, control=None, request=None, **fields):
    request = request or a_request()
    memory = a_memory(answers={"key": found} if found else {})
    return an_opened(request=request, ask=an_ask(request=request, cache=control), memory=memory, **fields)


def test_an_answer_that_came_with_the_opening_read_is_served():
    cache, _ = a_cache()

    assert cache.lookup(opened_with()) == Sighting(FOUND, "hit")


@pytest.mark.parametrize(
    "opened",
    [
        opened_with(None),
        opened_with(place=None),
        opened_with(control=CacheControl(no_cache=True)),
        opened_with(msgspec.structs.replace(FOUND, scope="another")),
        opened_with(msgspec.structs.replace(FOUND, expires_at=NOW)),
        opened_with(request=a_request(max_output_tokens=7)),
    ],
)
def test_an_answer_that_may_not_be_served_is_not(opened):
    cache, _ = a_cache()

    assert cache.lookup(opened).answer is None


def test_an_answer_as_long_as_the_cap_is_served():
    cache, _ = a_cache()

    assert cache.lookup(opened_with(request=a_request(max_output_tokens=8))).answer == FOUND


@pytest.mark.parametrize(
    ("control", "lifetime"),
    [
        (None, TTL),
        (CacheControl(), TTL),
        (CacheControl(ttl=60), 60),
        (CacheControl(ttl=0), 0),
        (CacheControl(ttl=10**12), TTL),
        (CacheControl(no_cache=True), TTL),
    ],
)
def test_an_answer_lives_as_long_as_the_caller_says_and_the_operator_allows(control, lifetime):
    cache, kept = a_cache()
    opened = opened_with(None, control=control)

    cache.store(opened, SEEN, a_completion(), "simulated://echo")

    expected = CachedAnswer("scope", a_completion(), "simulated://echo", NOW, NOW + lifetime)
    assert kept == {"key": expected}


@pytest.mark.parametrize(
    ("opened", "completion"),
    [
        (opened_with(place=None), a_completion()),
        (opened_with(control=CacheControl(no_store=True)), a_completion()),
        (opened_with(), a_completion(finish_reason="length")),
        (opened_with(), a_completion(refusal="No.")),
        (opened_with(), a_completion("")),
    ],
)
def test_an_answer_that_may_not_be_kept_is_not(opened, completion):
    cache, kept = a_cache()

    cache.store(opened, SEEN, completion, "simulated://echo")

    assert kept == {}


def test_what_is_kept_is_served():
    cache, kept = a_cache()
    opened = opened_with(None)
    cache.store(opened, SEEN, a_completion(usage=Usage(10, 8)), "simulated://echo")

    again = msgspec.structs.replace(opened, memory=a_memory(answers=dict(kept)))

    assert cache.lookup(again).answer.completion == a_completion(usage=Usage(10, 8))


def test_a_store_that_is_down_is_a_later_miss():
    class Down:
        def store(self, key, answer):
            raise StoreUnavailable("Gone.")

    AnswerCache(Down(), TTL, OFF).store(opened_with(None), SEEN, a_completion(), "simulated://echo")


def test_an_answer_that_talk_outside_its_key_may_have_shaped_is_not_kept():
    cache, answers = a_cache()
    alone = "What is the capital of France?"

    cache.store(opened_with(request=a_request("Hello there", Assistant("Hi!"), alone)), SEEN, a_completion(), "t")
    assert answers == {}

    cache.store(opened_with(request=a_request("Hello there", Assistant("Hi!"), "And here?")), SEEN, a_completion(), "t")
    assert len(answers) == 1
