"""Between what a model reads and what a conversation shows."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    Completion,
    Developer,
    Image,
    ImageUrl,
    System,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
)
from chalicelib.domain.conversation import (
    CallItem,
    CallOutputItem,
    InputText,
    Item,
    MessageItem,
    Origin,
    OutputText,
    Refusal,
    Removed,
)
from chalicelib.domain.items import item_id, items_of, items_of_completion, locate, messages_of, shown
from tests.builders import NOW, a_completion, a_turn

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
calls = st.builds(ToolCall, id=words, function=st.builds(CalledFunction, name=words, arguments=words))
addresses = words.map("data:image/png;base64,{}".format)
images = st.builds(Image, st.builds(ImageUrl, addresses, st.sampled_from(["auto", "low", "high"])))
pictured = st.tuples(st.builds(Text, words), images, st.builds(Text, words))
messages = st.one_of(
    st.builds(System, words),
    st.builds(Developer, words),
    st.builds(User, words | pictured),
    st.builds(ToolResult, words, words),
    st.builds(
        Assistant,
        words,
        refusal=st.none() | words,
        tool_calls=st.none() | st.lists(calls, min_size=1, max_size=2).map(tuple),
    ),
    st.builds(Assistant, refusal=words),
)
talks = st.lists(messages, max_size=6).map(tuple)


@given(talks)
def test_messages_come_back_from_their_items(said):
    assert messages_of(items_of(said)) == said


@given(talks)
def test_items_survive_being_stored(said):
    items = items_of(said)

    assert msgspec.json.decode(msgspec.json.encode(items), type=tuple[Item | Removed, ...]) == items


@given(st.lists(calls, min_size=1, max_size=3).map(tuple))
def test_calls_join_the_answer_they_followed(asked):
    said = (User("Do."), Assistant("Well."), Assistant(tool_calls=asked))

    assert messages_of(items_of(said)) == (User("Do."), Assistant("Well.", tool_calls=asked))


def test_text_in_parts_is_one_text():
    assert messages_of(items_of((System((Text("Be "), Text("brief."))),))) == (System("Be brief."),)


def test_what_says_nothing_is_no_item():
    assert items_of((Assistant(), Assistant(""))) == ()


def test_a_removed_item_is_no_message():
    assert messages_of((Removed(), MessageItem("user", "Hi"), Removed())) == (User("Hi"),)


def test_a_result_in_parts_is_one_text():
    assert messages_of((CallOutputItem("c", (InputText("a"), InputText("b"))),)) == (ToolResult("ab", "c"),)


@given(
    number=st.integers(1, 16**8 - 1),
    place=st.integers(0, 16**3 - 1),
    item=st.sampled_from(
        items_of(
            (
                User("Hi"),
                ToolResult("1", "c"),
                Assistant(tool_calls=(ToolCall(id="c", function=CalledFunction(name="f", arguments="{}")),)),
            )
        )
    ),
)
def test_an_id_leads_back_to_its_place(number, place, item):
    assert locate(item_id(item, a_turn(number), place)) == (number, place)


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_none(text):
    assert locate(text) is None or text.startswith(("msg_", "fc_", "fco_"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "msg_",
        "msg_" + "0" * 26,
        "msg_" + "0" * 28,
        "msg_" + "G" * 27,
        "x_" + "0" * 27,
        "msg_" + "0" * 27 + "\n",
        "msg_" + "０" * 27,
    ],
)
def test_what_is_no_id_has_no_place(name):
    assert locate(name) is None


def test_the_kind_of_an_item_begins_its_id():
    items = shown(a_turn(1, MessageItem("user", "Hi"), CallItem("c", "f", "{}"), CallOutputItem("c", "1")), NOW)

    assert [item.id.partition("_")[0] for item in items] == ["msg", "fc", "fco"]


@given(st.sets(st.integers(0, 4)))
def test_neighbours_of_removed_items_keep_their_ids(places):
    whole = a_turn(3, *(MessageItem("user", str(n)) for n in range(5)))
    left = msgspec.structs.replace(
        whole, items=tuple(Removed() if n in places else item for n, item in enumerate(whole.items))
    )

    expected = [item for n, item in enumerate(shown(whole, NOW)) if n not in places]

    assert list(shown(left, NOW)) == expected


def test_text_is_shown_as_a_part():
    asked, answered = shown(a_turn(1, MessageItem("user", "Hi"), MessageItem("assistant", "Hello")), NOW)

    assert asked.content == (InputText("Hi"),)
    assert answered.content == (OutputText("Hello"),)


@pytest.mark.parametrize(
    ("items", "place"),
    [
        ((MessageItem("user", "Hi"), MessageItem("assistant", "Hello")), 1),
        ((MessageItem("user", "Hi"), MessageItem("assistant", "So"), CallItem("c", "f", "{}")), 1),
        ((MessageItem("assistant", "So"), MessageItem("user", "Hi"), CallItem("c", "f", "{}")), None),
        ((MessageItem("assistant", "So"), MessageItem("user", "Hi"), Removed()), None),
        ((MessageItem("assistant", "So"), CallItem("c", "f", "{}"), CallOutputItem("c", "1"), Removed()), None),
        ((CallItem("c", "f", "{}"),), None),
    ],
)
def test_only_the_answer_of_a_turn_says_where_it_is_from(items, place):
    turn = a_turn(1, *items, model="small", target="a", usage=Usage(3, 4), cache="hit")
    silent = msgspec.structs.replace(turn, model="")

    told = {number: item.tidegate for number, item in enumerate(shown(turn, NOW)) if getattr(item, "tidegate", None)}

    origin = Origin(f"chatcmpl-{turn.id}", "small", "hit", "a", None, Usage(3, 4))
    assert told == ({} if place is None else {place: origin})
    assert not [item for item in shown(silent, NOW) if getattr(item, "tidegate", None)]


@pytest.mark.parametrize(("lease_until", "count"), [(NOW + 1, 1), (NOW, 2), (NOW - 1, 2)])
def test_an_open_turn_whose_lease_ran_out_shows_an_incomplete_answer(lease_until, count):
    items = shown(a_turn(1, state="open", lease_until=lease_until), NOW)

    assert len(items) == count
    assert items[0].status == "completed"
    assert all((item.role, item.status) == ("assistant", "incomplete") for item in items[1:])


CALL = ToolCall(id="c", function=CalledFunction(name="f", arguments="{}"))


@pytest.mark.parametrize(
    ("completion", "status", "items"),
    [
        (a_completion("Hi"), "completed", (MessageItem("assistant", (OutputText("Hi"),), status="completed"),)),
        (a_completion("H"), "incomplete", (MessageItem("assistant", (OutputText("H"),), status="incomplete"),)),
        (Completion(), "completed", ()),
        (Completion(), "incomplete", (MessageItem("assistant", (OutputText(""),), status="incomplete"),)),
        (Completion(tool_calls=(CALL,)), "incomplete", (CallItem("c", "f", "{}", status="incomplete"),)),
        (Completion(refusal="No."), "completed", (MessageItem("assistant", (Refusal("No."),), status="completed"),)),
        (
            Completion("Hi", (CALL,)),
            "completed",
            (
                MessageItem("assistant", (OutputText("Hi"),), status="completed"),
                CallItem("c", "f", "{}", status="completed"),
            ),
        ),
    ],
)
def test_an_answer_is_shown_as_far_as_it_came(completion, status, items):
    assert items_of_completion(completion, status) == items
