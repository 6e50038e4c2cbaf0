"""What holds for every page: it fits, it complains of nothing, it works without scripts."""

import pytest
from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import HOSTILE
from quartermaster.tests.browser.hub_page.conftest import PHONE, WIDE, Looking
from quartermaster.tests.hub.samples import Api, entry

LONG = "long-" * 19 + "name"


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("path", ["/", "/servers/attic", "/activity", "/keys", "/keys/pair", "/settings", "/nowhere"])
def test_a_page_fits_and_nothing_in_it_is_refused_by_the_browser(
    hub: Api, look: Looking, size: tuple[int, int], path: str
) -> None:
    hub.synced({"models": [entry(HOSTILE), entry("one")]}, "attic")
    hub.synced({"models": []}, LONG)
    seen = look(size)
    seen.at(path)
    expect(seen.page.locator("h1")).to_be_visible()
    seen.fits()
    if path == "/nowhere":
        assert "404" in seen.complaints.pop()  # the browser's own line for the answer


def test_a_page_is_read_without_scripts(hub: Api, look: Looking) -> None:
    hub.synced({"models": [entry("one"), entry("two")]}, "attic")
    page = look(scripts=False).at("/").page
    expect(page.get_by_role("link", name="attic").first).to_be_visible()
    expect(page.locator("article", has_text="attic")).to_contain_text("2 models")
    expect(page.get_by_text("Times are in UTC")).to_be_visible()


def test_the_choice_of_colours_is_in_the_page_from_the_first_byte(hub: Api, look: Looking) -> None:
    page = look(scripts=False).at("/").page
    page.locator("summary").first.click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url == hub.address + "/"


def test_the_keyboard_reaches_the_search_and_the_content(look: Looking) -> None:
    page = look().at("/").page
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search models")).to_be_focused()
