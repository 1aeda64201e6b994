"""What `make soak` says is true: its callers, its model's books and its verdicts; and a little of it, played."""

import asyncio
import io
import itertools
import math
import os
import time
from unittest.mock import Mock

import pytest

from benchmarks.figures import Figures
from benchmarks.product import running
from benchmarks.soak.books import model
from benchmarks.soak.crowd import BROKEN, FAILED, GAVE_UP, Call, Crowd, Line, Tally, Wish, at_ease, at_rate
from benchmarks.soak.load import load
from benchmarks.soak.mix import Tenant, talk
from benchmarks.soak.model import WORDS
from benchmarks.soak.page import soak_tables
from benchmarks.soak.recovery import back_after
from benchmarks.soak.slow import slow
from benchmarks.soak.sockets import Talker, sockets
from benchmarks.soak.stage import Stage
from benchmarks.soak.watch import Sample, Trace, watched

BODY = {"messages": [{"role": "user", "content": "What is a tide?"}], "user": "ada"}
BURNED = 3 + 1 + 20  # of the question's 15 letters, and of the answer's words


@pytest.fixture
def moody():
    with model() as started:
        yield started


def asked(moody, *wishes, patience_s=10.0):
    async def ask():
        crowd = Crowd(moody.port, patience_s=patience_s)
        calls = [await crowd.call(wish, time.perf_counter()) for wish in wishes]
        crowd.close()
        return [call.status for call in calls]

    return asyncio.run(ask())


def test_the_model_counts_what_it_burns_and_for_whom(moody):
    streamed = {**BODY, "stream": True}

    statuses = asked(moody, Wish("k", BODY), Wish("k", streamed), Wish("k", {**streamed, "user": "bob"}))

    books = moody.books()
    assert (statuses, books.burned, books.ends) == ([200] * 3, {"ada": 2 * BURNED, "bob": BURNED}, {"answered": 3})


def test_the_model_fails_as_it_is_told_and_burns_nothing_where_it_refused(moody):
    moody.order(every=1)

    statuses = asked(moody, *[Wish("k", BODY)] * 4, patience_s=30.0)

    assert statuses == [500, 429, FAILED, BROKEN]
    assert moody.books().burned == {"ada": 2 * BURNED}


def test_a_caller_leaves_a_stream_where_it_is_told_to_and_gives_up_in_the_end(moody):
    leaving = Wish("k", {**BODY, "stream": True}, leaves_after=2)

    left = asked(moody, leaving, leaving)
    moody.order(every=1, kinds=("hang",))

    assert left == [200, 200]
    assert asked(moody, Wish("k", BODY), patience_s=0.2) == [GAVE_UP]


def test_a_crowd_knows_how_many_connections_it_holds_open(moody):
    async def held():
        crowd = Crowd(moody.port)
        counts = [crowd.connections()]
        for wish in (Wish("k", BODY), Wish("k", {**BODY, "stream": True}, leaves_after=2), Wish("k", BODY)):
            await crowd.call(wish, time.perf_counter())
            counts.append(crowd.connections())
        crowd.close()
        return [*counts, crowd.connections()]

    assert asyncio.run(held()) == [0, 1, 0, 1, 0]


def test_at_a_rate_callers_come_whether_or_not_others_were_answered(moody):
    moody.order(latency_ms=300.0)

    async def ask():
        crowd = Crowd(moody.port)
        tally = await at_rate(crowd, itertools.repeat(Wish("k", BODY)), lambda _: 400.0, 0.2)
        crowd.close()
        return tally

    tally = asyncio.run(ask())

    assert tally.statuses == {200: len(tally.calls)}
    assert 40 < len(tally.calls) < 160  # one after the other there would have been one


def test_at_ease_each_caller_waits_for_its_answer(moody):
    moody.order(latency_ms=1_500.0)

    async def ask():
        crowd = Crowd(moody.port)
        tally = await at_ease(crowd, itertools.repeat(Wish("k", BODY)), 3, 1.0)
        crowd.close()
        return tally

    assert len(asyncio.run(ask()).calls) == 3


def test_a_tally_knows_a_refusal_from_a_fault():
    tally = Tally([Call(status, 10.0, 1.0) for status in (200, 202, 429, 404, 500, 503, BROKEN, FAILED, GAVE_UP)])

    assert (tally.faults, tally.gave_up, tally.answered(10.5, 12.5)) == (4, 1, 0.5)


def test_a_tally_knows_whose_calls_are_whose():
    tally = Tally([Call(200, 1.0, 1.0, key="a"), Call(429, 1.0, 1.0, key="b"), Call(200, 2.0, 1.0, key="a")])

    assert tally.of("a").statuses == {200: 2}


HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = b'data: {"choices": []}\n\n'


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ((PIECE, b"data: [DONE]\n\n"), 200),
        ((PIECE, b'data: {"error": {}}\n\n', b"data: [DONE]\n\n"), FAILED),
        ((PIECE,), FAILED),
    ],
)
def test_a_stream_that_fails_on_its_way_was_not_answered(told, status):
    async def ask():
        reader = asyncio.StreamReader()
        reader.feed_data(HEAD + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in told) + b"0\r\n\r\n")
        return await Line(reader, Mock()).ask(Wish("k", BODY))

    assert asyncio.run(ask()) == (status, False)


def test_a_caller_who_left_is_known(moody):
    streamed = {**BODY, "stream": True}

    async def ask():
        crowd = Crowd(moody.port)
        calls = [await crowd.call(Wish("k", streamed, after), 0.0) for after in (2, None)]
        crowd.close()
        return [call.left for call in calls]

    assert asyncio.run(ask()) == [True, False]


@pytest.mark.parametrize(
    ("numbers", "words", "whole"),
    [([1, 2], WORDS, True), ([1, 2, 2], WORDS, False), ([1, 3], WORDS, False), ([1, 2], WORDS - 1, False)],
)
def test_an_answer_over_a_socket_is_whole_where_each_chunk_came_once_and_all_was_said(numbers, words, whole):
    talker = Talker("ws://", "http://", "tg_test_x", Tenant("ada", "tg_test_x"), breaks=False)
    for place, seq in enumerate(numbers):
        said = " tide" * (words - 1 if place == 0 else place == 1)
        talker.hear({"type": "chunk", "seq": seq, "data": {"choices": [{"delta": {"content": said}}]}})
    talker.hear({"type": "done"})

    assert talker.whole is whole


def test_what_callers_hold_open_is_not_the_servers():
    async def seen():
        async with watched({"a": os.getpid(), "b": os.getpid()}, {"a": lambda: 3}) as traces:
            await asyncio.sleep(0)
        return {name: each.samples[0].descriptors for name, each in traces.items()}

    found = asyncio.run(seen())

    assert found["a"] == found["b"] - 3


def trace(resident_mb, *, seconds=1_200, descriptors=lambda _: 40, threads=lambda _: 12):
    minutes = [second / 60 for second in range(0, seconds, 5)]
    samples = [Sample(each * 60, resident_mb(each), descriptors(each), threads(each)) for each in minutes]
    return Trace(samples).row()


def test_memory_that_rises_and_falls_does_not_grow():
    assert not trace(lambda minute: 150 + math.sin(minute * 7))["grows"]


def test_a_start_is_not_a_growth():
    assert not trace(lambda minute: 150 - 40 * math.exp(-minute))["grows"]


def test_two_megabytes_an_hour_are_a_growth():
    row = trace(lambda minute: 150 + minute / 30 + math.sin(minute * 7) / 50)

    assert row["grows"]
    assert row["mb_an_hour"] == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(("kept", "grows"), [(0, False), (1 / 30, True)])
def test_what_bursts_take_is_not_a_growth_and_hides_none(kept, grows):
    def resident_mb(minute):
        return 86 + kept * minute + max(0.0, math.sin(minute * 7)) * minute / 20

    assert trace(resident_mb)["grows"] is grows


def test_the_memory_of_a_few_minutes_is_told_and_not_judged():
    row = trace(lambda minute: 150 + minute, seconds=180)

    assert not row["grows"]
    assert row["mb_an_hour"] == pytest.approx(60)


@pytest.mark.parametrize("what", ["descriptors", "threads"])
def test_one_more_a_minute_is_a_growth(what):
    assert trace(lambda _: 150.0, **{what: int})["grows"]


def test_a_moment_without_them_hides_no_growth():
    assert trace(lambda _: 150.0, descriptors=lambda minute: 0 if minute == 18 else int(minute))["grows"]


def test_a_pool_is_back_when_its_last_fault_is_over():
    calls = [Call(503 if 0 <= second < 12 else 200, float(second), 0.1) for second in range(-20, 40)]

    assert back_after(calls, 0.0, 40.0, 0.95) == 15.0
    assert back_after([*calls, Call(503, 39.0, 0.1)], 0.0, 40.0, 0.95) is None


def test_callers_leave_streams_where_they_are_told_to_and_the_same_seed_asks_the_same():
    ada = Tenant("ada", "tg_test_x")
    staying, leaving, again = (
        [next(wishes) for _ in range(200)]
        for wishes in (talk([ada], 7), talk([ada], 7, leavers=1.0), talk([ada], 7, leavers=1.0))
    )

    assert {wish.leaves_after for wish in staying} == {None}
    assert {wish.leaves_after is None for wish in leaving if wish.body.get("stream")} == {False}
    assert [wish.leaves_after for wish in leaving] == [wish.leaves_after for wish in again]


def test_a_little_of_it_holds_with_everything_on():
    figures = Figures(io.StringIO())
    figures.add("machine", python="3.11", cores=2, load=0.5, seed=7)
    figures.add("soak_peak", callers=16, answered_per_second=99.5)

    async def play(stage):
        await load(stage, 1.5)
        await slow(stage, 0.5)
        await sockets(stage, 40)

    with model() as moody, running(f"openai+{moody.url}/v1", UPSTREAM_MODEL="soak") as product:
        asyncio.run(play(Stage(product, moody, 7, figures)))

    timed = ("slow readers: what others get", "load: what is used")
    broken = [row for row in figures.of("soak_holds") if not row["held"] and not row["what"].startswith(timed)]
    assert broken == []
    assert {row["row"] for row in figures.of("soak_holds")} == {1, 4, 5, 30, 37, 38}
    page = soak_tables(figures)
    assert "At most 99.5 calls a second were answered, to 16 callers." in page
    assert "| 38 | load: faults of the server | 0 of " in page
