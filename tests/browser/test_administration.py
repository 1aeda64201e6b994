"""The usage page of an administrator: the gateway, tenants, keys, plans and what the cache decided."""

import csv
import io
from pathlib import Path

import openai
import pytest
from playwright.sync_api import expect

from tests.browser.people import NARROW, client_of, sign_in, spend
from tests.clients.product import ask, said


@pytest.fixture(scope="module")
def gateway(start):
    """A product that serves by meaning; its administrator's key is beside the other."""
    return start(SEMANTIC="serve", TIDEGATE_CHECK_RATE="0", TIDEGATE_SEMANTIC_MS="20000")


@pytest.fixture
def root(visit, gateway):
    """An administrator's visit."""
    here = visit(origin=gateway.origin)
    sign_in(here, (gateway.directory / "admin-key").read_text().strip())
    expect(here.page.get_by_role("table", name="Keys of local")).to_be_visible()
    return here


def look_at(here, tenant):
    here.page.get_by_label("Tenant", exact=True).fill(tenant)
    here.page.get_by_role("button", name="Show", exact=True).click()
    return here.page.get_by_role("table", name=f"Keys of {tenant}")


def make(here, **fields):
    """Make a key in the form; its token."""
    here.page.get_by_role("button", name="New key").click()
    asked = here.page.get_by_role("dialog")
    for label, value in fields.items():
        box = asked.get_by_label(label, exact=True)
        box.select_option(value) if label == "Plan" else box.fill(value)
    asked.get_by_role("button", name="Make the key").click()
    token = asked.get_by_label("API key").input_value()
    asked.get_by_role("button", name="Close").click()
    return token


def test_the_gateway_says_how_its_targets_are(root):
    targets = root.page.get_by_role("table", name="Targets of the models")

    expect(root.page.get_by_text("Serving", exact=True)).to_be_visible()
    expect(root.page.get_by_text("5 of 5 targets up")).to_be_visible()
    expect(targets.get_by_role("row").filter(has_text="claude-haiku-4-5")).to_contain_text("Up")


def test_a_key_is_made_used_rotated_and_revoked(root, gateway):
    look_at(root, "umbrella")
    expect(root.page.get_by_text("Nobody has a key here yet.")).to_be_visible()

    token = make(root, User="grace", Name="laptop")
    with gateway.client(api_key=token) as client:
        assert "Hello" in said(client, "Hello")
    keys = root.page.get_by_role("table", name="Keys of umbrella")
    root.page.get_by_role("button", name="Rotate laptop of grace").click()
    root.page.get_by_label("The old key stays good for").select_option("Not at all")
    root.page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    newer = root.page.get_by_role("dialog").get_by_label("API key").input_value()
    root.page.keyboard.press("Escape")  # nobody could read it again
    root.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(keys.get_by_text("expired")).to_be_visible()
    root.page.get_by_role("button", name="Revoke laptop of grace").click()
    root.page.get_by_role("button", name="Revoke for good").click()

    expect(keys.get_by_text("revoked")).to_be_visible()
    for each in (token, newer):
        with gateway.client(api_key=each) as client, pytest.raises(openai.AuthenticationError):
            ask(client, "Hello")


def test_a_plan_is_made_given_and_kept_while_it_is_used(root, gateway):
    root.page.get_by_role("button", name="New plan").click()
    form = root.page.get_by_role("dialog")
    form.get_by_label("Name").fill("tiny")
    form.get_by_label("Requests", exact=True).fill("1")
    form.get_by_role("button", name="Save").click()
    plans = root.page.get_by_role("table", name="Plans and their limits")
    expect(plans.get_by_role("row").filter(has_text="tiny")).to_contain_text("1 request a day of the user")
    root.page.get_by_role("button", name="New plan").click()
    form.get_by_label("Name").fill("tiny")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("There is such a plan")
    form.get_by_role("button", name="Cancel").click()

    look_at(root, "small")
    token = make(root, User="ada", Plan="tiny")
    root.page.get_by_role("button", name="Delete plan tiny").click()
    root.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(root.page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    expect(plans).to_contain_text("tiny")
    with gateway.client(api_key=token) as client:
        ask(client, "The first")
        with pytest.raises(openai.RateLimitError):
            ask(client, "The second")


def test_what_the_form_does_not_show_of_a_plan_stays(root, gateway):
    admin = gateway.client(api_key=(gateway.directory / "admin-key").read_text().strip(), base_url=gateway.origin)
    plan = {"name": "shared", "limits": [], "shares_answers": True, "concurrent": 7}
    before = admin.post("/admin/plans", body=plan, cast_to=dict[str, object])
    root.page.get_by_role("button", name="Refresh").click()

    root.page.get_by_role("button", name="Edit plan shared").click()
    root.page.get_by_role("dialog").get_by_label("Requests of a key at once").fill("9")
    root.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(root.page.get_by_role("dialog")).to_have_count(0)

    assert admin.get("/admin/plans/shared", cast_to=dict[str, object]) == {**before, "concurrent": 9}
    admin.close()


def test_a_tenants_keys_are_told_with_what_they_used(root, gateway):
    with client_of(gateway, "initech", "ada") as client:
        spend(client)

    row = look_at(root, "initech").get_by_role("row").nth(1)

    expect(row).to_contain_text("narrow")
    expect(row.get_by_role("cell").nth(4)).to_have_text("2")


def test_a_name_is_no_formula_in_a_file(root):
    look_at(root, "formulas")
    make(root, User="ada", Name='=HYPERLINK("http://evil.example","a, b")')

    with root.page.expect_download() as download:
        root.page.get_by_role("button", name="CSV of tidegate-keys-formulas").click()

    text = Path(download.value.path()).read_bytes().decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    assert row["name"] == '\'=HYPERLINK("http://evil.example","a, b")'
    assert (row["user"], row["requests"]) == ("ada", "0")


def test_what_the_cache_decided_is_told_and_chosen_from(root, gateway):
    with client_of(gateway, "asking", "ada") as client:
        for text in ("How do I reset my password?", "How can I reset my password?"):
            ask(client, text)

    look_at(root, "asking")

    decisions = root.page.get_by_role("table", name="The newest decisions")
    expect(decisions.get_by_text("served")).to_be_visible()
    expect(decisions.get_by_role("row")).to_have_count(3)
    root.page.get_by_text("Not served", exact=True).click()
    expect(decisions.get_by_role("row")).to_have_count(2)
    expect(root.page.get_by_role("radio", name="Not served")).to_be_focused()


def test_who_only_administers_sees_no_spending_of_their_own(visit, gateway):
    here = visit(origin=gateway.origin)

    sign_in(here, gateway.books().key_with(NARROW, TENANT="ops", USER="root", SCOPES="admin"))

    expect(here.page.get_by_role("heading", name="Tenants and keys")).to_be_visible()
    expect(here.page.get_by_role("heading", name="Limits", exact=True)).to_have_count(0)


@pytest.mark.parametrize("light", ["light", "dark"])
def test_axe_finds_nothing_in_what_an_administrator_sees(visit, gateway, light):
    here = visit(origin=gateway.origin, color_scheme=light)
    sign_in(here, (gateway.directory / "admin-key").read_text().strip())
    here.page.wait_for_load_state("networkidle")

    plain = here.violations()
    here.shoot(f"administration-{light}")
    here.page.get_by_role("button", name="New plan").click()

    assert plain == here.violations() == []


def test_an_administrators_page_fits_the_narrowest_screen(visit, gateway):
    here = visit(origin=gateway.origin, viewport={"width": 320, "height": 640})
    sign_in(here, (gateway.directory / "admin-key").read_text().strip())
    here.page.wait_for_load_state("networkidle")

    plain = here.overflow()
    here.page.get_by_role("button", name="New plan").click()

    assert (plain, here.overflow()) == (0, 0)
    here.shoot("administration-320")
