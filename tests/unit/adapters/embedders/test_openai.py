"""What embedding in batches means for time and for what was burned."""

import json

import pytest

from chalicelib.adapters.embedders.openai import OpenAiEmbedder
from chalicelib.domain.errors import ModelError, ModelGarbled, ModelRejected, ModelThrottled, ModelTimeout


class Upstream:
    """Answers each batch after some seconds, or with the fault that is due."""

    def __init__(self, *, seconds=0.0, faults=()):
        self.now = 1_000.0
        self.seconds = seconds
        self.faults = list(faults)
        self.patiences = []

    def post(self, path, body, patience=None):
        self.patiences.append(patience)
        self.now += self.seconds
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            raise fault
        data = [{"index": place, "embedding": [1.0]} for place in range(len(json.loads(body)["input"]))]
        return json.dumps({"data": data, "usage": {"prompt_tokens": 7}}).encode()

    def embed(self, texts, patience=None):
        return OpenAiEmbedder(self, model="m", ticks=lambda: self.now).embed(["x"] * texts, None, patience)


def test_patience_is_for_all_batches_together():
    upstream = Upstream(seconds=2.0)

    upstream.embed(600, 10.0)

    assert upstream.patiences == [10.0, 8.0, 6.0]


def test_a_batch_that_would_begin_too_late_does_not():
    upstream = Upstream(seconds=2.0)

    with pytest.raises(ModelTimeout):
        upstream.embed(600, 4.0)

    assert upstream.patiences == [4.0, 2.0]


@pytest.mark.parametrize(
    ("answered", "fault", "expected"),
    [
        (0, ModelThrottled("wait", retry_after_seconds=3), ModelThrottled),
        (1, ModelThrottled("wait", retry_after_seconds=3), ModelGarbled),
        (1, ModelRejected("no"), ModelRejected),
        (1, ModelTimeout("late"), ModelTimeout),
    ],
)
def test_a_fault_after_a_batch_was_answered_has_burned_tokens(answered, fault, expected):
    upstream = Upstream(faults=[None] * answered + [fault])

    with pytest.raises(ModelError) as raised:
        upstream.embed(600)

    assert type(raised.value) is expected
    assert raised.value.retry_after_seconds == fault.retry_after_seconds
