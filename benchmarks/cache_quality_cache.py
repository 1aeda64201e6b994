"""The product's own cache as this benchmark drives it: its stages and its index over stores in memory."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from benchmarks.cache_quality_log import Journal
from chalicelib.adapters.embedders.word_vectors import WordVectors
from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
from chalicelib.adapters.memory.answers import MemoryAnswers
from chalicelib.adapters.memory.decisions import MemoryDecisions, MemoryLessons
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.vectors.flat import FlatIndex
from chalicelib.adapters.verifier.judge import ShippedJudge
from chalicelib.adapters.verifier.version import version
from chalicelib.adapters.verifier.weights import load
from chalicelib.domain.budget import Plan
from chalicelib.domain.cache_key import cacheable, places
from chalicelib.domain.catalogue import Model, Prices, Target
from chalicelib.domain.chat import ChatRequest, Completion, Options, Usage, User
from chalicelib.domain.entries import Entry
from chalicelib.domain.identity import RANDOM_BYTES, Principal, mint, tenant_tag, user_tag
from chalicelib.domain.lessons import Ruling
from chalicelib.domain.turn import Ask, CacheControl, CachedAnswer, Caller, Memory, Opened
from chalicelib.domain.turn_ids import turn_id
from chalicelib.domain.verdicts import Bound, Knobs
from chalicelib.pipeline.cache import AnswerCache, Meanings, SemanticTier, Sighting
from chalicelib.pipeline.fits import Fits
from chalicelib.pipeline.refit import Refitter

EMBEDDER: Final = "wordllama"
TTL_SECONDS: Final = 366 * 86_400  # no entry of a stream expires
SECONDS_APART: Final = 6.0  # of two requests; a refit comes after as many as it does of a tenant with such traffic
REFITTED_EVERY: Final = 50
_BEGAN: Final = 1_780_000_000.0
_WITHIN_SECONDS: Final = 60.0  # a busy machine misses no look-up here
_REWORDED: Final = "\n"  # between what an answer means and the words of this one
_USAGE: Final = Usage(input_tokens=10, output_tokens=8)


class Shared(Struct, frozen=True):
    """What takes long to load, and is the same for every cache."""

    embedder: WordLlamaEmbedder
    judge: ShippedJudge


def shared() -> Shared:
    """The offline embedder, and the judge as it ships."""
    return Shared(WordLlamaEmbedder(), ShippedJudge(WordVectors()))


class Turns:
    """One tenant's turns, as far as they concern the cache: looked up, answered afresh where they must be, learned."""

    def __init__(self, bound: Bound, parts: Shared, *, checks: bool, seed: int = 0) -> None:
        self._shelf = Shelf()
        self._numbers = random.Random(seed)
        self._now = _BEGAN
        self._decisions = MemoryDecisions(self._shelf)
        self._answers = MemoryAnswers(self._shelf)
        self._index = FlatIndex(Journal(), clock=time.monotonic, most_bytes=2**28)
        self._fits = Fits(EMBEDDER, version())
        meanings = Meanings(parts.embedder, self._index, parts.judge, self, self._decisions)
        tier = SemanticTier(
            mode="serve",
            embedder=EMBEDDER,
            knobs=Knobs(bound),
            within_seconds=_WITHIN_SECONDS,
            meanings=lambda: meanings,
            fits=self._fits,
            draw=self._numbers.random if checks else lambda: 1.0,
        )
        self._cache = AnswerCache(self._answers, TTL_SECONDS, tier)
        self._refitter = Refitter(
            lessons=MemoryLessons(self._shelf),
            comparison=lambda: self,
            prior=lambda: load().prior,
            bound=bound,
            index=self._index,
            clock=lambda: self._now,
        )
        self._requests = 0

    def lookup(self, text: str) -> tuple[Opened, Sighting]:
        """A request that asks for the cache, and what the cache made of it."""
        self._now += SECONDS_APART
        self._requests += 1
        if self._requests % REFITTED_EVERY == 0:
            self._refit()
        opened = _opened(text, self._now, turn_id(self._now, self._numbers.randbytes(10)), self._shelf)
        return opened, self._cache.lookup(opened)

    def answer(self, opened: Opened, seen: Sighting, fresh: str) -> str:
        """What the caller gets: the stored answer, or the `fresh` one, which is then kept."""
        if seen.answer is not None:
            self._cache.record(seen)
            return seen.answer.completion.text or ""
        self._cache.store(opened, seen, Completion(text=fresh, usage=_USAGE), "recorded")
        return fresh

    def keep(self, key: str, answer: CachedAnswer, entry: Entry, ruling: Ruling | None, now: float) -> bool:
        """`Keeper` in memory."""
        self._answers.store(key, answer)
        self._index.add([entry], now)
        if ruling is not None:
            self._decisions.put(ruling)
        return True

    def agree(self, fresh: str, stored: str) -> bool | None:
        """`Comparison` of answers that are names."""
        return _meaning(fresh) == _meaning(stored)

    def _refit(self) -> None:
        for namespace in list(self._shelf.namespaces):
            if self._refitter.refit(namespace, self._now) is not None:
                course = self._shelf.namespaces[namespace]
                self._fits.heard(namespace, course.calibration, self._now)
                for place in [each for each in self._shelf.told if each[1] <= course.cursor]:
                    del self._shelf.told[place]  # learned, and nobody looks it up here


def _opened(text: str, now: float, turn: str, shelf: Shelf) -> Opened:
    """The turn as it is when the caller is known and what is stored was read."""
    request = ChatRequest("small", (User(text),), _USAGE.output_tokens, Options())
    ask = Ask(_CREDENTIAL, request, turn, now, cache=CacheControl())
    place = places(*_TAGS, request)[0] if cacheable(request, asked=True) else None
    found = place and shelf.found(place.key, now)
    answers = {place.key: found} if place is not None and isinstance(found, CachedAnswer) else {}
    memory = Memory(None, {}, {}, answers, None)
    return Opened(ask, Caller(_PRINCIPAL, Plan(name="standard"), {}, turn, now), _MODEL, request, memory, place)


_CREDENTIAL: Final = mint("acme", "ada", live=False, random=bytes(RANDOM_BYTES))
_TAGS: Final = (tenant_tag("acme"), user_tag("acme", "ada"))
_PRINCIPAL: Final = Principal("acme", "ada", "".join(_TAGS), frozenset({"chat"}), "standard")
_MODEL: Final = Model(
    id="small",
    targets=(Target("simulated://echo"),),
    max_output_tokens=1_000,
    default_output_tokens=100,
    context_tokens=8_000,
    prices=Prices(input=0, output=0),
)


def pair(parts: Shared, one: str, other: str) -> Sighting:
    """What a cache that was given `one` alone, and taught nothing, makes of `other`."""
    turns = Turns(Bound(), parts, checks=False)
    turns.answer(*turns.lookup(one), "answer")
    return turns.lookup(other)[1]


def stream(parts: Shared, rows: Iterable[tuple[str, str]], max_error: float, seed: int = 0) -> Iterator[bool | None]:
    """For each text and cluster whether the answer that was served is right; None where none was served."""
    turns = Turns(Bound(max_error), parts, checks=True, seed=seed)
    for text, cluster in rows:
        opened, seen = turns.lookup(text)
        given = turns.answer(opened, seen, cluster)
        yield None if seen.answer is None else _meaning(given) == _meaning(cluster)


def reworded(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The same rows with answers of which no two are in the same words; only the judges know what they mean."""
    for number, (text, cluster) in enumerate(rows):
        yield text, f"{cluster}{_REWORDED}{number}"


def _meaning(answer: str) -> str:
    return answer.partition(_REWORDED)[0]
