"""A key is answered once, whoever asks how often, and whatever breaks on the way."""

import json
import logging
from itertools import count

import msgspec
import pytest
from chalice.app import Response

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.errors import BadRequest, KeyReused, StillRunning, StoreUnavailable
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id
from chalicelib.edge import chat_reply, chat_request
from chalicelib.edge.gateway import SecretResponse, StreamedResponse
from chalicelib.edge.once import answering_once
from chalicelib.pipeline import turn
from tests.builders import NOW, a_conversation
from tests.unit.edge.test_call import a_call
from tests.unit.pipeline.mortal import Death, Life
from tests.unit.pipeline.stage import HELLO, LEASE_SECONDS, Scripted, Stage

BODY = {"model": "small", "messages": [{"role": "user", "content": "What is a tide?"}]}
LEASE = 200
STEPS = 7  # key, claim, recall, reserve, model, settle, keep


NEVER_REACHED = Limit("tenant", "month", tokens=10**9)  # so that each turn is reserved before its model is asked


class Desk:
    """A stage with the chat view in front of it."""

    def __init__(self, *, limits=(NEVER_REACHED,), **fields):
        self.stage = Stage(*limits, models={"a": Scripted(*HELLO)}, caching=False, **fields)
        self.stage.services.archive.create(a_conversation(), (), turn_id="first")
        self._calls = count(1)
        self.view = answering_once(lambda: self.stage.services.once)(self._chat)

    def _chat(self, call):
        body, ask = chat_request.read(call)
        if body.streamed:
            return chat_reply.streamed(turn.stream(ask, self.stage.services), with_usage=True)
        return chat_reply.whole(turn.answer(ask, self.stage.services))

    def post(self, *, key="k", prefer="", query=None, **fields):
        headers = {"Authorization": f"Bearer {self.stage.credential.token}", "Idempotency-Key": key, "Prefer": prefer}
        call = a_call(headers=headers, body=json.dumps(BODY | fields), multiValueQueryStringParameters=query)
        number = next(self._calls).to_bytes(RANDOM_BYTES, "big")
        return self.view(msgspec.structs.replace(call, turn_id=turn_id(self.stage.now, number), now=self.stage.now))

    @property
    def asked(self):
        return len(self.stage.model.requests)


@pytest.fixture
def life(monkeypatch):
    return Life(monkeypatch)


@pytest.mark.parametrize("swept", [False, True], ids=["at-once", "swept"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("conversation", [None, "conv_1"])
def test_a_process_that_dies_at_any_step_is_made_up_for(life, conversation, after, swept):
    deaths = 0
    for step in count(1):
        desk = Desk()
        life.begin(step, after=after)
        try:
            desk.post(conversation=conversation)
        except Death:
            deaths += 1
        else:
            break
        burned_before = desk.asked
        settled = "settled" in desk.stage.leases()
        life.begin(None)
        desk.stage.now += LEASE
        if swept:
            desk.stage.services.gate.turns.expire(NOW + 2 * LEASE_SECONDS, 10)

        answer = desk.post(conversation=conversation)
        again = desk.post(conversation=conversation)

        assert (answer.status_code, again.body) == (200, answer.body)
        assert desk.asked <= burned_before + 1
        assert "open" not in desk.stage.leases()
        twice = settled and conversation is None and desk.asked > burned_before  # nothing remembers what was said
        assert desk.stage.used().requests == 1 + twice
        assert desk.stage.used().tokens >= 12 * desk.asked
        turns = desk.stage.turns() if conversation else []
        assert [each.state for each in turns] == ["done"] * bool(conversation)
        assert [each.number for each in turns] == [1] * bool(conversation)
    assert deaths == STEPS


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_where_nothing_is_reserved_a_process_that_dies_leaves_one_answer(life, after):
    deaths = 0
    for step in count(1):
        desk = Desk(limits=())
        life.begin(step, after=after)
        try:
            desk.post()
        except Death:
            deaths += 1
        else:
            break
        settled, asked = "settled" in desk.stage.leases(), desk.asked
        life.begin(None)
        desk.stage.now += LEASE

        answer, again = desk.post(), desk.post()

        assert (answer.status_code, again.body) == (200, answer.body)
        assert set(desk.stage.leases()) == {"settled"}
        assert desk.stage.used().requests == 1 + (settled and desk.asked > asked)
    assert deaths == STEPS - 1


def test_a_process_that_dies_twice_leaves_one_answer(life):
    for first in range(1, 11):
        for second in range(1, 13):
            desk = Desk()
            for step in (first, second, None):
                life.begin(step, after=True)
                try:
                    answer = desk.post()
                except Death:
                    desk.stage.now += LEASE
            life.begin(None)

            assert desk.post().body == answer.body
            assert desk.stage.used().tokens >= 12 * desk.asked


def test_an_answer_that_the_conversation_remembers_is_told_without_the_model(life):
    desk = Desk()
    life.begin(None)
    desk.post(conversation="conv_1")
    steps = life._steps
    desk = Desk()
    life.begin(steps)  # the answer is not kept
    with pytest.raises(Death):
        desk.post(conversation="conv_1")
    life.begin(None)
    desk.stage.now += LEASE

    answer = json.loads(desk.post(conversation="conv_1").body)

    assert desk.asked == 1
    assert answer["choices"][0]["message"]["content"] == "Hello"
    assert answer["usage"]["total_tokens"] == 12
    assert answer["id"] == f"chatcmpl-{desk.stage.turns()[0].id}"
    assert desk.stage.used() == Charge(1, 12, 14)


def test_while_the_first_runs_a_twin_waits_and_hears_the_same():
    desk, heard = Desk(), []
    desk.stage.model.pieces = ()
    first = {}

    def asked_meanwhile(request, patience=None):
        with pytest.raises(StillRunning):
            desk.post()
        first["left"] = True
        return Scripted(*HELLO).complete(request)

    desk.stage.model.complete = asked_meanwhile
    heard = [desk.post().body, desk.post().body]

    assert first
    assert heard[0] == heard[1]
    assert desk.stage.used().requests == 1


def test_another_body_is_refused_while_the_first_runs():
    desk = Desk()

    def asked_meanwhile(request, patience=None):
        with pytest.raises(KeyReused):
            desk.post(seed=1)
        return Scripted(*HELLO).complete(request)

    desk.stage.model.complete = asked_meanwhile

    assert desk.post().status_code == 200
    assert desk.stage.now == NOW


def test_a_stream_is_held_for_as_long_as_pieces_come():
    desk = Desk()
    response = desk.post(stream=True)
    for _ in range(3):
        next(response.events)
        desk.stage.now += 60
    desk.stage.now -= 40  # long after the lease that it began with

    with pytest.raises(StillRunning):
        desk.post(stream=True)
    sent = b"".join(response.events)
    twin = desk.post(stream=True).body.encode()

    assert twin.endswith(sent)
    assert desk.asked == 1


def test_who_leaves_in_the_middle_ends_the_turn():
    desk = Desk()
    response = desk.post(stream=True)
    next(response.events)
    next(response.events)

    response.events.close()

    assert desk.stage.leases() == ["settled"]
    assert b"idempotency_answer_cut" in desk.post(stream=True).body.encode()


@pytest.mark.parametrize(("after", "held"), [(0, 0), (44, 0), (45, 1), (60, 1)])
def test_a_receipt_is_held_anew_once_half_of_its_lease_is_over(after, held):
    desk, holds = Desk(), []
    once = desk.stage.services.once
    hold = once.receipts.hold
    once.receipts.hold = lambda receipt, until: (holds.append(until), hold(receipt, until))
    response = desk.post(stream=True)
    begun, desk.stage.now = desk.stage.now, desk.stage.now + after

    for _ in range(2):
        next(response.events)

    assert holds == [int(begun) + after + once.lease_seconds] * held


def test_an_answer_goes_on_while_its_receipt_cannot_be_written():
    desk = Desk()
    response = desk.post(stream=True)

    def away(*_):
        raise StoreUnavailable("The database is away.")

    receipts = desk.stage.services.once.receipts
    receipts.hold = receipts.keep = away
    desk.stage.now += LEASE

    assert b"[DONE]" in b"".join(response.events)
    assert desk.stage.leases() == ["settled"]


def test_a_secret_is_told_though_the_notice_in_its_place_cannot_be_kept():
    desk = Desk()

    def away(*_):
        raise StoreUnavailable("The database is away.")

    desk.stage.services.once.receipts.keep = away
    desk.view = answering_once(lambda: desk.stage.services.once)(lambda call: SecretResponse("tg_live_s"))

    assert desk.post().body == "tg_live_s"


def test_a_secret_is_told_once_and_a_twin_hears_that_there_was_one():
    desk = Desk()
    desk.view = answering_once(lambda: desk.stage.services.once)(lambda call: SecretResponse("tg_live_s"))

    first, twin = desk.post(), desk.post()

    assert first.body == "tg_live_s"
    error = json.loads(twin.body)["error"]
    assert (twin.status_code, error["code"]) == (409, "idempotency_answer_withheld")
    assert "had a secret, which is shown once" in error["message"]
    assert desk.stage.now == NOW


def test_an_answer_is_kept_before_its_last_event_is_sent(life):
    desk = Desk()
    response = desk.post(stream=True)
    events = [next(response.events) for _ in range(6)]
    assert events[-1] == b"data: [DONE]\n\n"

    response.events.close()  # the process may as well have died

    assert desk.post(stream=True).body.encode() == b"".join(events)


SECOND = b"data: 2\n\n"


@pytest.mark.parametrize("is_whole", [True, False])
def test_events_from_anywhere_are_recorded(is_whole):
    desk = Desk()
    desk.view = answering_once(lambda: desk.stage.services.once)(
        lambda call: StreamedResponse(iter([b"data: 1\n\n", SECOND]), {})
    )
    response = desk.post()
    sent = b"".join(response.events) if is_whole else next(response.events)
    response.events.close()

    twin = desk.post().body.encode()

    rest = twin.removeprefix(sent)
    assert twin.startswith(sent)
    assert (SECOND in twin, rest == b"") == (is_whole, is_whole)
    assert is_whole or (rest.startswith(b'data: {"error":') and rest.endswith(b"}\n\n"))


def test_a_view_that_answers_once_says_so():
    assert Desk().view.answers_once is True


def test_a_view_is_told_whether_an_earlier_call_may_have_left_something():
    desk, calls = Desk(), []
    desk.view = answering_once(lambda: desk.stage.services.once)(lambda call: calls.append(call) or 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            desk.post()

    first, second = calls
    assert (first.is_again, second.is_again) == (False, True)
    assert second.turn_id == first.turn_id


def test_a_twin_is_told_of_no_limits_and_of_every_other_header():
    desk = Desk()
    headers = {"Location": "/v1/x", "X-RateLimit-Remaining-Tokens": "5", "x-many": ["a", "b"]}
    desk.view = answering_once(lambda: desk.stage.services.once)(lambda call: Response("{}", headers, 200))
    desk.post()

    assert desk.post().headers == {"Location": "/v1/x", "idempotent-replayed": "true"}


def test_a_refusal_under_a_key_is_logged_with_its_call(caplog):
    desk = Desk()
    with caplog.at_level(logging.INFO, "tidegate"):
        assert desk.post(n=2).status_code == 400

    (line,) = (record for record in caplog.records if record.message == "refused")
    assert (line.method, line.route) == ("POST", "/v1/chat/completions")


def test_a_key_of_another_form_is_told_what_the_form_is():
    with pytest.raises(BadRequest) as refused:
        Desk().post(key="a b")

    assert refused.value.message == "'Idempotency-Key' is 1 to 255 visible ASCII characters."
    assert refused.value.param == "Idempotency-Key"


@pytest.mark.parametrize("other", [{"prefer": "wait"}, {"query": {"page": ["2"]}}, {"seed": 1}])
def test_what_shapes_an_answer_tells_requests_apart(other):
    desk = Desk()
    desk.post()

    with pytest.raises(KeyReused):
        desk.post(**other)


def test_a_view_is_given_the_names_in_its_path():
    desk = Desk()
    view = answering_once(lambda: desk.stage.services.once)(lambda call, name: Response(name))
    desk.view = lambda call: view(call, name="conv_1")

    assert desk.post().body == "conv_1"


def test_a_bug_lets_the_next_call_try():
    desk = Desk()
    desk.stage.model.complete = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        desk.post()
    del desk.stage.model.complete

    assert desk.post().status_code == 200


def test_a_turn_that_stands_in_line_is_not_asked_a_second_time():
    desk = Desk()
    put = desk.stage.jobs.put
    desk.stage.jobs.put = lambda job: (put(job), 1 / 0)
    with pytest.raises(ZeroDivisionError):
        desk.post(prefer="respond-async")
    desk.stage.jobs.put = put

    waiting = desk.post(prefer="respond-async")

    assert waiting.status_code == 202
    assert desk.asked == 0
    assert desk.stage.used().requests == 1
    assert len(desk.stage.leases()) == 1
