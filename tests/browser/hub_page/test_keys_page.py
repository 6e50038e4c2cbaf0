"""Keys and pairing, as a person uses them."""

import json
import re

import pytest
from playwright.sync_api import expect
from quartermaster.tests.browser.hub_page.conftest import PHONE, Looking
from quartermaster.tests.hub.samples import Api


def test_a_key_is_made_its_secret_shown_once_and_revoked(hub: Api, look: Looking) -> None:
    seen = look(PHONE)
    page = seen.at("/keys").page
    page.get_by_label("What it is for").fill("the <b>nas</b>")
    page.get_by_label("What it may do").select_option("agent")
    page.get_by_label("Server, for an agent's key").fill("attic")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("The secret is shown this once")).to_be_visible()
    seen.fits()
    made = json.loads(page.locator("#key-file").inner_text())
    assert hub.hub.keys.recognise(made["key"], made["secret"], None).server_id == "attic"
    assert made["secret"] not in page.url
    page.get_by_role("link", name="I have it").click()
    expect(page.locator("h1")).to_have_text("Keys and pairing")
    assert made["secret"] not in page.content()
    page.get_by_role("row", name="the <b>nas</b>").get_by_role("link", name="Revoke").click()
    expect(page.get_by_text("stops telling the hub")).to_be_visible()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("status")).to_contain_text("works no more")
    expect(page.get_by_role("row", name="the <b>nas</b>")).to_contain_text("revoked")


def test_a_key_gets_a_new_secret_and_the_audit_log_says_by_whom(hub: Api, look: Looking) -> None:
    made = hub.hub.keys.create("nas", "client")
    seen = look(PHONE)
    page = seen.at("/keys").page
    page.get_by_role("row", name="nas").get_by_role("link", name="New secret").click()
    page.get_by_label("The old secret").select_option("hour")
    page.get_by_role("button", name="Make a new secret").click()
    secret = page.locator("#new-secret").inner_text()
    assert secret != made.secret
    for each in (secret, made.secret):  # for another hour
        assert hub.hub.keys.recognise(made.key, each, None).key == made.key
    page.goto(f"{hub.address}/keys/audit")
    expect(page.get_by_role("row", name="key rotated")).to_contain_text("session")
    assert secret not in page.content()
    seen.fits()


def test_a_secret_is_copied_without_the_clipboards_own_way(hub: Api, look: Looking) -> None:
    page = look().at("/keys").page
    page.get_by_label("What it is for").fill("script")
    page.get_by_role("button", name="Make it").click()
    copied = "() => { document.addEventListener('copy', () => { window.copied = String(getSelection()); }); }"
    page.evaluate(copied)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no TLS')); }")
    page.locator("[data-copy=new-secret]").click()
    expect(page.locator("[data-copy=new-secret]")).to_have_text("Copied")
    assert page.evaluate("window.copied") == page.locator("#new-secret").inner_text()


def test_a_web_ui_is_paired_and_the_page_says_so(hub: Api, look: Looking) -> None:
    page = look().at("/keys/pair?server=attic").page
    expect(page.get_by_label("What the server is called")).to_have_value("attic")
    page.get_by_role("button", name="Make a pairing code").click()
    code = page.locator("#code").inner_text()
    expect(page.locator(".countdown")).to_have_text(re.compile(r"^(10:00|9:\d\d)$"))
    expect(page.locator("#hub-address")).to_have_text(hub.address)
    expect(page.locator("#paired")).to_contain_text("Waiting for attic")
    answer = hub.session.post(f"{hub.address}/api/v1/pair", json={"code": code.lower()})
    assert answer.status_code == 200
    expect(page.locator("#paired")).to_contain_text("attic is paired")


def test_pairing_needs_no_script(hub: Api, look: Looking) -> None:
    page = look(scripts=False).at("/keys/pair").page
    page.get_by_label("What the server is called").fill("cellar")
    page.get_by_role("button", name="Make a pairing code").click()
    expect(page.get_by_text("ten minutes")).to_be_visible()
    code = page.locator("#code").inner_text()
    assert hub.session.post(f"{hub.address}/api/v1/pair", json={"code": code}).status_code == 200
    page.get_by_role("link", name="Look whether it is paired").click()
    expect(page.get_by_text("cellar is paired")).to_be_visible()


def test_a_session_is_seen_and_ended(hub: Api, look: Looking) -> None:
    other = look().at("/keys").page
    page = look().at("/keys").page
    expect(page.get_by_role("row", name="Chrome on Linux")).to_have_count(2)
    mine = page.get_by_role("row", name="this browser")
    expect(mine).to_have_count(1)
    page.get_by_role("row", name="Chrome on Linux").filter(has_not_text="this browser").get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("That session ended.")
    other.goto(f"{hub.address}/keys")
    expect(other.locator("h1")).to_have_text("Log in")


@pytest.mark.parametrize("path", ["/keys", "/keys/pair", "/settings"])
def test_these_pages_are_an_admins(hub: Api, look: Looking, path: str) -> None:
    seen = look(scope="client")
    seen.at(path)
    expect(seen.page.locator("h1")).to_have_text("This key may not do that")
    assert "403" in seen.complaints.pop()
