"""A clock tells another principal nothing: what was answered to somebody else and what was not look alike.

Two things are shown, and neither asserts how long anything took.

- What a probe causes is the same, one by one: each request to the stores in its order, how much it asks for, how much
  comes back, and what the judge is shown. For the victim's own probes it is not, so that a difference would show.
- The area under the curve that tells the two apart by their times, of 2,000 probes of each kind in a random order. A
  coin has 0.5 with a deviation of 0.009, whatever else the machine does meanwhile: that comes to both kinds alike.

Both are shown for the judge as it ships too, of a prober who has neighbours of its own: the judge then looks words up.

All share one process, as they may in a warm Lambda, and one embedder with whatever it remembers.
"""

import random
import time

import numpy as np
import pytest

from chalicelib.adapters.embedders.llama_tokens import LlamaTokens
from chalicelib.adapters.embedders.word_vectors import WordVectors
from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
from chalicelib.adapters.verifier.judge import ShippedJudge
from chalicelib.domain.semantic import verifier
from tests.security.indexes import INDEXES
from tests.security.tenants import Persuaded, Tenant, Town

PROBES = 2_000  # of each kind
BOUND = 0.55
VICTIM, STRANGER, COLLEAGUE = (
    Tenant(*who, shares=False) for who in (("acme", "ada"), ("evil", "eve"), ("acme", "eve"))
)
QUESTION = "How do I boil {} eggs in a large pot of water?"
OWN = "How should I cook eggs in a pan of water?"  # what the prober was answered itself, and no guard forbids


def town(patch, index, answered, judge=None):
    """Where the victim was answered those questions, by an embedder as it ships."""
    made = Town(*INDEXES[index](patch, ()), judge, WordLlamaEmbedder())
    for number in answered:
        made.teach(VICTIM, QUESTION.format(number))
    return made


def chosen(count):
    """Numbers that look alike: those of the questions that were answered, and those of others."""
    numbers = random.Random(1).sample(range(1_000, 10_000), 2 * count)
    return numbers[:count], numbers[count:]


def words(count):
    """Words that look alike and that nobody knows, as `chosen` has numbers."""
    draw = random.Random(1)
    made = {"".join(draw.choice(part) for part in ("bdfgklmnprstv", "aeiou") * 3) for _ in range(4 * count)}
    shuffled = sorted(made, key=lambda word: draw.random())[: 2 * count]
    return shuffled[:count], shuffled[count:]


class Trace(Persuaded):
    """What goes through the judge, the answers and the index's store, as amounts."""

    def __init__(self):
        self.seen = []

    def judge(self, question, neighbours, fit, knobs):
        self.seen.append(("judge", len(question), len(neighbours)))
        return super().judge(question, neighbours, fit, knobs)

    def watch(self, patch, owner, name):
        call = getattr(owner, name)

        def watched(*arguments, **options):
            result = call(*arguments, **options)
            self.seen.append((name, len(repr((arguments, sorted(options)))), len(repr(result))))
            return result

        patch.setattr(owner, name, watched)


def traces(made, trace, who, numbers):
    """What each probe left, after a first one: that reads the prober's own scope."""
    made.ask(made.opened(who, QUESTION.format("some")))
    left = []
    for number in numbers:
        trace.seen.clear()
        made.ask(made.opened(who, QUESTION.format(number)))
        left.append(tuple(trace.seen))
    return left


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("who", [STRANGER, COLLEAGUE], ids=lambda each: each.name)
def test_a_probe_leaves_the_same_trace_whether_another_was_answered_or_not(index, who, monkeypatch):
    answered, unasked = chosen(100)
    trace = Trace()
    made = town(monkeypatch, index, answered, trace)
    trace.watch(monkeypatch, made.decisions, "offer")
    trace.watch(monkeypatch, *made.index.door)

    (hit,), (miss,) = (set(traces(made, trace, who, numbers)) for numbers in (answered, unasked))
    own = set(traces(made, trace, VICTIM, answered)), set(traces(made, trace, VICTIM, unasked))

    assert hit == miss
    assert own[0].isdisjoint(own[1])


def area(hits, misses):
    """How often one of the first is longer than one of the second."""
    ranks = np.argsort(np.argsort(np.concatenate([hits, misses])))
    return (ranks[: len(hits)].sum() - len(hits) * (len(hits) - 1) / 2) / (len(hits) * len(misses))


def timed(made, who, labelled):
    """How long probes took, of each kind, one after the other in that order."""
    times = {True: [], False: []}
    for number, label in labelled:
        opened = made.opened(who, QUESTION.format(number))
        began = time.perf_counter_ns()
        made.ask(opened)
        times[label].append(time.perf_counter_ns() - began)
    return times[True], times[False]


@pytest.mark.parametrize("who", [STRANGER, COLLEAGUE], ids=lambda each: each.name)
def test_no_clock_tells_a_strangers_hits_from_misses(who, monkeypatch):
    answered, unasked = chosen(PROBES)
    made = town(monkeypatch, "flat", answered)
    labelled = [(number, True) for number in answered] + [(number, False) for number in unasked]
    random.Random(2).shuffle(labelled)

    found = area(*timed(made, who, labelled))

    assert 1 - BOUND <= found <= BOUND


def judged(patch, answered):
    """Where the victim was answered questions with those words, before the judge as it ships; the prober another."""
    made = town(patch, "flat", answered, ShippedJudge(WordVectors()))
    made.teach(STRANGER, OWN)
    return made


def test_the_judge_reads_and_looks_up_for_a_stranger_what_it_did_for_another(monkeypatch):
    said, _ = words(100)
    after, alone = judged(monkeypatch, said), judged(monkeypatch, ())
    trace = Trace()
    trace.watch(monkeypatch, LlamaTokens, "_encode")
    trace.watch(monkeypatch, verifier, "read")

    heard, unheard = (traces(made, trace, STRANGER, said) for made in (alone, after))

    assert heard == unheard
    assert any(len(each) > len(QUESTION.split()) + 2 for each in heard)  # it embeds the question, reads two, and words


def test_no_clock_tells_a_stranger_which_words_another_used(monkeypatch):
    used, unused = words(PROBES // 2)
    made = judged(monkeypatch, used)
    labelled = [(word, True) for word in used] + [(word, False) for word in unused]
    random.Random(2).shuffle(labelled)

    found = area(*timed(made, STRANGER, labelled))

    assert 1 - BOUND <= found <= BOUND
