"""Compatibility, Fleet, Check and Hub, used as a person would, over made-up answers of every kind."""

from pathlib import Path

from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import Visit


def test_compatibility_follows_the_chosen_checkpoint_and_says_why(at: Visit) -> None:
    at.view("Compatibility")
    page = at.page
    panel = page.locator("#qm-panel-compatibility")
    expect(panel.locator(".qm-headline")).to_contain_text("safetensors")
    panel.get_by_label("Checkpoint", exact=True).select_option("SDXL")
    expect(panel.locator(".qm-headline")).to_have_text("SDXL")
    first = panel.locator(".qm-verdict-list li").first
    expect(first.locator(".qm-grade-full")).to_be_visible()
    first.get_by_role("button", name="Why?").click()
    expect(first.locator("pre")).to_contain_text("FULL support")
    panel.get_by_role("button", name="does not work").click()
    for name in ("works", "may work", "unknown"):
        panel.locator(".qm-grade-chip", has_text=name).first.click()
    expect(panel.locator(".qm-verdict-list .qm-grade-none").first).to_be_visible()
    assert panel.locator(".qm-verdict-list .qm-grade-full").count() == 0


def test_the_matrix_is_read_with_the_arrow_keys(at: Visit) -> None:
    at.view("Compatibility")
    page = at.page
    cell = page.get_by_label("SDXL LORA on SDXL: Full")
    cell.focus()
    expect(page.locator(".qm-readout")).to_contain_text("SDXL LORA on SDXL checkpoints: works (Full)")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Pony LORA on SDXL: Partial")).to_be_focused()
    expect(page.locator(".qm-readout")).to_contain_text("may work")
    assert page.locator(".qm-matrix [tabindex='0']").count() == 1
    page.get_by_label("Flux.1 LORA on SDXL: None").hover()
    expect(page.locator(".qm-matrix thead th.qm-lit")).to_have_text("Flux.1")


def test_the_defaults_reach_the_generation(at: Visit) -> None:
    """Not only the page: gradio hands the backend what its own events told it."""
    at.view("Compatibility")
    page = at.page
    expect(page.get_by_label("Defaults", exact=True)).to_contain_text("SDXL VAE fp16 fix")
    page.get_by_role("button", name="Use in txt2img").click()
    expect(page.locator(".qm-said")).to_contain_text("are set in txt2img")
    at.tab("txt2img")
    page.locator("#txt2img_generate").click()
    result = page.locator("#txt2img_result textarea")
    expect(result).to_have_value("Steps: 28, Sampler: Euler a, CFG scale: 5.5, Size: 1024x1024, Prompt: ")


def test_the_fleet_lists_servers_and_the_models_of_each(at: Visit) -> None:
    at.view("Fleet")
    page = at.page
    fleet = page.locator(".qm-fleet")
    for words in ("cellar", "4,310", "stale", "offline", "this one", "Only here", "Missing here"):
        expect(fleet).to_contain_text(words)
    fleet.get_by_role("button", name="Missing here").click()
    models = page.locator(".qm-fleet-models")
    expect(models.locator(".qm-line")).to_have_count(50)
    models.get_by_role("button", name="Show more").click()
    expect(models.locator(".qm-line")).to_have_count(100)


def test_a_hub_that_is_away_spoils_only_what_needs_it(at: Visit) -> None:
    at.post("canned", hub_error="The hub at http://hub.lan:7807 does not answer. Is it running?")
    at.view("Fleet")
    page = at.page
    expect(page.locator("#qm-panel-fleet .qm-failed")).to_contain_text("does not answer")
    expect(page.locator(".qm-chips")).to_contain_text("hub away")
    at.view("Models")
    expect(page.locator("#qm-panel-models tbody tr")).to_have_count(50)
    at.view("Hub")
    expect(page.locator("#qm-panel-hub")).to_contain_text("3 changes")
    at.post("canned", hub_error=None)
    at.view("Fleet")
    expect(page.locator(".qm-fleet")).to_contain_text("cellar")


def test_a_text_and_a_picture_are_checked(at: Visit, some_image: Path) -> None:
    at.view("Check")
    page = at.page
    page.get_by_label("Infotext or prompt").fill("a harbor <lora:velvet-harbor:0.8>")
    page.keyboard.press("Control+Enter")
    table = page.locator(".qm-resources")
    for words in ("juggernautXL_v9", "nobody has it", "two models fit", "cellar, studio-3", "Another architecture"):
        expect(table).to_contain_text(words)
    expect(page.locator(".qm-able li").first).to_contain_text("6 of 7")
    page.get_by_label("Infotext or prompt").fill(" ")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".qm-result .qm-empty")).to_contain_text("Nothing to check")
    page.get_by_label("Choose an image").set_input_files(some_image)
    expect(table).to_contain_text("juggernautXL_v9")
    expect(page.get_by_label("Infotext or prompt")).to_have_value("picture")


def test_pairing_tells_what_is_wrong_with_a_code_and_unpairing_asks_first(at: Visit) -> None:
    at.post("canned", paired=False)
    at.view("Hub")
    page = at.page
    page.get_by_label("Address of the hub").fill("http://hub.lan:7807")
    page.get_by_label("One-time code").fill("WRONG")
    page.get_by_role("button", name="Pair", exact=True).click()
    expect(page.locator(".qm-pair [role=alert]")).to_contain_text("does not know this code")
    page.get_by_label("One-time code").fill("ABCD-1234")
    page.keyboard.press("Enter")
    expect(page.locator("#qm-panel-hub")).to_contain_text("http://hub.lan:7807")
    page.get_by_role("button", name="Test the connection").click()
    expect(page.locator("#qm-panel-hub .qm-fine")).to_contain_text("answered in 4 ms")
    page.get_by_role("button", name="Unpair…").click()
    page.get_by_role("button", name="Unpair", exact=True).click()
    expect(page.get_by_label("One-time code")).to_be_visible()
