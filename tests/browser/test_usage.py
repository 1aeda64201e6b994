"""The usage page: what a key used and has left, as its holder sees it."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.people import TEAM, client_of, had_a_year, sign_in, spend, told


@pytest.fixture
def ada(product, request):
    """The client of a user who has asked twice; the second answer came from the cache."""
    with client_of(product, f"acme {request.node.name}"[:60], "ada") as client:
        spend(client)
        yield client


def tile(here, name):
    return here.page.locator("dl > div").filter(has=here.page.get_by_text(name, exact=True))


def figure(here, name):
    return here.page.get_by_role("figure").filter(has=here.page.get_by_role("heading", name=name, exact=True))


def rows(table):
    return [row.get_by_role("cell").all_inner_texts() for row in table.get_by_role("row").all()[1:]]


def test_what_was_used_is_what_the_api_tells(visit, ada):
    here = visit()
    user_month = told(ada)["data"][5]

    sign_in(here, ada.api_key)

    expect(tile(here, "Requests this month")).to_contain_text("2")
    expect(tile(here, "Tokens this month")).to_contain_text(str(user_month["used"]["tokens"]))
    expect(tile(here, "Saved by the cache")).to_contain_text("50% of requests")
    expect(tile(here, "Waiting in line")).to_contain_text("0")
    here.shoot("usage-light")


def test_a_limit_says_what_is_left_of_it(visit, ada):
    here = visit()

    sign_in(here, ada.api_key)

    limits = here.page.get_by_role("listitem")
    expect(limits.filter(has_text="Requests of the user today")).to_contain_text("3 of 5 left")
    expect(limits.filter(has_text="Cost of the tenant this month")).to_contain_text("of $2.00 left")


def test_a_limit_that_is_used_up_comes_first_and_says_when_there_is_room_again(visit, product):
    with client_of(product, "used up", "ada") as client:
        spend(client, times=5)
    here = visit()

    sign_in(here, client.api_key)

    first = here.page.locator(".limits li").first
    expect(first).to_contain_text("0 of 5 left")
    expect(first).to_contain_text("used up: resets in")


def test_the_figures_of_another_subject_and_meter_are_a_key_away(visit, ada):
    here = visit()
    sign_in(here, ada.api_key)

    here.page.get_by_role("radio", name="Cost").focus()
    here.page.keyboard.press("ArrowRight")
    expect(figure(here, "Tokens by month")).to_be_visible()
    expect(here.page.get_by_role("radio", name="Tokens")).to_be_focused()
    here.page.get_by_role("radio", name="The user").focus()
    here.page.keyboard.press("ArrowLeft")

    expect(here.page.get_by_role("radio", name="This key")).to_be_checked()
    expect(here.page.get_by_role("radio", name="This key")).to_be_focused()


def test_the_table_behind_a_chart_and_its_file_have_what_the_api_tells(visit, ada):
    here = visit()
    history = told(ada, "/usage?history=1")["history"]
    month = next(each for each in reversed(history) if (each["subject"], each["window"]) == ("user", "month"))
    sign_in(here, ada.api_key)
    chart = figure(here, "Cost by month")

    chart.get_by_text("Table", exact=True).click()
    shown = rows(chart.get_by_role("table"))
    with here.page.expect_download() as download:
        chart.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_bytes().decode()
    filed = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))

    assert download.value.suggested_filename == "tidegate-months-user.csv"
    assert filed[-1] == {
        "starts_at": month["starts_at"],
        **{name: str(month["used"][name]) for name in ("usd_micros", "tokens", "requests")},
    }
    assert len(shown) == len(filed) == 6
    assert shown[-1][2:] == [str(month["used"]["tokens"]), "2"]


@pytest.mark.parametrize(("light", "tenant"), [("light", "acme"), ("dark", "initech")])
def test_a_year_is_told_month_by_month(visit, product, light, tenant):
    key = product.books().key_with(TEAM, TENANT=tenant, USER="ada")
    had_a_year(product, key)
    here = visit(viewport={"width": 1280, "height": 960}, color_scheme=light)

    sign_in(here, key)
    here.shoot(f"readme-usage-{light}")
    figure(here, "Cost by month").get_by_text("Table", exact=True).click()

    months = rows(figure(here, "Cost by month").get_by_role("table"))
    assert len(months) == 13
    assert all(int(requests) > 0 for *_, requests in months)
    expect(figure(here, "Cost by month").locator(".column")).to_have_count(13)


def test_models_and_cache_are_told_apart(visit, ada):
    here = visit()
    sign_in(here, ada.api_key)

    figure(here, "Models and cache").get_by_text("Table", exact=True).click()

    today, yesterday, *_ = rows(figure(here, "Models and cache").get_by_role("table"))
    assert (today[0], today[2:4]) == ("Today", ["1", "1"])
    assert (yesterday[0], yesterday[2:4]) == ("Yesterday", ["0", "0"])


@pytest.mark.parametrize("light", ["light", "dark"])
def test_what_became_of_turns_is_told_day_by_day(visit, ada, light):
    here = visit(viewport={"width": 1280, "height": 960}, color_scheme=light)
    found = told(ada, "/usage?history=1")["days"]
    sign_in(here, ada.api_key)
    here.page.get_by_role("radio", name="Cost").focus()
    here.page.keyboard.press("ArrowLeft")
    chart = figure(here, "Requests by day")

    expect(chart.locator("rect:not(.touch)[height='0']")).to_have_count(4)
    expect(chart.get_by_role("listitem")).to_have_text(
        ["answered", "from the line", "from the cache", "by meaning", "failed", "refused"]
    )
    chart.scroll_into_view_if_needed()
    here.shoot(f"usage-days-{light}")
    here.page.get_by_role("radio", name="By outcome").focus()
    here.page.keyboard.press("ArrowRight")

    expect(here.page.get_by_role("radio", name="By model")).to_be_focused()
    expect(chart.get_by_role("listitem")).to_have_text([found[0]["model"]])
    chart.get_by_text("Table", exact=True).click()
    answered, exact = rows(chart.get_by_role("table"))
    assert (answered[2:4], exact[2:4]) == (["answered", "1"], ["exact", "1"])
    assert answered[0] == exact[0] == found[0]["date"]
    with here.page.expect_download() as download:
        chart.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_bytes().decode()
    filed = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert filed == [{name: str(value) for name, value in each.items()} for each in found]
    assert here.violations() == []


def test_a_refresh_shows_what_was_used_since(visit, ada):
    here = visit()
    sign_in(here, ada.api_key)
    expect(tile(here, "Requests this month")).to_contain_text("2")

    spend(ada)
    here.page.get_by_role("button", name="Refresh").click()

    expect(tile(here, "Requests this month")).to_contain_text("4")


def test_a_key_that_is_not_good_is_told_in_words_and_kept_nowhere(visit):
    here = visit()
    here.open("usage")

    here.page.get_by_label("API key").fill("tg_test_nobody")
    here.page.get_by_role("button", name="Sign in").click()

    expect(here.page.get_by_role("alert")).to_contain_text("revoked")
    assert here.page.evaluate("() => [sessionStorage.length, localStorage.length, document.cookie]") == [0, 0, ""]


def test_a_key_lasts_as_long_as_its_holder_wants(visit, ada):
    here = visit()
    sign_in(here, ada.api_key)

    here.page.reload()
    expect(here.page.get_by_label("API key")).to_be_visible()
    here.page.get_by_label("API key").fill(ada.api_key)
    here.page.get_by_label("Keep it until this tab is closed").check()
    here.page.get_by_role("button", name="Sign in").click()
    expect(tile(here, "Requests this month")).to_be_visible()
    here.page.reload()

    expect(tile(here, "Requests this month")).to_be_visible()
    assert ada.api_key not in here.page.url
    here.page.get_by_role("button", name="Sign out").click()
    here.page.reload()
    expect(here.page.get_by_label("API key")).to_be_visible()


def test_who_only_chats_sees_nothing_of_others(visit, ada):
    here = visit()

    sign_in(here, ada.api_key)

    expect(here.page.get_by_role("heading", name="Limits")).to_be_visible()
    expect(here.page.get_by_role("heading", name="Tenants and keys")).to_have_count(0)
    assert not [request.url for request in here.requests if "/admin/" in request.url]
