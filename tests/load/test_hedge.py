"""Two targets, one of them late: over HTTP, through whole turns."""

import dataclasses
import threading
from contextlib import ExitStack

import pytest

from chalicelib.adapters.models.openai import open_openai
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.ledger import subjects_of
from chalicelib.pipeline.turn import answer, stream
from tests.builders import NOW, WIDE, a_model, a_request, an_ask
from tests.unit.pipeline.stage import Stage
from tests.upstreams.openai_server import OpenAiServer, Pace, Reply

LATE, OTHER = "script://late", "script://other"
CAP = 100


@pytest.fixture
def servers():
    """The late one says nothing before `go` is set, the other one nothing before the late one was asked."""
    go = threading.Event()
    with ExitStack() as stack:
        late, other = (stack.enter_context(OpenAiServer()) for _ in range(2))
        stack.callback(go.set)
        late.pace = Pace(first_ms=1, sleep=lambda _: go.wait(20))
        other.pace = Pace(first_ms=1, sleep=lambda _: wait_until(lambda: late.requests))
        late.go = go
        yield late, other


def a_stage(servers):
    """The late one is asked first: `random` draws it while nobody is known."""
    names = {"late": servers[0], "other": servers[1]}
    models = {name: open_openai(f"openai+{server.url}") for name, server in names.items()}
    stage = Stage(WIDE, models=models, caching=False)
    hedged = a_model("small", LATE, OTHER, hedge_after_ms=1, default_output_tokens=CAP)
    gate = dataclasses.replace(stage.services.gate, catalogue=Catalogue((hedged,)))
    stage.services = dataclasses.replace(stage.services, gate=gate)
    stage.hedged = hedged
    return stage


def in_flight(stage):
    return [each.in_flight for each in stage.pool.watched(stage.hedged, stage.hedged.targets)]


def wait_until(holds):
    pulse = threading.Event()
    for _ in range(2_000):
        if holds():
            return True
        pulse.wait(0.01)
    return False


@pytest.mark.parametrize("streamed", [False, True])
def test_the_other_answers_and_both_are_paid_for(servers, streamed):
    stage = a_stage(servers)
    ask = an_ask(credential=stage.credential, request=a_request("Hello there", max_output_tokens=CAP))

    if streamed:
        whole = stream(ask, stage.services)
        text, head = "".join(delta.text for delta in whole.deltas), whole.head
    else:
        reply = answer(ask, stage.services)
        text, head = reply.completion.text, reply.head

    assert text == "Echo: Hello there"
    assert (head.target, head.attempts) == (OTHER, 2)
    assert [len(server.requests) for server in servers] == [1, 1]
    (_, first), (_, second) = stage.shelf.leases.values()
    assert stage.leases() == ["settled", "settled"]
    assert second.charge.tokens == first.charge.tokens > CAP
    report = stage.meter.reports[-1]
    assert stage.used().tokens == second.charge.tokens + report.input_tokens + report.output_tokens
    assert stage.used().usd_micros == second.charge.usd_micros + report.usd_micros
    assert report.lost_usd_micros == second.charge.usd_micros
    assert stage.used().requests == 1


def test_the_late_one_is_ended_when_it_comes(servers):
    stage = a_stage(servers)
    ask = an_ask(credential=stage.credential, request=a_request("Hello", max_output_tokens=CAP))

    list(stream(ask, stage.services).deltas)
    assert in_flight(stage) == [1, 0]
    servers[0].go.set()

    assert wait_until(lambda: in_flight(stage) == [0, 0])
    assert stage.shelf.held(subjects_of(stage.credential)[0]).tokens == 0


def test_nothing_is_paid_for_a_second_call_that_was_refused(servers):
    stage = a_stage(servers)
    ask = an_ask(credential=stage.credential, request=a_request("Hello", max_output_tokens=CAP), now=NOW)
    refused = threading.Event()
    servers[1].replies = _Refusing(refused)
    threading.Thread(target=go_on, args=(stage, servers, refused), daemon=True).start()

    reply = answer(ask, stage.services)

    assert reply.head.target == LATE
    assert stage.leases() == ["settled", "released"]
    assert stage.used().tokens == reply.completion.usage.input_tokens + reply.completion.usage.output_tokens
    assert stage.meter.reports[-1].lost_usd_micros == 0


def go_on(stage, servers, refused):
    """The late one speaks when the refusal is known for long."""
    refused.wait(20)
    wait_until(lambda: in_flight(stage)[1] == 0)
    threading.Event().wait(0.3)
    servers[0].go.set()


class _Refusing:
    """Every call is refused, and somebody is told of it."""

    def __init__(self, told):
        self._told = told

    def popleft(self):
        self._told.set()
        return Reply(status=429, body=b"{}")
