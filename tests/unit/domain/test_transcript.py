"""A stream put together again."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chat import CalledFunction, Completion, Delta, ToolCall, ToolCallDelta, Usage
from chalicelib.domain.transcript import Transcript


def heard(*deltas):
    transcript = Transcript()
    for delta in deltas:
        transcript.add(delta)
    return transcript


texts = st.text(max_size=10)
deltas = st.builds(
    Delta,
    text=texts,
    tool_calls=st.lists(st.builds(ToolCallDelta, st.integers(0, 2), arguments=texts), max_size=2).map(tuple),
    refusal=texts,
)


@given(st.lists(deltas, max_size=8))
def test_every_piece_is_in_the_answer_once_and_in_order(pieces):
    completion = heard(*pieces).completion()

    assert (completion.text or "") == "".join(piece.text for piece in pieces)
    assert (completion.refusal or "") == "".join(piece.refusal for piece in pieces)
    for place, call in enumerate(completion.tool_calls):
        index = sorted({call.index for piece in pieces for call in piece.tool_calls})[place]
        parts = [each.arguments for piece in pieces for each in piece.tool_calls if each.index == index]
        assert call.function.arguments == "".join(parts)


def test_a_stream_that_has_said_nothing_is_an_empty_answer_that_was_cut():
    assert heard().completion() == Completion("", finish_reason="length")


def test_an_unfinished_answer_ended_for_its_length_and_has_no_usage_yet():
    completion = heard(Delta(text="Hel")).completion()

    assert (completion.text, completion.finish_reason, completion.usage) == ("Hel", "length", Usage())


def test_reason_and_usage_may_come_together_or_apart():
    whole = Completion("Hi", usage=Usage(3, 1))

    assert heard(Delta(text="Hi"), Delta(finish_reason="stop"), Delta(usage=Usage(3, 1))).completion() == whole
    assert heard(Delta(text="Hi", finish_reason="stop", usage=Usage(3, 1))).completion() == whole


def test_calls_are_put_together_by_their_index():
    completion = heard(
        Delta(tool_calls=(ToolCallDelta(1, "b", "g"),)),
        Delta(tool_calls=(ToolCallDelta(0, "a", "f"), ToolCallDelta(1, arguments='{"x"'))),
        Delta(tool_calls=(ToolCallDelta(1, arguments=":1}"), ToolCallDelta(0, arguments="{}"))),
        Delta(finish_reason="tool_calls"),
    ).completion()

    assert completion.text is None
    assert completion.tool_calls == (
        ToolCall(id="a", function=CalledFunction(name="f", arguments="{}")),
        ToolCall(id="b", function=CalledFunction(name="g", arguments='{"x":1}')),
    )


def test_an_answer_can_be_read_at_any_moment():
    transcript = Transcript()
    seen = []
    for letter in "tide":
        transcript.add(Delta(text=letter))
        seen.append(transcript.completion().text)

    assert seen == ["t", "ti", "tid", "tide"]
    assert transcript.text == "tide"
