"""The simulated model is the same each time, says what it received, and fails to order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.simulated import open_simulated
from chalicelib.adapters.models.simulated_answer import count
from chalicelib.domain.chat import (
    Assistant,
    ChatRequest,
    ChosenFunction,
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
    ToolChoice,
    ToolResult,
    Usage,
    User,
)
from chalicelib.domain.errors import (
    Misconfigured,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.transcript import Transcript

WEATHER = Tool(
    FunctionSpec(
        "get_weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    )
)
TIME = Tool(FunctionSpec("get_time"))


def ask(*messages, cap=500, **options):
    return ChatRequest("m", messages, cap, Options(**options))


def say(text, uri="simulated://echo", **options):
    return open_simulated(uri).complete(ask(User(text), **options))


def put_together(deltas):
    transcript = Transcript()
    for delta in deltas:
        transcript.add(delta)
    return transcript


def pieces(uri, text="some words to be said again"):
    return [delta.text for delta in open_simulated(uri).stream(ask(User(text))) if delta.text]


def test_it_remembers_what_was_said_before():
    told = (User("My name is Ada"), Assistant("Hello Ada"), User("What did I say before?"))

    text = open_simulated("simulated://echo").complete(ask(System("x"), *told)).text

    assert (
        text
        == "You said: “What did I say before?”. I remember 2 earlier messages; before that you said: “My name is Ada”."
    )


def test_it_says_that_a_message_is_the_first_and_how_many_images_it_saw():
    parts = (Text("look"), Image(ImageUrl("https://example.com/a")), Image(ImageUrl("https://example.com/b", "low")))

    text = open_simulated("simulated://echo").complete(ask(User(parts))).text

    assert text == "You said: “look”. You showed 2 images. It is the first message of our conversation."


@given(st.text(), st.integers() | st.none(), st.integers(1, 60))
def test_the_same_request_has_the_same_answer_within_its_cap(text, seed, cap):
    request = ask(User(text), cap=cap, seed=seed)
    model = open_simulated("simulated://")

    first, again = model.complete(request), open_simulated("simulated://echo?chunk_tokens=1").complete(request)

    assert first == again
    assert first.usage.output_tokens == count(first.text) <= cap
    assert 0 < first.usage.input_tokens <= input_bound(request)


def test_a_seed_may_change_the_answer():
    assert say("hi", seed=0).text != say("hi", seed=1).text


def test_the_cap_ends_an_answer():
    completion = open_simulated("simulated://").complete(ask(User("hello there"), cap=2))

    assert (completion.text, completion.finish_reason) == ("You said", "length")


def test_a_stop_sequence_ends_an_answer_without_showing():
    completion = say("hello there", stop=("there", "never", ""))

    assert (completion.text, completion.finish_reason) == ("You said: “hello ", "stop")


@pytest.mark.parametrize("tokens", [1, 5, 50, 700])
def test_an_answer_of_a_length(tokens):
    completion = open_simulated(f"simulated://?tokens={tokens}").complete(ask(User("é" * 9), cap=1_000))

    assert completion.usage.output_tokens == tokens


def test_an_answer_to_order():
    assert say("anything", "simulated://script?text=Forty-two.").text == "Forty-two."


@pytest.mark.parametrize(
    ("uri", "number"),
    [("simulated://?chunks=3", 3), ("simulated://?chunk_tokens=1000", 1), ("simulated://?tokens=8&chunk_tokens=2", 4)],
)
def test_a_stream_in_as_many_pieces_as_asked(uri, number):
    assert len(pieces(uri)) == number
    assert "".join(pieces(uri)) == open_simulated(uri).complete(ask(User("some words to be said again"))).text


def test_a_tool_that_the_user_names_is_called():
    completion = say("please get weather for Rome", tools=(TIME, WEATHER))

    assert [call.function.name for call in completion.tool_calls] == ["get_weather"]
    assert json.loads(completion.tool_calls[0].function.arguments) == {"city": "please get weather for Rome"}
    assert completion.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("text", "options", "names"),
    [
        ("hello", {}, []),
        ("hello", {"tool_choice": "required"}, ["get_time"]),
        ("get_weather", {"tool_choice": "required"}, ["get_weather"]),
        ("hello", {"tool_choice": ToolChoice(ChosenFunction("get_weather"))}, ["get_weather"]),
        ("get_weather", {"tool_choice": "none"}, []),
        ("get_weather and get_time", {}, ["get_time", "get_weather"]),
        ("get_weather and get_time", {"parallel_tool_calls": False}, ["get_time"]),
        ("forget_weather", {}, []),
    ],
)
def test_which_tools_are_called(text, options, names):
    completion = say(text, tools=(TIME, WEATHER), **options)

    assert [call.function.name for call in completion.tool_calls] == names
    assert len({call.id for call in completion.tool_calls}) == len(names)


def test_results_of_tools_are_quoted():
    results = (ToolResult("sunny", "a"), ToolResult("noon", "b"))

    text = open_simulated("simulated://").complete(ask(User("get_weather"), *results, tools=(WEATHER,))).text

    assert text == "The tool answered: “sunny”; “noon”."


def test_json_where_json_is_asked_for():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    assert "answer" in json.loads(say("hi", response_format=JsonFormat()).text)
    assert json.loads(say("hi", response_format=SchemaFormat(JsonSchema("s", schema))).text) == {"n": 1}


@pytest.mark.parametrize("schema", [{"type": "object", "required": 5}, {"type": "integer", "minimum": float("inf")}])
def test_a_schema_that_has_no_value_is_rejected(schema):
    with pytest.raises(ModelRejected):
        say("hi", response_format=SchemaFormat(JsonSchema("s", schema)))


FAULTS = {
    "400": ModelRejected,
    "refuse": ModelUnavailable,
    "hang": ModelTimeout,
    "429": ModelThrottled,
    "429-retry": ModelThrottled,
    "500": ModelUnavailable,
    "garbage": ModelGarbled,
    "cut": ModelUnavailable,
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items())
def test_faults(fault, expected):
    slept = []

    with pytest.raises(expected) as raised:
        open_simulated(f"simulated://?fault={fault}&retry_after=9&timeout_ms=700", sleep=slept.append).complete(
            ask(User("hi"))
        )

    assert raised.value.retry_after_seconds == (9 if fault == "429-retry" else None)
    assert slept == ([0.7] if fault == "hang" else [])


@pytest.mark.parametrize("after", [1, 2, 1_000])
def test_a_fault_after_so_many_pieces_comes_before_the_end(after):
    transcript = Transcript()

    def take():
        for delta in open_simulated(f"simulated://?fault=cut&fault_after={after}").stream(ask(User("hello there"))):
            transcript.add(delta)

    with pytest.raises(ModelUnavailable):
        take()

    assert len(transcript.text) == min(16 * after, len(say("hello there").text))
    assert transcript.finish_reason is None


def test_every_third_call_fails():
    model = open_simulated("simulated://?fault=500&every=3")

    def fails():
        try:
            model.complete(ask(User("hi")))
        except ModelUnavailable:
            return True
        return False

    assert [fails() for _ in range(6)] == [False, False, True, False, False, True]


def test_a_share_of_requests_fails_and_always_the_same_ones():
    def failing(seed):
        model = open_simulated(f"simulated://?fault=429&fault_rate=0.3&seed={seed}")
        failed = set()
        for number in range(400):
            try:
                model.complete(ask(User(str(number))))
            except ModelThrottled:
                failed.add(number)
        return failed

    assert 80 < len(failing(1)) < 160
    assert failing(1) == failing(1) != failing(2)


def test_time_passes_only_by_the_sleep_it_is_given():
    slept = []
    model = open_simulated("simulated://?latency_ms=300&first_token_ms=50&chunk_ms=10&chunks=3", sleep=slept.append)

    list(model.stream(ask(User("hi"))))

    assert slept == [0.3, 0.05, 0.01, 0.01, 0.01]


def test_a_slow_target_answers_all_the_same():
    slept = []

    assert open_simulated("simulated://?fault=slow&slow_ms=2000", sleep=slept.append).complete(ask(User("hi"))).text
    assert slept == [2.0]


SLOW = ["latency_ms=900", "first_token_ms=900", "fault=slow&slow_ms=900", "fault=hang&timeout_ms=900"]


@pytest.mark.parametrize("script", SLOW)
@pytest.mark.parametrize("streamed", [True, False])
def test_nobody_waits_longer_than_they_are_patient(script, streamed):
    slept = []
    model = open_simulated(f"simulated://?{script}", sleep=slept.append)

    with pytest.raises(ModelTimeout):
        next(model.stream(ask(User("hi")), 0.5)) if streamed else model.complete(ask(User("hi")), 0.5)

    assert slept == [0.5]


def test_patience_is_for_all_pauses_of_a_whole_answer_together():
    slept = []
    model = open_simulated("simulated://?latency_ms=300&first_token_ms=300&chunk_ms=300&chunks=9", sleep=slept.append)

    with pytest.raises(ModelTimeout):
        model.complete(ask(User("hello there")), 1.0)

    assert slept == pytest.approx([0.3, 0.3, 0.3, 0.1])


def test_patience_with_a_stream_ends_with_its_first_piece():
    slept = []
    uri = "simulated://?first_token_ms=400&chunk_ms=300&chunks=3&fault=slow&fault_after=2&slow_ms=2000"

    assert put_together(open_simulated(uri, sleep=slept.append).stream(ask(User("hi")), 0.5)).finish_reason == "stop"
    assert slept == [0.4, 0.3, 2.0, 0.3, 0.3]


@pytest.mark.parametrize(
    ("window", "failing"),
    [("", [0, 9, 10, 19, 20]), ("&fault_from_s=10", [10, 19, 20]), ("&fault_from_s=10&fault_until_s=20", [10, 19])],
)
def test_an_outage_has_a_time(window, failing):
    now = [0.0]
    model = open_simulated(f"simulated://?fault=refuse{window}", clock=lambda: now[0])

    def fails(second):
        now[0] = float(second)
        try:
            model.complete(ask(User("hi")))
        except ModelUnavailable:
            return True
        return False

    assert [second for second in (0, 9, 10, 19, 20) if fails(second)] == failing


def test_garbage_may_come_in_the_middle():
    stream = open_simulated("simulated://?fault=garbage&fault_after=2&chunk_tokens=1").stream(ask(User("hello there")))

    assert [next(stream).text, next(stream).text] == ["You ", "said"]
    with pytest.raises(ModelGarbled):
        next(stream)


def test_a_target_may_not_say_what_it_burned():
    model = open_simulated("simulated://?usage=0")

    assert model.complete(ask(User("hi"))).usage == Usage()
    assert put_together(model.stream(ask(User("hi")))).usage is None


@given(st.text(min_size=1), st.integers(1, 40))
def test_pieces_are_whole_characters_however_small(text, size):
    model = open_simulated(f"simulated://?chunks={size}")

    pieces = [delta.text for delta in model.stream(ask(User(text)))]

    assert "".join(pieces) == model.complete(ask(User(text))).text
    assert "\ufffd" in text or "\ufffd" not in "".join(pieces)


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_many_calls_stay_within_a_small_cap(cap):
    tools = tuple(Tool(FunctionSpec(name, parameters=WEATHER.function.parameters)) for name in ("one", "two", "three"))

    completion = open_simulated("simulated://").complete(ask(User("one, two and three"), cap=cap, tools=tools))

    assert len(completion.tool_calls) == 3
    assert completion.usage.output_tokens <= cap


def test_directives_change_one_answer_and_do_not_show():
    completion = say("hello [[tokens=20]] [[seed=3 chunks=2]]", "simulated://?directives=1")

    assert completion.usage.output_tokens == 20
    assert "“hello”" in completion.text


def test_directives_order_faults():
    with pytest.raises(ModelUnavailable):
        say("hello [[fault=cut after=3]]", "simulated://?directives=1")


def test_directives_are_text_where_the_uri_does_not_enable_them():
    assert "[[fault=500]]" in say("hello [[fault=500]]").text


@pytest.mark.parametrize("directive", ["[[tokens=many]]", "[[color=red]]", "[[latency_ms=999999999]]"])
def test_a_wrong_directive_is_rejected(directive):
    with pytest.raises(ModelRejected):
        say(directive, "simulated://?directives=1")


@pytest.mark.parametrize(
    "uri",
    [
        "simulated://other",
        "simulated://script",
        "simulated://echo?text=x",
        "simulated://?fault=none",
        "simulated://?latency_ms=-1",
        "simulated://?fault_rate=2",
        "simulated://?speed=1",
    ],
)
def test_a_target_that_cannot_work_is_told_to_the_operator(uri):
    with pytest.raises(Misconfigured):
        open_simulated(uri)
