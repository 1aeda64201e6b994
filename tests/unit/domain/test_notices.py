"""What is told of a job that is over, and how often."""

import msgspec
import pytest
from openai.types.webhooks import UnwrapWebhookEvent
from pydantic import TypeAdapter

from chalicelib.domain.budget import Standing
from chalicelib.domain.chat import Completion, Usage
from chalicelib.domain.jobs import Job
from chalicelib.domain.notices import MOST_WAIT, WAITS, Posted, body_of, event_of, wait_seconds
from chalicelib.domain.outcomes import Done, Failed, packed
from chalicelib.domain.turn import Head
from tests.builders import NOW

TURN = "0" * 31 + "1"
HEAD = Head(TURN, "small", NOW, "miss", "simulated://echo", 1, Standing(), 3)
FAILED = packed(Failed("ModelTimeout", "The prompt was: secret words"))


def done(finish_reason="stop", *, cut=False):
    return packed(Done(HEAD, Completion("secret words", finish_reason=finish_reason, usage=Usage(1, 1)), cut=cut))


def a_job(kind, state, outcome=b""):
    return Job(
        id=f"job_{TURN}",
        owner="o",
        line="l",
        kind=kind,
        state=state,
        created_at=NOW,
        until=NOW + 60,
        ended_at=NOW + 5.5,
        outcome=outcome,
    )


@pytest.mark.parametrize(
    ("kind", "state", "outcome", "name"),
    [
        ("chat", "completed", done(), "job.completed"),
        ("chat", "completed", done("length"), "job.completed"),
        ("chat", "failed", FAILED, "job.failed"),
        ("chat", "cancelled", b"", "job.cancelled"),
        ("response", "completed", done(), "response.completed"),
        ("response", "completed", done("tool_calls"), "response.completed"),
        ("response", "completed", done("length"), "response.incomplete"),
        ("response", "completed", done("content_filter"), "response.incomplete"),
        ("response", "completed", done(cut=True), "response.incomplete"),
        ("response", "failed", FAILED, "response.failed"),
        ("response", "cancelled", done(cut=True), "response.cancelled"),
        ("response", "cancelled", b"", "response.cancelled"),
    ],
)
def test_an_event_says_what_became_of_which_object(kind, state, outcome, name):
    event = msgspec.json.decode(body_of(event_of(a_job(kind, state, outcome))))

    assert event == {
        "id": f"evt_{TURN}",
        "object": "event",
        "created_at": NOW + 5,
        "type": name,
        "data": {"id": f"resp_{TURN}" if kind == "response" else f"job_{TURN}"},
    }


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_openais_types_read_the_event_of_a_response(state):
    outcome = {"completed": done(), "failed": FAILED, "cancelled": b""}[state]

    event = TypeAdapter(UnwrapWebhookEvent).validate_json(body_of(event_of(a_job("response", state, outcome))))

    assert event.type == f"response.{state}"
    assert event.data.id == f"resp_{TURN}"


@pytest.mark.parametrize(
    ("tries", "posted", "wait"),
    [
        (1, Posted(200), None),
        (1, Posted(204), None),
        (1, Posted(410), None),
        (1, Posted(301), WAITS[0]),
        (1, Posted(404), WAITS[0]),
        (1, Posted(500), WAITS[0]),
        (1, Posted(fault="refused"), WAITS[0]),
        (2, Posted(fault="timeout"), WAITS[1]),
        (7, Posted(503), WAITS[6]),
        (8, Posted(503), None),
        (1, Posted(429, retry_after_seconds=120), 120),
        (4, Posted(429, retry_after_seconds=120), WAITS[3]),
        (1, Posted(503, retry_after_seconds=10**8), MOST_WAIT),
        (8, Posted(503, retry_after_seconds=1), None),
    ],
)
def test_what_did_not_arrive_is_sent_again_after_longer_and_longer_waits(tries, posted, wait):
    assert wait_seconds(tries, posted) == wait


def test_eight_tries_take_some_hours():
    assert len(WAITS) + 1 == 8
    assert 3 * 3_600 < sum(WAITS) < 5 * 3_600
