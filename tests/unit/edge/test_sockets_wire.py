"""Frames fit through the gateway, and what was kept of an answer says what was said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.budget import Standing
from chalicelib.domain.chat import Delta, ToolCallDelta, Usage
from chalicelib.domain.transcript import Transcript
from chalicelib.domain.turn import Head
from chalicelib.edge.sockets_wire import JsonWire

HEAD = Head("0" * 32, "small", 1, "miss", "a", 1, Standing(), 3, conversation="conv_1")
WIRE = JsonWire()
FRAME_BYTES = 32 * 1024

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
calls = st.builds(
    ToolCallDelta, index=st.integers(0, 2), id=st.none() | st.just("call_1"), name=st.none() | texts, arguments=texts
)
deltas = st.builds(
    Delta,
    text=texts,
    refusal=texts,
    reasoning=texts,
    tool_calls=st.lists(calls, max_size=2).map(tuple),
    finish_reason=st.sampled_from([None, "stop", "tool_calls"]),
)


@given(st.lists(deltas, max_size=4))
def test_the_pieces_of_an_answer_say_what_was_said(said):
    transcript = Transcript()
    for delta in said:
        transcript.add(delta)

    pieces = [WIRE.opening(HEAD), *(piece for delta in said for piece in WIRE.pieces(HEAD, delta))]

    assert WIRE.said(pieces) == transcript.completion()


@pytest.mark.parametrize("character", ["a", "\x00", '"', "é", "😀", "\u2028"])
@pytest.mark.parametrize("field", ["text", "reasoning", "refusal", "arguments"])
def test_no_frame_is_larger_than_the_gateway_takes(character, field):
    much = character * 50_000
    delta = (
        Delta(tool_calls=(ToolCallDelta(0, "call_1", "f", much),)) if field == "arguments" else Delta(**{field: much})
    )

    frames = [WIRE.chunk("c" * 64, 10**6, piece) for piece in WIRE.pieces(HEAD, delta)]

    assert len(frames) > 1
    assert max(map(len, frames)) < FRAME_BYTES


def test_a_chunk_is_told_as_it_was_kept():
    piece = WIRE.opening(HEAD)

    frame = json.loads(WIRE.chunk("c1", 1, piece))

    assert frame == {"type": "chunk", "id": "c1", "seq": 1, "data": json.loads(piece)}
    assert frame["data"]["conversation"] == "conv_1"


def test_the_end_has_the_usage():
    assert json.loads(WIRE.done("c1", 9, Usage(10, 2)))["usage"]["total_tokens"] == 12
