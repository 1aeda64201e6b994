"""An answer's items while they grow."""

import re
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chat import CalledFunction, Completion, Delta, ToolCall, ToolCallDelta
from chalicelib.domain.conversation import CallItem, MessageItem, OutputText, Refusal
from chalicelib.domain.outline import Grew, ItemClosed, ItemOpened, Outline, PartClosed, PartOpened, outlined
from chalicelib.domain.responses import ReasoningItem

WORDS = st.text(max_size=4)
CALLS = st.tuples(st.integers(0, 2), WORDS).map(
    lambda pair: ToolCallDelta(pair[0], f"call_{pair[0]}", f"tool_{pair[0]}", pair[1])
)
DELTAS = st.lists(
    st.builds(Delta, text=WORDS, refusal=WORDS, reasoning=WORDS, tool_calls=st.lists(CALLS, max_size=2).map(tuple))
)


def told(*deltas, status="completed"):
    outline = Outline()
    steps = [step for delta in deltas for step in outline.add(delta)]
    return [*steps, *outline.end(status)], outline.items()


def message(*parts, status="completed"):
    return MessageItem(role="assistant", content=parts, status=status)


def call(number, arguments, status="completed"):
    return CallItem(call_id=f"call_{number}", name=f"tool_{number}", arguments=arguments, status=status)


def piece(number, arguments="", *, begins=False):
    known = (f"call_{number}", f"tool_{number}") if begins else (None, None)
    return Delta(tool_calls=(ToolCallDelta(number, *known, arguments),))


def test_a_text_is_one_message_with_one_part():
    steps, items = told(Delta(text="Hel"), Delta(text="lo"))

    assert steps == [
        ItemOpened(0, message(status="in_progress")),
        PartOpened(0, 0, "text"),
        Grew(0, 0, "text", "Hel"),
        Grew(0, 0, "text", "lo"),
        PartClosed(0, 0, "text", "Hello"),
        ItemClosed(0, message(OutputText("Hello"))),
    ]
    assert items == (message(OutputText("Hello")),)


def test_reasoning_is_closed_where_the_answer_begins():
    steps, items = told(Delta(reasoning="Hm."), Delta(text="Hi"))

    assert [type(step) for step in steps].index(ItemClosed) < steps.index(ItemOpened(1, message(status="in_progress")))
    assert items == (ReasoningItem("Hm.", status="completed"), message(OutputText("Hi")))


def test_a_refusal_is_a_part_of_its_own():
    _, items = told(Delta(text="I "), Delta(refusal="cannot."))

    assert items == (message(OutputText("I "), Refusal("cannot.")),)


def test_pieces_of_calls_may_come_in_turns():
    steps, items = told(piece(0, begins=True), piece(1, "{", begins=True), piece(0, "{}"), piece(1, "}"))

    assert items == (call(0, "{}"), call(1, "{}"))
    assert [step for step in steps if isinstance(step, Grew)] == [
        Grew(1, 0, "arguments", "{"),
        Grew(0, 0, "arguments", "{}"),
        Grew(1, 0, "arguments", "}"),
    ]


def test_text_after_a_call_is_another_message():
    _, items = told(Delta(text="Let me see."), piece(0, "{}", begins=True), Delta(text="Well."))

    assert items == (message(OutputText("Let me see.")), call(0, "{}"), message(OutputText("Well.")))


def test_only_the_newest_item_of_a_cut_answer_is_incomplete():
    _, items = told(piece(0, "{}", begins=True), piece(1, '{"a', begins=True), status="incomplete")

    assert items == (call(0, "{}"), call(1, '{"a', "incomplete"))


def test_nothing_said_is_no_item():
    assert told(Delta(finish_reason="stop")) == ([], ())


def test_a_whole_answer_has_the_items_of_its_stream():
    calls = (ToolCall("call_0", CalledFunction("tool_0", "{}")), ToolCall("call_1", CalledFunction("tool_1", "[]")))
    completion = Completion(text="Hi", refusal="No.", reasoning="Hm.", tool_calls=calls)

    _, items = told(
        Delta(reasoning="Hm."),
        Delta(text="Hi"),
        Delta(refusal="No."),
        piece(0, "{}", begins=True),
        piece(1, "[]", begins=True),
    )

    assert outlined(completion, "completed") == items


@given(DELTAS)
def test_whatever_comes_every_item_is_opened_once_and_closed_once_in_whole(deltas):
    steps, items = told(*deltas)

    opened = [step.place for step in steps if isinstance(step, ItemOpened)]
    closed = {step.place: step.item for step in steps if isinstance(step, ItemClosed)}
    assert opened == list(range(len(items)))
    assert [closed[place] for place in opened] == list(items)
    assert sum(isinstance(step, ItemClosed) for step in steps) == len(items)


@given(DELTAS)
def test_whatever_comes_no_word_is_lost(deltas):
    steps, _ = told(*deltas)

    key = lambda step: (step.place, step.part)  # noqa: E731 - said once for both
    grown = sorted((step for step in steps if isinstance(step, Grew)), key=key)
    said = {place: "".join(step.text for step in group) for place, group in groupby(grown, key)}
    ended = {key(step): step.text for step in steps if isinstance(step, PartClosed)}
    assert {place: text for place, text in ended.items() if text} == said
    assert "".join(delta.text for delta in deltas) == "".join(
        step.text for step in steps if isinstance(step, Grew) and step.kind == "text"
    )


@given(DELTAS)
def test_whatever_comes_nothing_grows_before_it_is_opened_or_after_it_is_closed(deltas):
    steps, _ = told(*deltas)

    for place, group in groupby(sorted(steps, key=lambda step: step.place), lambda step: step.place):
        first, *between, last = group
        assert isinstance(first, ItemOpened)
        assert isinstance(last, ItemClosed)
        assert place == first.place == last.place
        form = [type(step).__name__[0] for step in between]
        assert re.fullmatch("(?:PG+P)*" if not isinstance(last.item, CallItem) else "G*P", "".join(form))
