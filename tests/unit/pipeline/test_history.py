"""A conversation's turns before the new messages."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.memory.conversations import MemoryConversations
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.chat import Assistant, CalledFunction, Developer, System, Text, ToolCall, ToolResult, User
from chalicelib.domain.conversation import CallItem, CallOutputItem, MessageItem, Removed
from chalicelib.domain.errors import ContextTooLong, NotFound
from chalicelib.domain.estimate import likely_tokens
from chalicelib.domain.items import items_of
from chalicelib.pipeline.history import History
from tests.builders import NOW, a_conversation, a_memory, a_model, a_principal, a_request, a_turn, an_ask, an_opened

OWNER = a_principal().owner


def resumed(turns, *messages, model=None, memory=None):
    """The messages that a model gets after `turns` were stored."""
    conversations = MemoryConversations(Shelf())
    conversations.create(a_conversation(), None)
    for turn in turns:
        conversations.append(OWNER, "conv_1", turn)
    request = a_request(*messages or ("And now?",))
    known = memory or a_memory(conversation=conversations.get(OWNER, "conv_1"))
    ask = an_ask(request=request, conversation="conv_1")
    opened = an_opened(request=request, ask=ask, memory=known, model=model or a_model())
    return History(conversations).resume(opened).request.messages


def exchange(number, question=None, answer=None, **fields):
    said = (User(question or f"question {number}"), Assistant(answer or f"answer {number}"))
    return a_turn(number, *items_of(said), **fields)


def call(name):
    return ToolCall(id=name, function=CalledFunction(name="f", arguments="{}"))


def test_a_request_without_a_conversation_is_left_alone():
    opened = an_opened("Hi")

    assert History(MemoryConversations(Shelf())).resume(opened) is opened


def test_history_comes_before_the_new_messages_in_the_order_of_time():
    assert resumed([exchange(1), exchange(2)]) == (
        User("question 1"),
        Assistant("answer 1"),
        User("question 2"),
        Assistant("answer 2"),
        User("And now?"),
    )


def test_an_empty_conversation_adds_nothing():
    assert resumed([]) == (User("And now?"),)


@pytest.mark.parametrize("conversation", [None, a_conversation(owner="somebody.else", last=1)])
def test_an_unknown_and_a_foreign_conversation_are_the_same(conversation):
    with pytest.raises(NotFound) as caught:
        resumed([], memory=a_memory(conversation=conversation))

    assert caught.value.message == NotFound("conversation", "conv_1").message


def test_the_newest_turns_that_fit_are_kept_whole():
    turns = [exchange(n, "word " * 300) for n in range(1, 30)]

    messages = resumed(turns, model=a_model(context_tokens=2_000))

    answers = [message.content for message in messages if isinstance(message, Assistant)]
    assert 0 < len(answers) < 29
    assert answers == [f"answer {n}" for n in range(30 - len(answers), 30)]
    assert [type(message) for message in messages] == [User, Assistant] * len(answers) + [User]


@given(sizes=st.lists(st.integers(1, 900), max_size=12), context=st.integers(200, 3_000))
def test_history_never_takes_more_than_its_room(sizes, context):
    turns = [exchange(n, "x" * size) for n, size in enumerate(sizes, start=1)]

    messages = resumed(turns, model=a_model(context_tokens=context))

    assert sum(likely_tokens(message) for message in messages) <= max(context, likely_tokens(messages[-1]))
    assert messages[-1] == User("And now?")


def test_new_messages_that_are_too_long_alone_are_refused():
    with pytest.raises(ContextTooLong) as caught:
        resumed([], "word " * 3_000, model=a_model(context_tokens=1_000))

    assert caught.value.code == "context_length_exceeded"


def test_a_turn_that_is_still_being_answered_is_left_out():
    open_turn = a_turn(2, state="open", lease_until=NOW + 1)

    assert resumed([exchange(1), open_turn, exchange(3)]) == (
        User("question 1"),
        Assistant("answer 1"),
        User("question 3"),
        Assistant("answer 3"),
        User("And now?"),
    )


def test_a_turn_whose_lease_ran_out_is_read():
    assert resumed([a_turn(1, state="open", lease_until=NOW)])[0] == User("question 1")


def test_a_cut_answer_is_read_as_far_as_it_came():
    cut = a_turn(1, *items_of((User("Tell."),)), MessageItem("assistant", "It beg", status="incomplete"), state="cut")

    assert resumed([cut])[:2] == (User("Tell."), Assistant("It beg"))


def test_an_empty_answer_is_not_sent_to_a_model():
    cut = a_turn(1, *items_of((User("Tell."),)), MessageItem("assistant", "", status="incomplete"), state="cut")

    assert resumed([cut]) == (User("Tell."), User("And now?"))


def test_a_call_and_its_result_are_kept_together():
    asked = a_turn(1, *items_of((User("Do."), Assistant(tool_calls=(call("a"),)))))

    messages = resumed([asked], ToolResult("1", "a"))

    assert messages == (User("Do."), Assistant(tool_calls=(call("a"),)), ToolResult("1", "a"))


def test_a_result_whose_call_did_not_fit_is_left_out():
    asked = a_turn(1, *items_of((User("Do. " * 2_000), Assistant(tool_calls=(call("a"),)))))
    answered = a_turn(2, *items_of((ToolResult("1", "a"), Assistant("Done."))))

    assert resumed([asked, answered], model=a_model(context_tokens=1_000)) == (Assistant("Done."), User("And now?"))


def test_a_result_whose_call_was_deleted_is_left_out():
    asked = a_turn(1, MessageItem("user", "Do."), Removed())
    answered = a_turn(2, *items_of((ToolResult("1", "a"), Assistant("Done."))))

    assert resumed([asked, answered]) == (User("Do."), Assistant("Done."), User("And now?"))


def test_a_result_behind_a_turn_of_which_nothing_is_left_is_left_out():
    answered = a_turn(2, *items_of((ToolResult("1", "a"), Assistant("Done."))))

    assert resumed([a_turn(1, Removed(), Removed()), answered]) == (Assistant("Done."), User("And now?"))


def test_a_call_that_nobody_answered_is_left_out():
    asked = a_turn(1, *items_of((User("Do."), Assistant("Well.", tool_calls=(call("a"), call("b"))))))
    answered = a_turn(2, *items_of((ToolResult("1", "a"), Assistant("Done."))))

    assert resumed([asked, answered])[1] == Assistant("Well.", tool_calls=(call("a"),))


def test_a_call_that_was_cut_is_left_out():
    cut = a_turn(1, MessageItem("user", "Do."), CallItem("a", "f", '{"ci', status="incomplete"), state="cut")

    assert resumed([cut]) == (User("Do."), User("And now?"))


def test_what_the_caller_sends_now_is_never_changed():
    fresh = (ToolResult("1", "unknown"), Assistant(tool_calls=(call("x"),)), User("And now?"))

    assert resumed([exchange(1)], *fresh)[-3:] == fresh


@given(st.data())
def test_a_model_never_gets_half_a_pair(data):
    ids = st.sampled_from("abc")
    items = st.one_of(
        st.builds(MessageItem, st.sampled_from(["user", "assistant"]), st.text("xy", max_size=3)),
        st.builds(CallItem, ids, st.just("f"), st.just("{}")),
        st.builds(CallOutputItem, ids, st.just("1")),
        st.just(Removed()),
    )
    turns = data.draw(st.lists(st.lists(items, min_size=1, max_size=4), max_size=5))

    messages = resumed([a_turn(n, *said) for n, said in enumerate(turns, start=1)])

    asked = {each.id for m in messages if isinstance(m, Assistant) for each in m.tool_calls or ()}
    answered = {m.tool_call_id for m in messages if isinstance(m, ToolResult)}
    assert asked == answered


@pytest.mark.parametrize("kind", [System, Developer])
@pytest.mark.parametrize("content", ["Be brief.", (Text("Be "), Text("brief."))])
def test_instructions_sent_again_are_not_repeated(kind, content):
    turns = [a_turn(n, *items_of((kind(content), User("Hi"), Assistant("Hello")))) for n in (1, 2, 3)]

    messages = resumed(turns, kind(content), "And now?")

    assert [type(message) for message in messages] == [kind, *[User, Assistant] * 3, User]


def test_new_instructions_come_first():
    messages = resumed([exchange(1)], System("Be brief."), Developer("In Dutch."), "And now?", System("Really."))

    assert messages[:2] == (System("Be brief."), Developer("In Dutch."))
    assert messages[2] == User("question 1")
    assert messages[-2:] == (User("And now?"), System("Really."))


def test_the_request_is_changed_in_its_messages_alone():
    conversations = MemoryConversations(Shelf())
    conversations.create(a_conversation(), exchange(1))
    request = a_request("And now?", temperature=0.5)
    memory = a_memory(conversation=conversations.get(OWNER, "conv_1"))
    opened = an_opened(request=request, ask=an_ask(request=request, conversation="conv_1"), memory=memory)

    resumed_ = History(conversations).resume(opened)

    assert msgspec.structs.replace(resumed_, request=request, place=opened.place) == opened
    assert msgspec.structs.replace(resumed_.request, messages=request.messages) == request


def test_only_what_is_needed_is_read():
    reads = []

    class Counting(MemoryConversations):
        def turns(self, conversation_id, page):
            for turn in super().turns(conversation_id, page):
                reads.append(turn.number)
                yield turn

    conversations = Counting(Shelf())
    conversations.create(a_conversation(), None)
    for number in range(1, 50):
        conversations.append(OWNER, "conv_1", exchange(number, "word " * 300))
    memory = a_memory(conversation=conversations.get(OWNER, "conv_1"))
    opened = an_opened("Hi", ask=an_ask(conversation="conv_1"), memory=memory, model=a_model(context_tokens=2_000))

    with suppress(ContextTooLong):
        History(conversations).resume(opened)

    assert reads[0] == 49
    assert len(reads) < 10


@pytest.mark.parametrize(
    ("question", "placed"), [("What is the capital of France?", True), ("And in Canada?", False), ("Hi", False)]
)
def test_only_a_question_that_stands_alone_may_be_answered_from_the_cache(question, placed):
    conversations = MemoryConversations(Shelf())
    conversations.create(a_conversation(), exchange(1))
    request = a_request(question)
    memory = a_memory(conversation=conversations.get(OWNER, "conv_1"))
    opened = an_opened(request=request, ask=an_ask(request=request, conversation="conv_1"), memory=memory)

    assert (History(conversations).resume(opened).place is not None) == placed
