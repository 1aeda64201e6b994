"""What may share an answer."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cache_key import cacheable, clean, owner_of, place_of, places
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    ChosenFunction,
    Developer,
    FunctionSpec,
    Image,
    ImageUrl,
    JsonFormat,
    JsonSchema,
    Options,
    SchemaFormat,
    System,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    User,
)
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.question import canonical
from tests.builders import a_completion, a_request


def a_schema(name):
    return SchemaFormat(json_schema=JsonSchema(name="s", schema={"required": [name]}))


def a_tool(name):
    return Tool(function=FunctionSpec(name=name, parameters={"type": "object"}))


TWO_VALUES = {
    "temperature": (0.0, 0.1),
    "top_p": (0.5, 1.0),
    "stop": (("a",), ("b",)),
    "seed": (0, 1),
    "presence_penalty": (0.0, 0.1),
    "frequency_penalty": (0.0, 0.1),
    "logit_bias": ({"1": 1.0}, {"1": 2.0}),
    "response_format": (a_schema("a"), a_schema("b")),
    "tools": ((a_tool("f"),), (a_tool("g"),)),
    "tool_choice": ("none", ToolChoice(function=ChosenFunction(name="f"))),
    "parallel_tool_calls": (False, True),
    "reasoning_effort": ("low", "high"),
    "user": ("u", "v"),
}
SHARED = {"user"}  # a name for the provider's own records: the model does not see it
DEFAULT = Options()


def place(request, tenant="t", user="u"):
    own, shared = places(tenant, user or "", request)
    return own if user else shared


def scope(request, tenant="t", user="u"):
    return place(request, tenant, user).scope


def key(request, tenant="t", user="u"):
    return place(request, tenant, user).key


@pytest.mark.parametrize("name", Options.__struct_fields__)
def test_every_option_that_a_model_sees_is_part_of_the_scope(name):
    values = (getattr(DEFAULT, name), *TWO_VALUES[name])

    scopes = {scope(a_request(**{name: value})) for value in values}

    assert len(scopes) == (1 if name in SHARED else 3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (scope(a_request(), tenant="t"), scope(a_request(), tenant="x")),
        (scope(a_request(), user="u"), scope(a_request(), user="x")),
        (scope(a_request(), user="u"), scope(a_request(), user=None)),
        (scope(a_request(), "ab", "c"), scope(a_request(), "a", "bc")),
        (scope(a_request(model="small")), scope(a_request(model="large"))),
        (scope(a_request(System("A"), "Hi")), scope(a_request(System("B"), "Hi"))),
        (scope(a_request(System("A"), "Hi")), scope(a_request(Developer("A"), "Hi"))),
        (scope(a_request(System("A"), "Hi")), scope(a_request("A", "Hi"))),
        (scope(a_request(System("A"), "Hi")), scope(a_request(System("A"), System("A"), "Hi"))),
        (scope(a_request(System("A"), "Hi")), scope(a_request("Hi"))),
        (scope(a_request("a", "Hi")), scope(a_request("A", "Hi"))),
        (scope(a_request("a", Assistant("b"), "Hi")), scope(a_request("a", Assistant("c"), "Hi"))),
        (scope(a_request(User("a", name="x"), "Hi")), scope(a_request(User("a", name="y"), "Hi"))),
        (key(a_request(User("Who am I?", name="x"))), key(a_request(User("Who am I?", name="y")))),
        (key(a_request(User("Who am I?", name="x"))), key(a_request(User("Who am I?")))),
        (key(a_request("What is a tide?")), key(a_request("What is a wave?"))),
    ],
)
def test_whatever_differs_parts_two_requests(one, other):
    assert one != other


def test_the_cap_on_output_parts_nothing():
    assert key(a_request(max_output_tokens=1)) == key(a_request(max_output_tokens=2))


def test_the_newest_question_is_not_in_the_scope():
    assert scope(a_request("What is a tide?")) == scope(a_request("What is a wave?"))


def test_a_place_has_its_scope_in_the_parts_that_a_purge_may_name():
    own, shared = places("t", "u", a_request(model="small"))

    prefix = own.meaning.prefix
    assert own.meaning == AnswerScope("t", "u", "small", prefix, "")
    assert shared.meaning == AnswerScope("t", "*", "small", prefix, "")
    assert (own.scope, shared.scope) == (f"1:t:u:small:{prefix}", f"1:t:*:small:{prefix}")


def test_the_answers_of_a_scope_are_its_users_and_shared_ones_nobodys():
    own, shared = places("t", "u", a_request())

    assert owner_of(own.scope) == "t.u"
    assert owner_of(shared.scope) is None
    assert owner_of("scope") is None


def test_a_question_has_the_same_place_whichever_way_one_comes_to_it():
    own, shared = places("t", "u", a_request("What is a tide?"))

    assert place_of(own.meaning, "what is a tide") == own
    assert place_of(shared.meaning, "What is a tide?") == shared
    assert place_of(own.meaning, "What is a wave?") != own


def test_who_is_named_as_the_speaker_is_part_of_the_scope():
    assert len({scope(a_request(User("Who am I?", name=name))) for name in ("x", "y", None)}) == 3


def test_what_has_no_name_has_a_place_too():
    assert scope(a_request("Hi", ToolResult("1", "call_1"))) != scope(a_request("Bye", ToolResult("1", "call_1")))


def test_earlier_talk_parts_nothing_where_the_question_stands_alone():
    talk = "What is a wave?", Assistant("A swell of the sea.")

    assert scope(a_request(*talk, "What is a tide?")) == scope(a_request("What is a tide?"))
    assert scope(a_request(*talk, "Why is that so?")) != scope(a_request("Why is that so?"))


@pytest.mark.parametrize(
    "variant",
    [
        "what is the capital of france",
        "What's the capital of France?",
        "WHAT IS THE CAPITAL OF FRANCE?!",
        "  What  is the\ncapital of France ? ",
        "Hi, what is the capital of France?",
        "Hello! What is the capital of France?",
        "Hey there, what's the capital of France?",
        "Good morning, what is the capital of France?",
        "Hi what is the capital of France",
        "Please tell me: what is the capital of France?",
        "Can you tell me what is the capital of France?",
        "Could you please tell me what is the capital of France?",
        "What is the capital of France, please?",
        "What is the capital of France please",
        "What is the capital of France? Thanks!",
        "What is the capital of France? Thank you.",
        "Hello, could you please tell me what is the capital of France? Many thanks!",
        "What\u2019s the capital of France?",
    ],
)
def test_what_never_changes_an_answer_is_folded(variant):
    assert canonical(variant) == canonical("What is the capital of France?")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2 + 2?", "What is 2 - 2?"),
        ("What is 2 + 2?", "What is 2 + 3?"),
        ("What is 2.5 in binary?", "What is 25 in binary?"),
        ("What is -5 squared?", "What is 5 squared?"),
        ("What is 2\u00b2?", "What is 22?"),
        ("What is x\u2082?", "What is x2?"),
        ("What is 1\u00bd cups?", "What is 11/2 cups?"),
        ("What is C?", "What is C++?"),
        ("What is C#?", "What is C?"),
        ("What is C#?", "What is C++?"),
        ("Is 5 > 3?", "Is 5 < 3?"),
        ("Is 50% much?", "Is 50 much?"),
        ("Does man bite dog?", "Does dog bite man?"),
        ("From Rome to Paris", "From Paris to Rome"),
        ("I can eat nuts", "I can't eat nuts"),
        ("Is it legal?", "Isn't it legal?"),
        ("What costs $5?", "What costs \u20ac5?"),
        ("Resume advice", "Résumé advice"),
        ("How do you say thanks in Dutch?", "How do you say please in Dutch?"),
        ("In Dutch, how do you say thanks?", "In Dutch, how do you say please?"),
        ("In Dutch, how do you say thank you?", "In Dutch, how do you say please?"),
        ("What is the difference between please and thanks?", "What is the difference between please and thank you?"),
        ("What is the opposite of please", "What is the opposite of thanks"),
        ("Translate thanks", "Translate please"),
        ("What is 5!", "What is 5?"),
        ("What is (2 + 3)!?", "What is (2 + 3)?"),
        ("What is n!", "What is n"),
        ("Translate: thanks", "Translate: please"),
        ("Hello world in Python", "World in Python"),
        ("Dear Abby columns", "Abby columns"),
        ("What does ls -R do", "What does ls -r do"),
        ("Base64 decode: QUJD", "Base64 decode: qujd"),
        ("Translate to French: please", "Translate to French:"),
        ("Who said please?", "Who said?"),
        ("write hi thanks", "write hi"),
        ("How many exclamation marks are in: a!", "How many exclamation marks are in: a!!"),
        ("What is the meaning of ?!", "What is the meaning of !"),
        ("Explain a*?", "Explain a*"),
        ("How much is 5 Mb", "How much is 5 MB"),
        ("You are here.", "You are here?"),
        ("Kindly Ones author", "Ones author"),
        ("Please Please Me album", "Me album"),
        ("Is a.?", "Is a."),
        ("What does US mean?", "What does us mean?"),
        ("Who leads the WHO?", "Who leads the who?"),
        ("How do I learn Polish", "How do I learn polish"),
        ("Is May warm", "Is may warm"),
        ("SELECT 1;", "SELECT 1"),
        ("Open https://x.test/A", "Open https://x.test/a"),
        ("What is iPhone", "What is iphone"),
        ("Hey Jude lyrics", "Jude lyrics"),
    ],
)
def test_what_may_change_an_answer_is_kept(one, other):
    assert canonical(one) != canonical(other)


@given(st.text(max_size=60))
def test_a_canonical_question_is_its_own(text):
    assert canonical(canonical(text)) == canonical(text)


POLITE = st.sampled_from(["hi,", "hello!", "please", "can you tell me", "what's", "C++", "is", "2", "thanks", "it's,"])


@given(st.lists(POLITE, max_size=8).map(" ".join))
def test_so_is_one_of_polite_words(text):
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize("text", ["please ", "thanks, ", "!", ",", "a", "hi, ", "...x ", " please", "please:"])
def test_a_long_question_takes_time_linear_in_its_length(text):
    question = text * 200_000

    assert canonical(question) == canonical(canonical(question))


@given(st.text("0123456789+-*/%$<>#=.,", min_size=1, max_size=10), st.text("0123456789+-*/%$<>#=", min_size=1))
def test_digits_and_signs_are_kept_in_order(start, end):
    assert canonical(f"is x{start}{end} so") == f"is x{start}{end} so"


@pytest.mark.parametrize(
    ("request_", "asked", "kept"),
    [
        (a_request("What is a tide?"), False, True),
        (a_request("What is a tide?", temperature=0.9), False, True),
        (a_request("What is a tide?", temperature=1.0), False, False),
        (a_request("What is a tide?", temperature=1.0), True, True),
        (a_request("What is the weather?"), False, False),
        (a_request("What is the latest news TODAY?"), False, False),
        (a_request("What is the weather?"), True, True),
        (a_request("Hi", tools=(a_tool("f"),)), True, False),
        (a_request("Hi", logit_bias={"1": 1.0}), True, False),
        (a_request("Hi", response_format=JsonFormat()), False, True),
        (a_request(User((Text("Hi"),))), True, False),
        (a_request(User((Image(ImageUrl("https://x.test/")),))), True, False),
        (a_request("Hi", ToolResult("1", "call_1")), True, False),
        (a_request("Hi", Assistant("Hello")), True, False),
        (a_request("Hi", System("Be brief.")), True, False),
    ],
)
def test_only_a_plain_question_with_a_lasting_answer_is_cacheable(request_, asked, kept):
    assert cacheable(request_, asked=asked) == kept


CALL = ToolCall(id="1", function=CalledFunction(name="f", arguments="{}"))


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"finish_reason": "length"}, False),
        ({"finish_reason": "content_filter"}, False),
        ({"finish_reason": "tool_calls"}, False),
        ({"tool_calls": (CALL,)}, False),
        ({"refusal": "No."}, False),
        ({"text": ""}, False),
        ({"text": None}, False),
    ],
)
def test_only_a_whole_answer_of_text_is_clean(change, kept):
    assert clean(msgspec.structs.replace(a_completion(), **change)) == kept
