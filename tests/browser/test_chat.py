"""The chat page, used as people use it, over the product as `make run` starts it."""

import re

import pytest
from playwright.sync_api import expect

from chalicelib.domain.budget import Limit, Plan
from chalicelib.domain.identity import parse_token
from tests.browser.chatting import DRAWN_SLOWLY, Chat, items


def test_the_whole_story_of_somebody_new(visit, gateway, user):
    here = visit(gateway.origin)
    here.open("/")
    page = here.page

    page.get_by_label("API key").fill("tg_live_not_a_key_of_this_gateway")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Sign in with another one")

    chat = Chat(here).sign_in(user)
    answer = chat.ask("What is a tide?")
    expect(answer).to_contain_text("You said: “What is a tide?”")
    facts = answer.get_by_role("list", name="About this answer")
    expect(facts).to_contain_text("claude-haiku-4-5")
    expect(facts).to_contain_text("simulated://echo")
    expect(facts).to_contain_text(re.compile(r"\d+ tokens·?"))
    expect(facts).to_contain_text(re.compile(r"\$0\.0\d+"))
    expect(facts).to_contain_text(re.compile(r"\d\.\d s"))

    chat.anew()
    again = chat.ask("What is a tide?")
    expect(again.get_by_role("list", name="About this answer")).to_contain_text("From the cache")
    expect(again.get_by_role("list", name="About this answer")).to_contain_text("$0")
    expect(chat.listed).to_have_count(2)
    here.shoot("chat")


def test_the_key_is_nowhere_but_in_memory(visit, gateway, user):
    here = visit(gateway.origin)
    chat = Chat(here).sign_in(user)
    chat.ask("Where is my key?")

    state = here.page.evaluate(
        "() => [location.href, document.cookie, JSON.stringify(sessionStorage), JSON.stringify(localStorage)]"
    )
    assert not [each for each in state if user in each]
    assert not [request.url for request in here.requests if user in request.url]
    assert here.context.cookies() == []
    here.page.reload()
    expect(here.page.get_by_label("API key")).to_be_visible()


def test_a_key_that_is_kept_outlives_a_reload_and_no_sign_out(visit, gateway, user):
    here = visit(gateway.origin)
    chat = Chat(here).sign_in(user, remember=True)
    chat.ask("Remember this")

    here.page.reload()
    expect(chat.answers).to_have_count(1)
    expect(chat.answers).to_contain_text("Remember this")

    here.page.get_by_role("button", name="Sign out").click()
    expect(here.page.get_by_label("API key")).to_be_visible()
    assert user not in here.page.evaluate("() => JSON.stringify(sessionStorage)")
    here.page.reload()
    expect(here.page.get_by_label("API key")).to_be_visible()


def test_conversations_are_found_renamed_and_deleted(chat):
    page = chat.page
    for text in ("Boil an egg", "Sail to Brest"):
        chat.ask(text)
        chat.anew()
    expect(chat.listed).to_have_count(2)

    page.get_by_label("Search conversations").fill("EGG")
    expect(chat.listed).to_have_count(1)
    chat.listed.first.hover()
    chat.listed.first.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("Breakfast")
    page.keyboard.press("Enter")
    page.get_by_label("Search conversations").fill("break")
    expect(chat.listed).to_have_text(["Breakfast"])

    chat.listed.first.get_by_role("button", name="Breakfast", exact=True).click()
    expect(chat.answers).to_contain_text("Boil an egg")
    expect(page.get_by_role("heading", name="Breakfast")).to_be_visible()
    chat.listed.first.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("Breakfast of two")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Breakfast of two")).to_be_visible()
    chat.listed.first.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(chat.answers).to_have_count(0)
    page.get_by_label("Search conversations").fill("")
    expect(chat.listed).to_have_text(["Sail to Brest"])


def test_an_answer_by_meaning_says_so_and_can_be_called_wrong(chat):
    chat.ask("How do I boil an egg?")
    chat.anew()
    answer = chat.ask("How should I boil eggs?")
    expect(answer.get_by_role("list", name="About this answer")).to_contain_text(
        re.compile(r"From the cache, \d+\.\d % alike")
    )

    answer.get_by_role("button", name="Wrong answer?").click()
    expect(answer).to_contain_text("It will not be served for this question again")
    answer.get_by_role("button", name="Ask the model").click()
    expect(chat.answers).to_contain_text("How should I boil eggs?")
    chat.anew()
    other = chat.ask("How should I boil eggs?")
    expect(other).to_contain_text("How should I boil eggs?")
    expect(other).not_to_contain_text("alike")


def test_an_answer_is_stopped_and_asked_again(chat, gateway, user):
    chat.begin(f"Tell me everything {DRAWN_SLOWLY}")
    expect(chat.answers.first).to_contain_text("You said")
    chat.page.get_by_role("button", name="Stop").click()
    stopped = chat.whole(0)
    expect(stopped).to_contain_text("Stopped")

    stopped.get_by_role("button", name="Ask again").click()
    expect(chat.answers.first.get_by_role("list", name="About this answer")).to_be_visible(timeout=30_000)
    expect(chat.answers).to_have_count(1)
    assert [role for role, _ in items(gateway, user, chat.page)] == ["user", "assistant"]


def test_a_question_is_edited_and_what_came_after_it_is_replaced(chat, gateway, user):
    for text in ("First question", "Second question", "Third question"):
        chat.ask(text)

    chat.questions.nth(1).hover()
    chat.questions.nth(1).get_by_role("button", name="Edit question").click()
    chat.page.get_by_role("textbox", name="Edit question").fill("Another question")
    chat.page.keyboard.press("Enter")
    chat.page.get_by_role("dialog").get_by_role("button", name="Remove and ask").click()

    expect(chat.questions).to_have_text(["First question", "Another question"])
    chat.whole(1)
    assert [text for role, text in items(gateway, user, chat.page) if role == "user"] == [
        "First question",
        "Another question",
    ]


def test_on_a_narrow_screen_the_list_lies_over_the_chat(visit, gateway, user):
    here = visit(gateway.origin, viewport={"width": 320, "height": 640})
    chat = Chat(here).sign_in(user)
    chat.ask("A question whose name is much longer than such a screen is wide")
    chat.anew()
    chat.ask("Another question, `code_that_is_long_and_cannot_be_broken_anywhere_at_all`")
    assert here.overflow() == 0

    here.page.get_by_role("button", name="Open the list").click()
    expect(chat.listed).to_have_count(2)
    assert here.overflow() == 0
    here.page.keyboard.press("Escape")
    expect(chat.listed).to_have_count(0)
    expect(here.page.get_by_role("button", name="Open the list")).to_be_focused()
    here.page.keyboard.press("Enter")
    chat.listed.last.locator(".name").click()
    expect(chat.answers).to_contain_text("much longer")
    expect(chat.listed).to_have_count(0)


def test_a_model_is_chosen(chat):
    chat.page.get_by_label("Model", exact=True).select_option("nova-lite")
    facts = chat.ask("Who are you?").get_by_role("list", name="About this answer")

    expect(facts).to_contain_text("nova-lite")
    assert "wordllama-256" not in chat.page.get_by_label("Model", exact=True).inner_text()


def test_a_long_answer_comes_whole_and_stays_in_view(chat, gateway, user):
    answer = chat.ask("Tell me a very long story [[tokens=20000]]")
    (_, _), (_, said) = items(gateway, user, chat.page)

    shown = answer.locator(".prose").inner_text()
    assert len(said) > 15_000
    expect(answer).to_contain_text("Cut off")
    assert "".join(shown.split()) == "".join(said.split())
    assert chat.page.locator(".log").evaluate("at => at.scrollHeight - at.scrollTop - at.clientHeight < 5")


def test_a_dropped_socket_goes_on_where_it_was(visit, gateway, user):
    here = visit(gateway.origin)
    opened, heard = [], []

    def pass_on(client):
        server = client.connect_to_server()
        opened.append(server)

        def bring(message):
            client.send(message)
            heard.append(message)
            if len(opened) <= 2 and sum('"chunk"' in each for each in heard) in {3, 6}:
                client.close()

        server.on_message(bring)

    here.page.route_web_socket(re.compile("^ws:"), pass_on)
    chat = Chat(here).sign_in(user)
    chat.page.get_by_label("Reconnect").check()
    answer = chat.ask(f"Tell me everything {DRAWN_SLOWLY}")

    expect(answer.get_by_role("list", name="About this answer")).to_contain_text("simulated://echo")
    (_, _), (_, said) = items(gateway, user, chat.page)
    assert "".join(answer.locator(".prose").inner_text().split()) == "".join(said.split())
    assert len(opened) == 3


def test_where_no_socket_opens_the_answer_comes_all_the_same(visit, gateway, user):
    here = visit(gateway.origin)
    here.page.route_web_socket(re.compile("^ws:"), lambda client: client.close())
    chat = Chat(here).sign_in(user)
    chat.page.get_by_label("Reconnect").check()

    expect(chat.ask("What is a tide?")).to_contain_text("You said")


def test_a_limit_that_is_reached_says_which_and_until_when(visit, gateway, books):
    key = books.key_with(Plan("one", limits=(Limit("key", "day", requests=1),)), USER="limited")
    here = visit(gateway.origin)
    chat = Chat(here).sign_in(key)
    for place in range(3):  # a day may end in between
        chat.begin(f"Question {place}")
        expect(chat.answers.nth(place).get_by_role("button", name=re.compile("again", re.IGNORECASE))).to_be_visible()

    alert = chat.answers.filter(has_text="A limit is reached").last.get_by_role("alert")
    expect(alert).to_contain_text("Requests per day")
    expect(alert).to_contain_text(re.compile(r"Room again in (\d+ h )?\d+ (min|s)( \d+ s)?, at \d"))
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()
    here.shoot("chat-limit")


def test_a_limit_is_told_over_a_socket_too(visit, gateway, books):
    key = books.key_with(Plan("one-a-day", limits=(Limit("key", "day", requests=1),)), USER="limited-there")
    chat = Chat(visit(gateway.origin)).sign_in(key)
    chat.ask("The first of the day")
    chat.page.get_by_label("Reconnect").check()
    chat.begin("The second of the day")

    alert = chat.answers.nth(1).get_by_role("alert")
    expect(alert).to_contain_text("Requests per day")
    expect(alert).to_contain_text(re.compile(r"Room again in \d+ (h|min|s)"))


def test_a_question_larger_than_the_whole_limit_says_that_no_waiting_helps(visit, gateway, books):
    key = books.key_with(Plan("small", limits=(Limit("key", "day", tokens=10),)), USER="small")
    chat = Chat(visit(gateway.origin)).sign_in(key)
    chat.begin("A question of more than a few tokens")

    alert = chat.answers.first.get_by_role("alert")
    expect(alert).to_contain_text("No waiting helps")
    expect(alert.get_by_role("button")).to_have_count(0)


def test_a_key_that_was_revoked_asks_for_another(chat, gateway, user):
    chat.ask("Am I still here?")
    admin = gateway.client(api_key=(gateway.directory / "admin-key").read_text())
    admin.delete(f"{gateway.origin}/admin/keys/{parse_token(user).key_id}", cast_to=object)

    chat.begin("And now?")

    expect(chat.page.get_by_role("alert")).to_contain_text("no longer good")
    chat.page.get_by_label("API key").fill(gateway.make_key("acme", "somebody-else"))
    chat.page.get_by_role("button", name="Sign in").click()
    expect(chat.message).to_have_value("And now?")


@pytest.mark.parametrize(
    ("status", "error", "title"),
    [
        (
            402,
            {"message": "The budget of the tenant is used up.", "type": "billing", "code": "budget"},
            "The budget is used up",
        ),
        (503, {"message": "Busy.", "type": "server_error", "code": "model_overloaded"}, "claude-haiku-4-5 is busy"),
        (
            503,
            {"message": "Down.", "type": "server_error", "code": "model_unavailable"},
            "claude-haiku-4-5 does not answer",
        ),
        (504, {"message": "Late.", "type": "server_error", "code": "model_timeout"}, "The model took too long"),
        (500, {"message": "Internal error.", "type": "server_error", "code": "internal_error"}, "Something went wrong"),
    ],
)
def test_a_refusal_is_told_in_words(chat, status, error, title):
    chat.page.route(
        "**/v1/chat/completions",
        lambda route: route.fulfill(status=status, json={"error": error}, headers={"retry-after": "90"}),
    )
    chat.begin("Hello")

    alert = chat.answers.first.get_by_role("alert")
    expect(alert).to_contain_text(title)
    expect(alert).to_contain_text(re.compile("(Room again|Worth another try) in 1 min"))


def test_a_gateway_that_is_gone_is_told_in_words(chat):
    chat.page.route("**/v1/**", lambda route: route.abort())
    chat.begin("Hello")

    expect(chat.answers.first.get_by_role("alert")).to_contain_text("No connection")


def test_a_question_waits_in_line_with_its_place_and_can_be_taken_back(chat, gateway, user):
    chat.begin("Hello [[fault=429]]")

    expect(chat.answers.first).to_contain_text(re.compile(r"(Next|Number \d+) in line, about \d+"), timeout=15_000)
    chat.page.get_by_role("button", name="Stop").click()
    expect(chat.whole(0)).to_contain_text("Stopped")
