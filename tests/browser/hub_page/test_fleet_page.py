"""Fleet and one server, as a person uses them."""

import pytest
from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import HOSTILE
from quartermaster.tests.browser.hub_page.conftest import PHONE, WIDE, Looking
from quartermaster.tests.browser.hub_page.fleet import fill, silent_for
from quartermaster.tests.hub.samples import Api, entry

LONG_PATH = "models/Lora/" + "deep/" * 90 + "x.safetensors"
RTL = "\u202e\u2067gpj.exe"


def test_the_fleet_is_seen_at_a_glance(hub: Api, look: Looking) -> None:
    fill(hub, 200)
    page = look().at("/").page
    attic = page.locator("article", has_text="attic")
    expect(attic).to_contain_text("online")
    expect(attic).to_contain_text("412 GiB free of 1.8 TiB".replace(" ", "\u202f", 1).replace(" TiB", "\u202fTiB"))
    expect(page.locator("article", has_text="studio-3")).to_contain_text("stale")
    expect(page.locator("article", has_text="studio-3")).to_contain_text("agent 0.0.0-old")
    expect(page.locator("article", has_text="travel-laptop")).to_contain_text("offline")
    expect(page.locator("article", has_text="cellar")).to_contain_text("3 problems")
    expect(page.locator("article", has_text="render-01")).to_contain_text("hashing")
    lacks = page.locator("article", has_text="cellar").get_by_role("link", name="lacks")
    expect(lacks).to_have_attribute("href", "/models?missing_on=cellar")
    expect(page.get_by_role("row", name="render-01").first).to_be_visible()


def test_an_empty_hub_says_what_to_do_next(hub: Api, look: Looking) -> None:
    page = look().at("/").page
    expect(page.get_by_role("link", name="Make a pairing code").last).to_be_visible()
    expect(page.locator("pre")).to_contain_text(f"--hub {hub.address}")


def test_an_open_page_brings_itself_up_to_date(hub: Api, look: Looking) -> None:
    hub.synced({"models": [entry("one")]}, "attic")
    page = look().at("/").page
    expect(page.locator("article")).to_contain_text("online")
    silent_for(hub, "attic", 300)
    expect(page.locator("article")).to_contain_text("stale")
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_hostile_names_and_long_paths_break_nothing(hub: Api, look: Looking, size: tuple[int, int]) -> None:
    told = {"version": HOSTILE, "platform": "p" * 500, "disks": [{"roots": [RTL, "r" * 400], "free": 1, "total": 2}]}
    hub.synced({"models": [entry(HOSTILE), {**entry("long"), "path": LONG_PATH}], "agent": told}, "<b>attic" + "y" * 80)
    seen = look(size)
    seen.at("/").fits()
    seen.page.get_by_role("link", name="<b>attic").first.click()
    expect(seen.page.locator("h1")).to_contain_text("<b>attic")
    expect(seen.page.get_by_text("[U+202E]")).to_be_visible()
    seen.page.get_by_text("Folders by type").click()
    seen.fits()


def test_a_server_is_asked_renamed_and_removed_without_scripts(hub: Api, look: Looking) -> None:
    hub.with_key("agent", "attic")
    hub.synced({"models": [entry("one"), entry("two")]}, "attic")
    hub.synced({"models": [entry("two")]}, "cellar")
    page = look(scripts=False).at("/servers/attic").page
    page.get_by_role("button", name="Look through its folders").click()
    expect(page.get_by_role("status")).to_contain_text("look through its folders anew")
    expect(page.get_by_text("not yet confirmed by its agent: rescan")).to_be_visible()
    assert hub.hub.fleet.server("attic").requests == ("rescan",)
    page.get_by_label("Name", exact=True).fill("top floor")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("h1")).to_have_text("top floor")
    page.get_by_role("link", name="Remove…").click()
    expect(page.get_by_text("1 model is on no other server")).to_be_visible()
    expect(page.get_by_text("1 key of its agents is revoked")).to_be_visible()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("status")).to_have_text("The server was removed.")
    assert [server.id for server in hub.hub.fleet.view().servers] == ["cellar"]


def test_times_are_the_readers_own(hub: Api, look: Looking) -> None:
    hub.synced({"models": []}, "attic")
    page = look(timezone_id="Asia/Tokyo", locale="en-GB").at("/servers/attic").page
    known = page.locator("dd time")
    utc = page.evaluate("node => node.dateTime", known.element_handle())
    shown = page.evaluate(
        "text => new Intl.DateTimeFormat('en-GB', {dateStyle: 'medium', timeStyle: 'short', timeZone: 'Asia/Tokyo'})"
        ".format(new Date(text))",
        utc,
    )
    expect(known).to_have_text(shown)
    plain = look(scripts=False).at("/servers/attic").page
    expect(plain.locator("dd time")).to_contain_text("UTC")
