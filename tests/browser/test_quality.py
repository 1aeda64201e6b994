"""What both pages owe everybody: any screen, any light, any way to read them, and little to load."""

import pytest
from playwright.sync_api import expect

from tests.browser.people import TEAM, had_a_year, sign_in

PAGES = {"chat": "", "usage": "usage"}
SCREENS = [(320, 640), (768, 1024), (1280, 800), (3840, 2160)]
LIGHTS = ["light", "dark"]
MOST_BYTES = 150 * 1024
STILL = """() => [...document.querySelectorAll("*")].filter((each) => {
  const { transitionDuration, animationDuration } = getComputedStyle(each);
  return `${transitionDuration}, ${animationDuration}`.split(", ").some((one) => parseFloat(one) > 0.01);
}).map((each) => each.outerHTML.slice(0, 100))"""

everywhere = pytest.mark.parametrize("page", PAGES)


@pytest.fixture(scope="module")
def key(product):
    """The key of somebody whose charts have something to show."""
    made = product.books().key_with(TEAM, TENANT="busy", USER="ada")
    had_a_year(product, made)
    return made


def ready(here):
    """Until all is there that a page shows by itself."""
    here.page.wait_for_load_state("networkidle")
    return here


@everywhere
@pytest.mark.parametrize("light", LIGHTS)
def test_axe_finds_nothing_at_the_door(visit, page, light):
    here = visit(color_scheme=light)
    here.open(PAGES[page])
    expect(here.page.get_by_label("API key")).to_be_visible()

    assert here.violations() == []


@everywhere
@pytest.mark.parametrize("light", LIGHTS)
def test_axe_finds_nothing_inside(visit, key, page, light):
    here = visit(color_scheme=light)
    sign_in(here, key, PAGES[page])

    assert ready(here).violations() == []


@everywhere
@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_a_page_fits_its_screen(visit, key, page, width, height):
    here = visit(viewport={"width": width, "height": height})
    here.open(PAGES[page])
    at_the_door = here.overflow()

    sign_in(here, key, PAGES[page])

    assert (at_the_door, ready(here).overflow()) == (0, 0)
    here.shoot(f"{page}-{width}")


@everywhere
def test_nothing_moves_for_who_wants_it_still(visit, key, page):
    here = visit(reduced_motion="reduce")
    sign_in(here, key, PAGES[page])

    assert ready(here).page.evaluate(STILL) == []


@everywhere
def test_what_a_page_loads_is_little_and_is_loaded_once(visit, page):
    sizes = "() => performance.getEntriesByType('resource').map((each) => [each.encodedBodySize, each.transferSize])"
    here = visit()

    here.open(PAGES[page])
    ready(here)
    first = here.page.evaluate(sizes)
    here.page.goto("about:blank")
    here.open(PAGES[page])
    again = ready(here).page.evaluate(sizes)

    assert 0 < sum(encoded for encoded, _ in first) < MOST_BYTES
    assert sum(sent for _, sent in first) > 0
    assert (len(again), sum(sent for _, sent in again)) == (len(first), 0)


@everywhere
def test_the_keyboard_alone_goes_in_and_out(visit, key, page):
    here = visit()
    here.open(PAGES[page])
    expect(here.page.get_by_label("API key")).to_be_focused()

    here.page.keyboard.type(key)
    here.page.keyboard.press("Enter")
    leave = here.page.get_by_role("button", name="Sign out")
    leave.focus()
    here.page.keyboard.press("Enter")

    expect(here.page.get_by_label("API key")).to_be_focused()
