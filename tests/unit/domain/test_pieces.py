"""Deltas say the same together or apart."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chat import Delta, ToolCallDelta
from chalicelib.domain.pieces import merged, size, split
from chalicelib.domain.transcript import Transcript

MOST = 5

texts = st.text(max_size=12)
calls = st.builds(
    ToolCallDelta,
    index=st.integers(0, 2),
    id=st.none() | st.just("call_1"),
    name=st.none() | st.just("look"),
    arguments=texts,
)
deltas = st.builds(
    Delta,
    text=texts,
    refusal=texts,
    reasoning=texts,
    tool_calls=st.lists(calls, max_size=2).map(tuple),
    finish_reason=st.none() | st.just("stop"),
)


def said(parts):
    transcript = Transcript()
    for part in parts:
        transcript.add(part)
    return transcript.completion()


@given(st.lists(deltas, max_size=5))
def test_deltas_say_together_what_they_say_apart(parts):
    assert said([merged(parts)]) == said(parts)


@given(deltas)
def test_a_long_delta_says_in_parts_what_it_says(delta):
    assert said(split(delta, MOST)) == said([delta])


@given(deltas)
def test_no_part_is_longer_than_it_may_be_but_for_a_name(delta):
    named = msgspec.structs.replace(
        delta, tool_calls=tuple(msgspec.structs.replace(c, name=None) for c in delta.tool_calls)
    )

    assert all(size(part) <= MOST for part in split(named, MOST))
