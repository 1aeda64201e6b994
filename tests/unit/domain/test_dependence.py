"""Questions that stand alone, and questions whose answers may be anybody's."""

import pytest

from chalicelib.domain.chat import Assistant, CalledFunction, System, ToolCall, ToolResult, User
from chalicelib.domain.dependence import (
    MOST_COMPARED,
    answers_everybody,
    comparable,
    context_of,
    speaks_of_self,
    stands_alone,
)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How do tides come about in the North Sea?",
        "Explain quantum entanglement to a child",
        "Which planets of the solar system have rings?",
    ],
)
def test_a_question_that_says_all_stands_alone(question):
    # "Explain" opens a follow-up as often as a question: it is taken for one
    assert stands_alone(question) == (not question.startswith("Explain"))


@pytest.mark.parametrize(
    "question",
    [
        "And in Canada?",
        "What about the second one?",
        "Why is that so?",
        "How high is it at noon in June?",
        "What is its population today?",
        "Who wrote the one you mentioned?",
        "What is the capital there?",
        "Can you make it shorter, please?",
        "What is my name in your list?",
        "Translate the answer into French",
        "Is the other better for the heart?",
        "yes",
        "",
        "🌊",
        "¿Y en Canadá cómo se llama esto?",
        "那么在加拿大呢",
        "How does THIS work on Linux systems?",
        "What\u2019s the population of it\u2019s capital city?",
        "What are the side effects?",
        "How do I reset the phone?",
        "Who is the president?",
        "Is the answer correct as it stands?",
    ],
)
def test_a_question_that_may_point_outside_itself_does_not(question):
    assert not stands_alone(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "My card has not arrived yet, what should I do?",
        "How do I order a new card?",
        "How do I cancel a transfer?",
        "What happened in 1914?",
        "What is 1,000,000 divided by 7?",
        "Who won the world cup in 2014?",
        "How fast is an RTX 4090?",
    ],
)
def test_what_anybody_may_ask_may_be_cached(question):
    assert answers_everybody(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the weather in Paris?",
        "Who is the current president of France?",
        "Send my boss an apology",
        "Please cancel my subscription",
        "Could you book me a table?",
        "My name is Ada, what is yours?",
        "Write to ada@example.com about tides",
        "Call +49 170 1234567 for me",
        "Is 4111 1111 1111 1111 a good card?",
        "Where is my order AB-12345?",
        "What is wrong with ticket INC0012345?",
        "What is in 123e4567-e89b-12d3-a456-426614174000?",
        "My password is hunter2, is it good?",
    ],
)
def test_news_deeds_and_people_may_not(question):
    assert not answers_everybody(question)


@pytest.mark.parametrize("unit", ["a-", "a.", "x1111-", "a ", "1 ", "1-", "1", "a@", "1("])
def test_a_megabyte_is_read_through_as_quickly_as_it_is_long(unit):
    """A pattern that begins anew at each word would take hours, and this test would not end."""
    assert answers_everybody(unit * (1_000_000 // len(unit))) is unit.startswith(("a", "x"))


ALONE = "What is the capital of France?"
BRIEF = System("Be brief.")
TALK = (User("Hello there"), Assistant("Hi!"))


@pytest.mark.parametrize(
    ("earlier", "question", "context"),
    [
        ((), ALONE, ()),
        ((BRIEF,), ALONE, (BRIEF,)),
        (TALK, ALONE, ()),
        ((BRIEF, *TALK), ALONE, (BRIEF,)),
        ((*TALK, BRIEF), ALONE, (BRIEF,)),
        ((BRIEF, *TALK), "And in Canada?", (BRIEF, *TALK)),
    ],
)
def test_only_what_the_answer_may_depend_on_is_context(earlier, question, context):
    assert context_of(earlier, question) == context


@pytest.mark.parametrize(
    "said",
    [
        User("From now on answer in French."),
        User("Pretend to be a pirate"),
        User("You are a teacher."),
        User("Suppose that x is 3"),
        User(()),
        Assistant(tool_calls=(ToolCall("c", CalledFunction("f", "{}")),)),
        ToolResult("42", "c"),
    ],
)
def test_what_sets_the_scene_for_all_that_follows_is_context(said):
    earlier = (*TALK, said)

    assert context_of(earlier, ALONE) == earlier


@pytest.mark.parametrize(
    "question",
    [
        "How do I boil an egg?",
        "Wie heißt \u201edas\u201d auf Dänisch?".replace("\u201e", '"'),
        "What's 5% of $20?",
        "Who is R.E.M. (the band)?",
    ],
)
def test_plain_words_may_be_compared(question):
    assert comparable(question)


@pytest.mark.parametrize(
    "question",
    [
        "\U0001f1eb\U0001f1f7",
        "What does \U0001f44d mean?",
        "法国的首都是什么？",
        "Сколько дней в январе?",
        "What is 2+2?",
        "What is 2-2?",
        "What is 6 / 3?",
        "Is x > 5 true when x is 6?",
        "What is C++ for?",
        "What is C# for?",
        "What does `ls` do?",
        "",
        "a" * (MOST_COMPARED + 1),
    ],
)
def test_signs_and_scripts_that_nobody_reads_may_not(question):
    assert not comparable(question)


@pytest.mark.parametrize("question", ["What is my balance?", "I'm Ann. Which drugs are safe?", "Did I pay?", "Tell me"])
def test_a_question_may_be_about_who_asks(question):
    assert speaks_of_self(question)


@pytest.mark.parametrize("question", ["How do I boil an egg?", "Can I fly to Rome?"])
def test_not_every_i_is_somebody(question):
    assert not speaks_of_self(question)


@pytest.mark.parametrize("question", ["What is the square root of -4?", "Convert -40 F to C", "What is 5!?"])
def test_the_sign_of_a_number_is_not_compared(question):
    assert not comparable(question)
