"""Titan takes one text at a time; all of them together have the caller's patience."""

import json

import pytest

from chalicelib.adapters.embedders.bedrock import BedrockEmbedder
from chalicelib.domain.errors import ModelGarbled, ModelThrottled, ModelTimeout


class Runtime:
    """Answers every call ten seconds later."""

    def __init__(self, answer=None, fault_after=None):
        self.now = 100.0
        self._fault_after = fault_after
        self.patience = []
        self._answer = answer or json.dumps({"embedding": [0.0] * 256, "inputTextTokenCount": 3}).encode()

    def invoke(self, model, body, patience=None):
        self.patience.append(patience)
        self.now += 10
        if len(self.patience) - 1 == self._fault_after:
            raise ModelThrottled("later", retry_after_seconds=4)
        return self._answer


def embed(runtime, texts, patience):
    return BedrockEmbedder(runtime, model="m", clock=lambda: runtime.now).embed(texts, 256, patience)


@pytest.mark.parametrize(("patience", "left"), [(None, [None, None, None]), (31, [31, 21, 11])])
def test_each_text_has_what_the_others_left(patience, left):
    runtime = Runtime()

    embedded = embed(runtime, ["a", "b", "c"], patience)

    assert (len(embedded.vectors), embedded.input_tokens) == (3, 9)
    assert runtime.patience == left


def test_no_text_is_asked_for_once_the_patience_is_gone():
    runtime = Runtime()

    with pytest.raises(ModelTimeout):
        embed(runtime, ["a", "b", "c"], 20)

    assert len(runtime.patience) == 2


@pytest.mark.parametrize(("fault_after", "kind"), [(0, ModelThrottled), (1, ModelGarbled)])
def test_a_fault_after_the_first_text_has_burned_tokens(fault_after, kind):
    with pytest.raises(kind) as raised:
        embed(Runtime(fault_after=fault_after), ["a", "b"], None)

    assert raised.value.retry_after_seconds == 4


@pytest.mark.parametrize("answer", [b"\xff", b"[" * 100_000, b'{"embedding": ["x"]}'])
def test_what_is_no_embedding_is_garbled(answer):
    with pytest.raises(ModelGarbled):
        embed(Runtime(answer), ["a"], None)
