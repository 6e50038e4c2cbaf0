"""The extension itself, in each host, before a real browser: from the first look to a fleet, with nothing made up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.browser.conftest import HOSTILE, Visit
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.fakes.web_ui.standin import WebUi


@pytest.fixture
def at(product: WebUi, visit: Callable[..., Visit]) -> Visit:
    return visit(product.url).open()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A real hub, and another server's real agent that has told it its models."""
    with RunningHub(HubSettings(tmp_path / "hub")) as hub:
        site = Site(tmp_path, hub)
        other = tmp_path / "other"
        write_model(other / "models" / "Lora" / "renamed.safetensors", b"velvet-harbor",
                    metadata={"ss_base_model_version": "sdxl_base_v1-0"})  # fmt: skip
        write_model(other / "models" / "Lora" / "only-there.safetensors", b"only there")
        agent = site.agent("cellar", other)
        eventually(lambda: in_sync(agent), "the other server")
        yield site
        site.stop(agent)


def test_the_models_are_there_at_once_and_a_new_file_appears_by_itself(at: Visit, product: WebUi) -> None:
    at.view("Models")
    rows = at.page.locator("#qm-panel-models tbody tr")
    for name in ("base-xl", "dream-15", "velvet-harbor", "old-ink", HOSTILE, 'it"s here', "mystery", "nameless"):
        expect(rows.filter(has_text=name)).to_have_count(1)
    at.page.get_by_role("button", name="velvet-harbor", exact=True).click()
    detail = at.page.get_by_label("Details", exact=True)
    expect(detail).to_contain_text("ss_base_model_version is 'sdxl_base_v1-0'")
    expect(detail).to_contain_text("AutoV3")
    at.page.keyboard.press("Escape")
    write_model(product.root / "models" / "Lora" / "brand-new.safetensors", b"new")
    expect(rows.filter(has_text="brand-new")).to_have_count(1)


def test_cards_warn_and_follow_the_checkpoint_with_the_catalogues_own_verdicts(at: Visit) -> None:
    at.checkpoint("base-xl.safetensors")
    at.networks()
    cards = at.page.locator("#txt2img_lora_cards")
    expect(cards.locator(".card[data-name=velvet-harbor] .qm-grade-full")).to_be_visible()
    expect(cards.locator(".card[data-name=old-ink] .qm-grade-none")).to_be_visible()
    expect(cards.locator(".card[data-name=mystery] .qm-grade-unknown")).to_be_visible()
    expect(cards.locator(".card[data-name='it\"s here'] .qm-grade-full")).to_be_visible()
    cards.locator(".card[data-name=old-ink] .name").click()
    expect(at.page.locator("#qm-warning-txt2img")).to_contain_text("old-ink")
    at.checkpoint("dream-15.safetensors")
    expect(cards.locator(".card[data-name=old-ink] .qm-grade-full")).to_be_visible()
    expect(cards.locator(".card[data-name=velvet-harbor] .qm-grade-none")).to_be_visible()
    expect(at.page.locator("#qm-warning-txt2img")).to_be_hidden()


def test_a_correction_wins_and_survives_reload_ui(at: Visit) -> None:
    at.checkpoint("base-xl.safetensors")
    at.view("Models")
    page = at.page
    page.get_by_role("button", name="nameless", exact=True).click()
    detail = page.get_by_label("Details", exact=True)
    detail.get_by_role("button", name="Correct…").click()
    detail.get_by_label("Base model", exact=True).select_option("SDXL 1.0")
    detail.get_by_role("button", name="Save").click()
    row = page.locator("#qm-panel-models tbody tr", has_text="nameless")
    expect(row).to_contain_text("corrected")
    expect(row).to_contain_text("SDXL 1.0")
    at.tab("Settings")
    with page.expect_navigation():
        page.get_by_role("button", name="Reload UI").click()
    at.ready()
    at.view("Models")
    expect(row).to_contain_text("SDXL 1.0")
    at.networks()
    expect(page.locator("#txt2img_lora_cards .card[data-name=nameless] .qm-grade-full")).to_be_visible()


def test_compatibility_and_the_settings_page_are_the_products_own(at: Visit) -> None:
    at.checkpoint("base-xl.safetensors")
    at.view("Compatibility")
    page = at.page
    verdicts = page.locator(".qm-verdict-list li")
    first = verdicts.filter(has_text="velvet-harbor")
    expect(first.locator(".qm-grade-full")).to_be_visible()
    first.get_by_role("button", name="Why?").click()
    expect(first.locator("pre")).to_contain_text("Result: FULL support")
    expect(page.get_by_label("Defaults", exact=True)).to_contain_text("1024")
    expect(page.locator(".qm-matrix .qm-cell").first).to_be_visible()
    page.get_by_role("button", name="Use in txt2img").click()
    expect(page.locator("#txt2img_width input[type=number]")).to_have_value("1024")
    at.tab("Settings")
    expect(page.get_by_label("Pause hashing while images are generated")).to_be_checked()


def test_a_code_pairs_and_the_fleet_helps_until_the_hub_goes_away(at: Visit, site: Site) -> None:
    page = at.page
    at.view("Fleet")
    page.get_by_role("button", name="Pair with a hub").click()
    page.get_by_label("Address of the hub").fill(site.hub.address)
    page.get_by_label("One-time code").fill(site.hub.hub.pairing.make("attic").code)
    page.get_by_role("button", name="Pair", exact=True).click()
    hub = page.locator("#qm-panel-hub")
    expect(hub).to_contain_text(site.hub.address)
    hub.get_by_role("button", name="Test the connection").click()
    expect(hub.locator(".qm-fine")).to_contain_text("the hub answers")
    expect(page.locator(".qm-chips")).to_contain_text("in sync")
    at.view("Fleet")
    expect(page.locator(".qm-fleet")).to_contain_text("cellar")
    page.locator(".qm-fleet").get_by_role("button", name="Missing here").click()
    expect(page.locator(".qm-fleet-models")).to_contain_text("only-there")
    at.networks()
    card = page.locator("#txt2img_lora_cards .card[data-name=velvet-harbor]")
    expect(card.locator(".qm-elsewhere")).to_have_attribute("title", "Also on cellar")
    at.view("Check")
    page.get_by_label("Infotext or prompt").fill("a <lora:velvet-harbor:0.8> <lora:only-there:1> <lora:nobodys:1>")
    page.get_by_role("button", name="Check", exact=True).click()
    resources = page.locator(".qm-resources tbody tr")
    expect(resources.filter(has_text="velvet-harbor")).to_contain_text("here")
    expect(resources.filter(has_text="only-there")).to_contain_text("cellar")
    site.hub.stop()
    at.view("Hub")
    page.get_by_role("button", name="Test the connection").click()
    expect(hub.get_by_role("alert")).to_be_visible()
    at.view("Models")
    expect(page.locator("#qm-panel-models tbody tr", has_text="velvet-harbor")).to_be_visible()
    assert requests.get(f"{at.url}quartermaster/status", timeout=60).json()["agent"]["state"] == "running"
