"""What Converse answers means the same whole and streamed, and no part of it that is no answer passes for one."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.bedrock_json import TOOL
from chalicelib.adapters.models.bedrock_reply import HIDDEN, STOP_REASONS, StreamReader, completion
from chalicelib.domain.chat import CalledFunction, Delta, ToolCall, ToolCallDelta, Usage
from chalicelib.domain.errors import ModelGarbled, ModelUnavailable
from chalicelib.domain.transcript import Transcript
from tests.upstreams.bedrock_shapes import CONVERSE, EVENTS, SERVICE, check

USAGE = {
    "inputTokens": 10,
    "outputTokens": 5,
    "totalTokens": 22,
    "cacheReadInputTokens": 4,
    "cacheWriteInputTokens": 3,
}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
REDACTED = {"reasoningContent": {"redactedContent": b"\x00\x01"}}
OMITTED = {"reasoningContent": {"reasoningText": {"text": "", "signature": "c2ln"}}}
LOOK = {"text": "Let me look."}


def use(name="f", arguments=None, call_id="t1"):
    return {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments or {}}}


def reply_of(*blocks, reason="end_turn", usage=USAGE):
    reply = {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": reason,
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }
    if reason in STOP_REASONS:
        check(reply, CONVERSE.output_shape)
    return {"ResponseMetadata": {"HTTPStatusCode": 200}, **reply}


def events_of(*blocks, reason="end_turn", usage=USAGE, cuts=()):
    """The same answer as Bedrock streams it, cut into pieces anywhere."""
    events = [{"messageStart": {"role": "assistant"}}]
    for index, block in enumerate(blocks):
        if "toolUse" in block:
            call = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
            events.append({"contentBlockStart": {"contentBlockIndex": index, "start": {"toolUse": call}}})
        events += [
            {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}} for delta in deltas_of(block, cuts)
        ]
        events.append({"contentBlockStop": {"contentBlockIndex": index}})
    events += [{"messageStop": {"stopReason": reason}}, {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}]
    for event in events if reason in STOP_REASONS else ():
        check(event, EVENTS)
    return events


def deltas_of(block, cuts):
    match block:
        case {"text": text}:
            return [{"text": piece} for piece in cut(text, cuts)]
        case {"toolUse": {"input": arguments}}:
            text = json.dumps(arguments) if arguments else ""
            return [{"toolUse": {"input": piece}} for piece in ("", *cut(text, cuts))]
        case {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}:
            texts = [{"reasoningContent": {"text": piece}} for piece in cut(text, cuts)]
            return [*texts, {"reasoningContent": {"signature": signature}}]
        case {"reasoningContent": {"redactedContent": secret}}:
            return [{"reasoningContent": {"redactedContent": piece}} for piece in (secret[:1], secret[1:])]


def cut(text, cuts):
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    return [text[start:end] for start, end in pairwise(places)]


def read(events, form="text"):
    reader, transcript = StreamReader(form), Transcript()
    for event in events:
        transcript.add(reader.delta(event))
    reader.end()
    return transcript.completion()


def canonical(answer, form):
    """With its JSON in one spelling."""
    calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in answer.tool_calls]
    is_json = form in {"tool", "wrapped"} and answer.text and answer.text.strip().startswith("{")
    return (json.loads(answer.text) if is_json else answer.text, calls, answer.finish_reason, answer.reasoning)


arguments = st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.text(max_size=4), max_size=3)
texts = st.text(st.characters(exclude_characters="{"), min_size=1, max_size=30)
blocks = st.one_of(
    st.builds(lambda text: {"text": text}, texts),
    st.sampled_from([THOUGHT, REDACTED, OMITTED]),
    st.builds(use, st.sampled_from(["f", "g"]), arguments, st.sampled_from(["t1", "t2"])),
    st.builds(lambda answer: use(TOOL, {"answer": answer}), arguments),
)


@given(
    st.lists(blocks, max_size=5),
    st.sampled_from(["text", "tool", "wrapped"]),
    st.sampled_from([reason for reason, finish in STOP_REASONS.items() if finish]),
    st.lists(st.integers(0, 200), max_size=6),
)
def test_an_answer_and_its_stream_say_the_same(blocks, form, reason, cuts):
    answers = [block for block in blocks if block.get("toolUse", {}).get("name") == TOOL]
    blocks = [block for block in blocks if block not in answers[1:]]

    whole = completion(reply_of(*blocks, reason=reason), form)
    streamed = read(events_of(*blocks, reason=reason, cuts=cuts), form)

    assert canonical(streamed, form) == canonical(whole, form)
    assert streamed.usage == whole.usage == Usage(17, 5, cached_input_tokens=4, cache_write_input_tokens=3)


def test_text_and_calls():
    answer = completion(reply_of(LOOK, use("f", {"city": "Łódź"}), use("g", call_id="t2"), reason="tool_use"))

    assert answer.text == "Let me look."
    assert answer.tool_calls == (
        ToolCall("t1", CalledFunction("f", '{"city":"Łódź"}')),
        ToolCall("t2", CalledFunction("g", "{}")),
    )
    assert answer.finish_reason == "tool_calls"


def test_a_call_without_arguments_has_an_empty_object():
    reader = StreamReader()
    start, silence, stop = events_of(use())[1:4]
    reader.delta(start)

    assert reader.delta(silence) == Delta()
    assert reader.delta(stop) == Delta(tool_calls=(ToolCallDelta(0, arguments="{}"),))


@pytest.mark.parametrize(
    ("thought", "shown"), [(THOUGHT, "hm"), (REDACTED, HIDDEN), (OMITTED, HIDDEN)], ids=["shown", "redacted", "omitted"]
)
def test_reasoning_is_not_part_of_the_answer(thought, shown):
    whole, streamed = completion(reply_of(thought, LOOK)), read(events_of(thought, LOOK))

    assert whole == streamed
    assert (whole.text, whole.reasoning) == ("Let me look.", shown)


def test_an_answer_without_reasoning_has_none():
    assert completion(reply_of(LOOK)).reasoning is None


PLACE = {"city": "Łódź", "inner": {"a": [1]}}


@pytest.mark.parametrize(("form", "arguments"), [("tool", PLACE), ("wrapped", {"answer": PLACE}), ("wrapped", PLACE)])
def test_the_arguments_of_the_answer_s_tool_are_the_text(form, arguments):
    said = (LOOK, use(TOOL, arguments))

    for answer in (
        completion(reply_of(*said, reason="tool_use"), form),
        read(events_of(*said, reason="tool_use", cuts=(3, 9, 20)), form),
    ):
        assert json.loads(answer.text) == PLACE
        assert answer.tool_calls == ()
        assert answer.finish_reason == "stop"
        assert answer.reasoning == "Let me look."


def test_json_comes_as_it_is_written():
    events = events_of(use(TOOL, PLACE), reason="tool_use", cuts=range(0, 60, 5))
    reader = StreamReader("tool")

    assert sum(bool(reader.delta(event).text) for event in events) > 5


@pytest.mark.parametrize("reason", ["guardrail_intervened", "end_turn", "max_tokens"])
def test_text_is_the_answer_where_the_tool_was_not_called(reason):
    whole = completion(reply_of({"text": "I cannot."}, reason=reason), "wrapped")

    assert whole == read(events_of({"text": "I cannot."}, reason=reason), "wrapped")
    assert (whole.text, whole.finish_reason) == ("I cannot.", STOP_REASONS[reason])


def test_a_caller_s_tool_may_be_called_instead_of_the_answer_s():
    answer = completion(reply_of(LOOK, use("f"), reason="tool_use"), "wrapped")

    assert answer.text == "Let me look."
    assert [call.function.name for call in answer.tool_calls] == ["f"]
    assert answer.finish_reason == "tool_calls"


def test_every_reason_to_stop_is_known():
    assert set(SERVICE.shape_for("StopReason").enum) == set(STOP_REASONS)


def test_a_reason_that_is_new_is_a_stop():
    assert completion(reply_of(LOOK, reason="bored")).finish_reason == "stop"
    assert read(events_of(LOOK, reason="bored")).finish_reason == "stop"


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_a_malformed_answer_is_garbled(reason):
    with pytest.raises(ModelGarbled):
        completion(reply_of(LOOK, reason=reason))
    with pytest.raises(ModelGarbled):
        read(events_of(LOOK, reason=reason))


def test_a_blocked_answer_says_what_the_guardrail_says():
    answer = completion(reply_of({"text": "Sorry, not this."}, reason="guardrail_intervened"))

    assert (answer.text, answer.finish_reason) == ("Sorry, not this.", "content_filter")


def test_usage_states_what_botocore_knows_and_nothing_of_reasoning():
    stated = set(SERVICE.shape_for("TokenUsage").members)

    assert stated == {*USAGE, "cacheDetails"}


@pytest.mark.parametrize("usage", [{}, None, {"inputTokens": "ten"}, {"inputTokens": -1}, []])
def test_an_answer_without_a_usage_has_none(usage):
    reply = {**reply_of(LOOK), "usage": usage}

    assert completion(reply).usage == Usage()


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"output": {}},
        {"output": None},
        {"output": {"message": {"content": []}}},
        {"output": {"message": {"content": None}}, "stopReason": "end_turn"},
        {"output": {"message": {"content": "text"}}, "stopReason": "end_turn"},
        {"output": {"message": {"content": []}}, "stopReason": None},
        {"output": {"SDK_UNKNOWN_MEMBER": {"name": "audio"}}, "stopReason": "end_turn"},
    ],
)
def test_what_is_no_answer_is_garbled(reply):
    with pytest.raises(ModelGarbled):
        completion(reply)


def test_blocks_of_other_kinds_are_left_out():
    odd = ({"SDK_UNKNOWN_MEMBER": {"name": "video"}}, {"text": None}, {"toolUse": None}, None, {"image": {}})
    reply = {"output": {"message": {"content": [LOOK, *odd]}}, "stopReason": "end_turn"}

    assert completion(reply).text == "Let me look."


@given(st.data())
def test_events_in_any_order_break_nothing(data):
    events = data.draw(st.permutations([*events_of(THOUGHT, LOOK, use("f", {"a": 1}), use(TOOL, PLACE)), {}]))
    reader = StreamReader(data.draw(st.sampled_from(["text", "tool", "wrapped"])))

    for event in events:
        assert isinstance(reader.delta(event), Delta)


def test_a_stream_that_ends_too_early_is_unavailable():
    with pytest.raises(ModelUnavailable):
        read(events_of(LOOK)[:-2])
