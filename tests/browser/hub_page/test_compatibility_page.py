"""Compatibility: which add-ons of the fleet fit a checkpoint, why, and where both are."""

import re

import pytest
from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import HOSTILE
from quartermaster.tests.browser.hub_page.conftest import PHONE, WIDE, Looking
from quartermaster.tests.hub.samples import Api, entry, sha


def made_for(name: str, base_model: str | None, kind: str = "LORA") -> dict[str, object]:
    known = {} if base_model is None else {"ecosystem": base_model, "base_model": base_model, "confidence": 0.9}
    return {**entry(name.replace("/", ""), name, type=kind), **known}


@pytest.fixture
def fleet(hub: Api) -> Api:
    base, fox = made_for("velvet-base", "SDXL 1.0", "Checkpoint"), made_for("fox", "Pony")
    attic = [base, fox, made_for("ink", "SD 1.5"), made_for("mystery", None), made_for("clear", "SDXL 1.0", "VAE")]
    hub.synced({"models": attic}, "attic")
    hub.synced({"models": [base, *(made_for(f"pony-{number:03}", "Pony") for number in range(60))]}, "cellar")
    hub.synced({"models": [fox]}, "shed")
    return hub


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_person_finds_a_checkpoint_and_sees_what_fits_and_why(fleet: Api, look: Looking, scripts: bool) -> None:
    page = look(scripts=scripts).at("/compatibility").page
    page.get_by_label("A checkpoint of the fleet").fill("velvet")
    if not scripts:
        page.get_by_role("button", name="Search", exact=True).first.click()
    page.get_by_role("link", name="velvet-base").click()
    expect(page.get_by_text("works", exact=True).first).to_be_visible()
    pony = page.locator("details.kind", has_text="Pony")
    expect(pony).to_contain_text("61 files")
    expect(pony.get_by_text("are of one family")).to_be_visible()
    expect(page.get_by_role("region", name="does not work")).to_contain_text("SD 1.5")
    expect(page.get_by_role("region", name="not known")).to_contain_text("not identified")
    pony.locator("summary").click()
    expect(pony).to_contain_text("PARTIAL support")


def test_the_files_of_a_kind_come_page_by_page(fleet: Api, look: Looking) -> None:
    page = look().at(f"/compatibility?checkpoint={sha('velvet-base')}&runtime=forge").page
    pony = page.locator("details.kind", has_text="Pony")
    pony.locator("summary").first.click()
    pony.get_by_role("link", name="Show the 61 files").click()
    expect(pony.locator(".files > li")).to_have_count(50)
    pony.get_by_role("link", name="Show more").click()
    expect(pony.locator(".files > li")).to_have_count(61)
    expect(pony.get_by_role("link", name="Show more")).to_have_count(0)
    assert page.url.endswith("runtime=forge")


def test_the_files_are_a_page_of_their_own_without_scripts(fleet: Api, look: Looking) -> None:
    page = look(scripts=False).at(f"/compatibility?checkpoint={sha('velvet-base')}").page
    pony = page.locator("details.kind", has_text="Pony")
    pony.locator("summary").first.click()
    pony.get_by_role("link", name="Show the").click()
    expect(page.locator(".files > li")).to_have_count(50)
    page.get_by_role("link", name="Show more").click()
    expect(page.locator(".files > li")).to_have_count(11)


def test_the_question_is_narrowed_by_server_type_and_runtime(fleet: Api, look: Looking) -> None:
    page = look().at(f"/compatibility?checkpoint={sha('velvet-base')}").page
    page.get_by_label("On", exact=True).select_option("attic")
    page.get_by_label("Type").select_option("LORA")
    page.get_by_label("In", exact=True).select_option("a1111")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("details.kind", has_text="Pony")).to_contain_text("1 file")
    expect(page.locator("details.kind", has_text="VAE")).to_have_count(0)
    page.reload()
    expect(page.locator("details.kind", has_text="Pony")).to_contain_text("1 file")


def test_a_combination_says_on_which_server_it_runs(fleet: Api, look: Looking) -> None:
    page = look().at(f"/compatibility?checkpoint={sha('velvet-base')}").page
    page.get_by_text("One add-on with it").click()
    page.get_by_label("An add-on of the fleet").press_sequentially("fox")
    page.get_by_role("link", name="fox").click()
    rows = page.get_by_role("region", name="Where can I run both?").locator("tbody tr")
    expect(rows).to_have_text([re.compile("attic.*yes", re.S), re.compile("cellar.*missing.*no", re.S),
                               re.compile("shed.*missing.*no", re.S)])  # fmt: skip
    expect(page.get_by_role("region", name="may work")).to_contain_text("are of one family")


def test_a_base_model_of_the_catalogue_is_a_checkpoint_too(fleet: Api, look: Looking) -> None:
    page = look().at("/compatibility").page
    page.get_by_label("or any checkpoint of a base model").select_option("Pony")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".picked")).to_contain_text("any Pony")
    expect(page.get_by_role("region", name="works", exact=True)).to_contain_text("61 files")


def test_an_add_on_is_asked_about_checkpoints(fleet: Api, look: Looking) -> None:
    page = look().at(f"/models/{sha('fox')}").page
    page.get_by_role("link", name="Which checkpoints it fits").click()
    expect(page.get_by_role("region", name="may work")).to_contain_text("SDXL 1.0")


def test_a_name_that_means_nothing_is_answered_with_what_looks_like_it(fleet: Api, look: Looking) -> None:
    seen = look()
    page = seen.at("/compatibility?checkpoint=SDXXL+1.0").page
    assert "404" in seen.complaints.pop()  # the browser's own line for the answer
    expect(page.locator("main").get_by_role("alert")).to_contain_text("did you mean")
    expect(page.get_by_label("A checkpoint of the fleet")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_hostile_names_fit_and_stay_text(hub: Api, look: Looking, size: tuple[int, int]) -> None:
    long = {**entry("x" * 240), "ecosystem": "e" * 500, "base_model": HOSTILE}
    hub.synced(
        {"models": [made_for(HOSTILE, HOSTILE, "Checkpoint"), made_for("\u202eevil", "w" * 500), long]}, "s" * 99
    )
    seen = look(size)
    page = seen.at(f"/compatibility?checkpoint={sha(HOSTILE)}").page
    expect(page.get_by_role("heading", name="Compatibility")).to_be_visible()
    for summary in page.locator("main details > summary").all():
        summary.click()
    page.get_by_role("link", name="Show the 1 file").first.click()
    expect(page.locator(".files").first).to_be_visible()
    seen.fits()
    seen.at("/compatibility").fits()
