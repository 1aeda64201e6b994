"""A tenant is told of its jobs until it has heard, and nobody else is."""

import json

import msgspec
import openai
import pytest

from chalicelib.domain.errors import ModelUnavailable, QueueUnavailable
from chalicelib.domain.identity import Tenant, tenant_tag
from chalicelib.domain.jobs import Message, Poison
from chalicelib.domain.notices import WAITS, Posted
from chalicelib.domain.webhooks import SECRET_BYTES, Webhook, new_secret
from chalicelib.pipeline import turn, work
from tests.builders import an_ask
from tests.unit.pipeline.stage import HELLO, Scripted, Stage

HOOK = Webhook("https://hooks.example.com/", (new_secret(b"s" * SECRET_BYTES),))


@pytest.fixture
def stage():
    made = Stage(models={"a": Scripted(*HELLO)})
    made.keys.change_tenant("acme", lambda old: msgspec.structs.replace(old, webhook=HOOK))
    return made


def lined_up(stage, **fields):
    """A job that waits in line."""
    return turn.enqueue(an_ask(credential=stage.credential, **fields), stage.services)


def next_message(stage):
    return stage.queue.waiting.popleft()[0]


def work_off(stage, most=100):
    """Play the worker, in a time of its own; how long it waited for each message."""
    waits = []
    while stage.queue.waiting and len(waits) < most:
        message, delay = stage.queue.waiting.popleft()
        stage.now += delay
        waits.append(delay)
        work.complete(message, stage.services)
    return waits


def told(stage):
    return [(json.loads(body)["type"], json.loads(body)["data"]["id"]) for _, _, body in stage.mail.sent]


def test_a_tenant_is_told_once_that_its_job_is_completed(stage):
    job = lined_up(stage)

    work_off(stage)

    ((url, headers, body),) = stage.mail.sent
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:1")
    client.webhooks.verify_signature(body.decode(), headers, secret=HOOK.secrets[0].text, tolerance=10**12)
    assert url == HOOK.url
    assert told(stage) == [("job.completed", job.id)]
    assert [(each.delivery, each.tries, each.tenant) for each in stage.told] == [("delivered", 1, "acme")]


def test_a_tenant_without_a_webhook_is_told_nothing(stage):
    stage.keys.change_tenant("acme", lambda _: Tenant("acme"))
    lined_up(stage)

    work_off(stage)

    assert stage.mail.sent == []


def test_a_webhook_that_was_taken_away_meanwhile_is_told_nothing(stage):
    lined_up(stage)
    work.complete(next_message(stage), stage.services)
    stage.keys.change_tenant("acme", lambda _: Tenant("acme"))

    work_off(stage)

    assert stage.mail.sent == []


def test_a_failure_is_told_without_its_words(stage):
    stage.models["a"].pieces = (ModelUnavailable("secret words"),)
    job = lined_up(stage)
    stage.now += 10_000

    with pytest.raises(Poison, match="too old"):
        work.complete(next_message(stage), stage.services)
    work_off(stage)

    assert told(stage) == [("job.failed", job.id)]
    assert b"words" not in stage.mail.sent[0][2]


def test_a_job_that_is_cancelled_is_told_by_the_same_event_each_time(stage):
    job = lined_up(stage)
    work.cancel(job.owner, job.id, stage.services)

    work_off(stage)

    assert set(told(stage)) == {("job.cancelled", job.id)}
    assert len({(headers["webhook-id"], body) for _, headers, body in stage.mail.sent}) == 1


def test_a_worker_that_died_before_it_announced_is_made_up_for(stage, monkeypatch):
    lined_up(stage)
    message = next_message(stage)

    def dies(*_):
        raise QueueUnavailable("down")

    with monkeypatch.context() as broken:
        broken.setattr(stage.queue, "send", dies)
        with pytest.raises(QueueUnavailable):
            work.complete(message, stage.services)
    work.complete(message, stage.services)  # the queue brings it again
    work_off(stage)

    assert [name for name, _ in told(stage)] == ["job.completed"]
    assert len(stage.models["a"].requests) == 1


def test_what_does_not_arrive_is_sent_again_over_hours_and_then_given_up(stage):
    stage.mail.answers = [Posted(503)] * 20
    lined_up(stage)
    begun = stage.now

    waits = work_off(stage)

    assert len(stage.mail.sent) == len(WAITS) + 1
    assert max(waits) <= 900
    assert sum(WAITS) <= stage.now - begun <= sum(WAITS) + len(WAITS)
    assert [each.delivery for each in stage.told] == ["failed"] * len(WAITS) + ["given_up"]
    assert len({body for _, _, body in stage.mail.sent}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in stage.mail.sent}) == len(WAITS) + 1


def test_a_receiver_is_left_alone_for_as_long_as_it_asks(stage):
    stage.mail.answers = [Posted(429, retry_after_seconds=5_000)]
    lined_up(stage)
    begun = stage.now

    waits = work_off(stage)

    assert len(stage.mail.sent) == 2
    assert 5_000 <= stage.now - begun <= 5_001
    assert max(waits) == 900


def test_a_receiver_that_is_gone_is_not_asked_again(stage):
    stage.mail.answers = [Posted(410)]
    lined_up(stage)

    work_off(stage)

    assert [each.delivery for each in stage.told] == ["given_up"]


def test_a_notice_of_a_job_that_goes_on_says_nothing(stage):
    job = lined_up(stage)

    work.complete(Message(job.id, job.line, "notice"), stage.services)

    assert stage.mail.sent == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Message("job_unknown", tenant_tag("acme"), "notice"), "no such job"),
        (Message("", tenant_tag("beta"), "notice"), "another tenant's job"),
    ],
)
def test_a_notice_that_can_never_be_told_is_poison(stage, message, reason):
    job = lined_up(stage)
    work.complete(next_message(stage), stage.services)

    with pytest.raises(Poison, match=reason):
        work.complete(msgspec.structs.replace(message, job=message.job or job.id), stage.services)
    assert stage.mail.sent == []
