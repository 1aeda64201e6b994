"""The chat page when things do not go straight: refused, stopped, asked again, left, come back to, opened twice."""

import re

import pytest
from playwright.sync_api import expect

from chalicelib.domain.budget import Limit, Plan
from tests.browser.chatting import DRAWN_SLOWLY, Chat, items

FACTS = "About this answer"
BOILED, BOILS = "How do I boil an egg?", "How should I boil eggs?"


def facts(answer):
    return answer.get_by_role("list", name=FACTS)


def opened(page):
    return page.url.partition("#")[2]


def test_a_limit_on_money_is_told_in_dollars(visit, gateway, books):
    key = books.key_with(Plan("poor", limits=(Limit("user", "day", usd_micros=1),)), USER="poor")
    chat = Chat(visit(gateway.origin)).sign_in(key)
    chat.begin("What does this cost?")

    alert = chat.answers.first.get_by_role("alert")
    expect(alert).to_contain_text("Dollars per day of the user ($0.000001)")
    expect(alert).to_contain_text(re.compile(r"needs \$0\.0\d+"))
    expect(alert).not_to_contain_text(re.compile("micro", re.IGNORECASE))


def test_a_question_that_was_refused_is_there_on_return_and_asked_again(chat):
    answer = {"error": {"message": "Down.", "type": "server_error", "code": "model_unavailable"}}
    chat.page.route("**/v1/chat/completions", lambda route: route.fulfill(status=503, json=answer))
    chat.begin("Do not lose me")
    expect(chat.answers.first.get_by_role("alert")).to_contain_text("does not answer")
    chat.anew()
    chat.page.unroute("**/v1/chat/completions")

    chat.listed.first.locator(".name").click()
    expect(chat.questions).to_have_text(["Do not lose me"])
    chat.answers.first.get_by_role("button", name="Try again").click()

    expect(chat.whole(0)).to_contain_text("You said: “Do not lose me”")
    expect(chat.questions).to_have_count(1)


def test_to_try_again_leaves_an_answer_to_the_same_words_alone(chat, gateway, user):
    chat.ask("Again?")
    answer = {"error": {"message": "Full.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
    chat.page.route("**/v1/chat/completions", lambda route: route.fulfill(status=429, json=answer))
    chat.begin("Again?")
    again = chat.answers.nth(1).get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    chat.page.unroute("**/v1/chat/completions")

    again.click()
    chat.whole(1)

    assert [role for role, _ in items(gateway, user, chat.page)] == ["user", "assistant"] * 2


def test_where_an_answer_is_from_outlives_a_reload(visit, gateway, user):
    here = visit(gateway.origin)
    chat = Chat(here).sign_in(user, remember=True)
    fresh = facts(chat.ask(BOILED)).inner_text().split("\n")
    here.page.reload()
    expect(facts(chat.answers.first)).to_be_visible()
    assert facts(chat.answers.first).inner_text().split("\n") == fresh[:-1]  # all but the time it took

    chat.anew()
    chat.ask(BOILS)
    here.page.reload()
    kept = chat.whole(0)
    expect(facts(kept)).to_contain_text(re.compile(r"From the cache, \d+\.\d % alike.*\$0"))
    kept.get_by_role("button", name="Wrong answer?").click()
    expect(kept).to_contain_text("It will not be served for this question again")


def test_an_answer_by_meaning_says_which_question_it_answers(chat):
    chat.ask(BOILED)
    chat.anew()

    expect(chat.ask(BOILS)).to_contain_text(f"Answered before for: “{BOILED}”")


@pytest.mark.parametrize("how", ["again", "edit"])
def test_what_would_remove_later_questions_asks_first(chat, gateway, user, how):
    for text in ("First question", "Second question"):
        chat.ask(text)
    said = items(gateway, user, chat.page)

    def remove():
        if how == "again":
            return chat.answers.first.get_by_role("button", name="Ask again").click()
        if not chat.page.get_by_role("textbox", name="Edit question").count():
            chat.questions.first.hover()
            chat.questions.first.get_by_role("button", name="Edit question").click()
        return chat.page.get_by_role("textbox", name="Edit question").press("Enter")

    remove()
    dialog = chat.page.get_by_role("dialog", name="Ask again from here?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert items(gateway, user, chat.page) == said

    remove()
    dialog.get_by_role("button", name="Remove and ask").click()
    expect(chat.questions).to_have_count(1)
    chat.whole(0)
    assert [text for role, text in items(gateway, user, chat.page) if role == "user"] == ["First question"]


def test_a_stopped_answer_says_what_it_cost(chat):
    chat.begin(f"Tell me everything {DRAWN_SLOWLY}")
    expect(chat.answers.first).to_contain_text("You said")
    chat.page.get_by_role("button", name="Stop").click()

    expect(chat.whole(0)).to_contain_text("kept, and charged")
    expect(facts(chat.answers.first)).to_contain_text(re.compile(r"\d+ tokens"))
    expect(facts(chat.answers.first)).to_contain_text(re.compile(r"\$0\.0\d+"))


def test_who_leaves_an_answer_that_is_coming_is_told(chat):
    chat.begin(f"Tell me everything {DRAWN_SLOWLY}")
    expect(chat.answers.first).to_contain_text("You said")
    chat.page.get_by_role("button", name="New chat").click()

    expect(chat.page.get_by_role("alert")).to_contain_text("was stopped")
    expect(chat.message).to_be_focused()
    chat.listed.first.locator(".name").click()
    expect(chat.answers.first).to_contain_text("This answer is not whole")


def test_a_tab_that_is_closed_while_an_answer_comes_asks_first(chat):
    asked = []
    chat.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    chat.begin(f"Tell me everything {DRAWN_SLOWLY}")
    expect(chat.answers.first).to_contain_text("You said")

    chat.page.reload()

    assert asked == ["beforeunload"]


def test_the_way_back_to_a_conversation_that_is_gone_says_so(chat):
    page = chat.page
    chat.ask("Leave me")
    gone = opened(page)
    chat.anew()
    chat.ask("Keep me")
    chat.listed.last.hover()
    chat.listed.last.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(chat.listed).to_have_text(["Keep me"])

    page.evaluate("id => { location.hash = id }", gone)

    expect(page.get_by_role("alert")).to_contain_text("That conversation was deleted")
    expect(page.get_by_role("heading", name="New chat")).to_be_visible()
    assert opened(page) == ""


def test_one_that_is_deleted_is_not_what_the_way_back_leads_to(chat):
    chat.ask("Stay here")
    first = opened(chat.page)
    chat.anew()
    chat.ask("Leave me")
    chat.listed.first.get_by_role("button", name="Delete").click()
    chat.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(chat.answers).to_have_count(0)
    expect(chat.message).to_be_focused()

    for _ in range(2):
        chat.page.go_back()
    expect(chat.answers).to_contain_text("Stay here")
    assert opened(chat.page) == first


def test_a_line_that_takes_longer_than_it_said_is_not_believed(chat):
    job = {"id": "job_1", "object": "job", "status": "queued", "position": 1, "eta_seconds": 3}
    chat.page.clock.install()
    chat.page.route("**/v1/chat/completions", lambda route: route.fulfill(status=202, json=job))
    chat.page.route("**/v1/jobs/job_1", lambda route: route.fulfill(json=job))
    chat.page.route_web_socket(re.compile("^ws:"), lambda client: client.close())
    chat.begin("Hello")
    expect(chat.answers.first).to_contain_text("Next in line, about 3 s to go")

    chat.page.clock.fast_forward(30_000)

    expect(chat.answers.first).to_contain_text("Next in line, longer than expected")


def test_the_key_goes_along_to_the_other_page_if_it_may(visit, gateway, user):
    here = visit(gateway.origin)
    page = here.page
    Chat(here).sign_in(user)
    usage, dialog = page.get_by_role("link", name="Usage"), page.get_by_role("dialog", name="Take your key along?")

    usage.click()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(usage).to_be_focused()
    assert user not in page.evaluate("() => JSON.stringify(sessionStorage)")
    usage.click()
    assert here.violations() == []
    dialog.get_by_role("button", name="Keep it and go").click()

    expect(page.get_by_role("heading", name="Spending")).to_be_visible()
    page.get_by_role("link", name="Chat", exact=True).click()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()


def test_without_leave_the_other_page_asks_for_the_key(visit, gateway, user):
    page = visit(gateway.origin).page
    page.goto("/")
    page.get_by_label("API key").fill(user)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("dialog").get_by_role("button", name="Go without").click()

    expect(page).to_have_url(f"{gateway.origin}/usage")
    expect(page.get_by_label("API key")).to_be_focused()


def test_what_another_tab_did_is_listed_when_one_comes_back(chat, gateway, user):
    chat.ask("Mine")
    client = gateway.client(api_key=user)
    client.conversations.update(opened(chat.page), metadata={"title": "Renamed elsewhere"})
    client.conversations.create(metadata={"title": "Made elsewhere"})

    chat.page.evaluate("() => window.dispatchEvent(new Event('focus'))")

    expect(chat.listed).to_have_text(["Made elsewhere", "Renamed elsewhere"])
    expect(chat.page.get_by_role("heading", name="Renamed elsewhere")).to_be_visible()


def test_a_conversation_that_is_made_while_the_list_loads_stays_listed(chat):
    held = []
    listing = re.compile(r"/v1/conversations\?")
    chat.page.route(listing, lambda route: held.append((route, route.fetch())))
    chat.page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    expect(chat.listed).to_have_count(0)
    chat.ask("Made meanwhile")
    (route, before) = held[0]

    with chat.page.expect_response(listing):
        route.fulfill(response=before)

    expect(chat.listed).to_have_text(["Made meanwhile"])


def test_a_conversation_that_is_listed_before_its_making_is_answered_is_listed_once(visit, gateway, user):
    here = visit(gateway.origin)
    listings = []

    def hold(listing):
        listings.append(listing)

    def list_first(making):
        answer = making.fetch()
        with here.page.expect_response(re.compile(r"/v1/conversations\?")):
            listings[0].continue_()
        expect(chat.listed).to_have_text(["Made slowly"])
        making.fulfill(response=answer)

    here.page.route(re.compile(r"/v1/conversations\?"), hold)
    here.page.route(re.compile(r"/v1/conversations$"), list_first)
    chat = Chat(here).sign_in(user)

    chat.ask("Made slowly")

    expect(chat.listed).to_have_text(["Made slowly"])


def test_the_keyboard_skips_the_list_and_stops_once_at_each_conversation(chat):
    page = chat.page
    for text in ("One", "Two"):
        chat.ask(text)
        chat.anew()
    page.get_by_role("link", name="Tidegate").focus()

    page.keyboard.press("Shift+Tab")
    skip = page.get_by_role("button", name="Skip to your question")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(chat.message).to_be_focused()

    page.get_by_label("Search conversations").focus()
    for name in ("Two", "One"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Usage")).to_be_focused()


def test_a_name_that_is_left_does_not_call_the_focus_back(chat):
    chat.ask("Name me")
    chat.listed.first.get_by_role("button", name="Rename").click()
    chat.page.get_by_label("New name").fill("Named")

    chat.message.click()

    expect(chat.listed).to_have_text(["Named"])
    expect(chat.message).to_be_focused()
