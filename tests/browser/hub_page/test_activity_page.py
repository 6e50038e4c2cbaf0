"""Activity, as it happens and afterwards."""

from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import HOSTILE
from quartermaster.tests.browser.hub_page.conftest import PHONE, Looking
from quartermaster.tests.hub.samples import Api, entry


def test_what_happens_stands_there_by_itself(hub: Api, look: Looking) -> None:
    seen = look(PHONE)
    page = seen.at("/activity").page
    expect(page.locator("#live-state")).to_have_text("live")
    hub.synced({"models": [entry(HOSTILE), entry("one")]}, "attic")
    expect(page.locator(".happenings")).to_contain_text("2 added")
    expect(page.locator(".happenings")).to_contain_text(HOSTILE)
    seen.fits()


def test_a_pause_holds_the_page_still(hub: Api, look: Looking) -> None:
    page = look().at("/activity").page
    expect(page.locator("#live-state")).to_have_text("live")
    page.get_by_role("button", name="Pause").click()
    hub.synced({"models": [entry("one")]}, "attic")
    expect(page.locator("#live-state")).to_contain_text("new")
    expect(page.locator("#live")).not_to_contain_text("attic")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#live")).to_contain_text("attic")


def test_a_storm_stays_small(hub: Api, look: Looking) -> None:
    page = look().at("/activity").page
    expect(page.locator("#live-state")).to_have_text("live")
    held = []
    for number in range(120):
        held.append(entry(f"model-{number}"))
        hub.synced({"models": held}, "attic")
    expect(page.locator(".happenings")).to_contain_text("120 files now")
    assert page.locator(".happenings li").count() <= 100
    fold = page.locator("details.fold").first
    expect(fold).to_contain_text("more like it")
    fold.locator("summary").click()
    hub.synced({"models": []}, "cellar")
    expect(page.locator(".happenings")).to_contain_text("cellar")
    expect(page.locator("details.fold").first).to_have_attribute("open", "")


def test_older_ones_and_filters_need_no_script(hub: Api, look: Looking) -> None:
    held = []
    for number in range(110):
        held.append(entry(f"model-{number}"))
        hub.synced({"models": held}, "attic")
    hub.synced({"models": [entry("other")]}, "cellar")
    page = look(scripts=False).at("/activity").page
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".happenings")).to_contain_text("attic is new here")
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("Server").select_option("cellar")
    page.get_by_label("What").select_option("inventory_changed")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".happenings > li")).to_have_count(1)
    expect(page.locator(".happenings")).to_contain_text("1 added, 1 files now")


def test_who_has_keys_is_told_to_admins_alone(hub: Api, look: Looking) -> None:
    hub.hub.keys.create("the secret society", "client")
    expect(look().at("/activity").page.locator("#live")).to_contain_text("the secret society")
    hub.synced({"models": []}, "attic")
    page = look(scope="client").at("/activity").page
    expect(page.locator("#live")).to_contain_text("attic")
    expect(page.locator("#live")).not_to_contain_text("society")
