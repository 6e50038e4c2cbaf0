"""One model's page: what it is and who says so, where it is, its correction; whatever is hostile in it."""

import json

import pytest
from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import HOSTILE
from quartermaster.tests.browser.hub_page.conftest import PHONE, WIDE, Looking
from quartermaster.tests.hub.samples import Api, entry, sha

EVIDENCE = [{"witness": "layout", "says": "an adapter of an SDXL UNet", "weight": 0.95, "proves": ["Pony", "SDXL"]}]
DISAGREES = [{"witness": "name", "says": "the name says sd15, which the layout excludes"}]


def fox(**more: object) -> dict[str, object]:
    told = {"ecosystem": "Pony", "base_model": "Pony", "confidence": 0.95, "evidence": EVIDENCE, "conflicts": DISAGREES}
    return entry("fox", size=151_112_345, **{**told, **more})


def test_a_person_sees_what_it_is_who_says_so_and_where_it_is(hub: Api, look: Looking) -> None:
    copy = {**fox(), "path": "models/Lora/copy/fox.safetensors", "hash_state": "claimed"}
    hub.synced({"models": [fox(), copy]}, "attic")
    hub.synced({"models": [fox()]}, "cellar")
    page = look().at(f"/models/{sha('fox')}").page
    expect(page.get_by_role("heading", name="fox", exact=True)).to_be_visible()
    where = page.get_by_role("region", name="Where it is")
    expect(where.get_by_role("link", name="attic")).to_be_visible()
    expect(where).to_contain_text("models/Lora/copy/fox.safetensors")
    expect(where).to_contain_text("could be saved")
    what = page.get_by_role("region", name="What it is")
    expect(what).to_contain_text("Pony found by")
    expect(what).to_contain_text("The tensors in the file: an adapter of an SDXL UNet → Pony, SDXL")
    expect(what).to_contain_text("the name says sd15, which the layout excludes")
    expect(page.get_by_text("Witnesses disagree")).to_be_visible()
    expect(page.get_by_role("region", name="Hashes")).to_contain_text(sha("fox"))
    expect(page.get_by_role("link", name="Which checkpoints it fits")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_person_corrects_it_and_takes_that_back(hub: Api, look: Looking, scripts: bool) -> None:
    hub.synced({"models": [fox()]})
    seen = look(scripts=scripts)
    page = seen.at(f"/models/{sha('fox')}").page
    page.get_by_label("Base model or ecosystem").fill("SDXXL 1.0")
    page.get_by_role("button", name="Correct", exact=True).click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("did you mean")
    assert "422" in seen.complaints.pop()  # the browser's own line for the answer
    page.get_by_label("Base model or ecosystem").fill("sdxl 1.0")
    page.get_by_label("Note").fill("seen with my own eyes")
    page.get_by_role("button", name="Correct", exact=True).click()
    expect(page.get_by_text("It is corrected, for every server.")).to_be_visible()
    expect(page.get_by_role("region", name="What it is")).to_contain_text("SDXL 1.0 corrected by hand by")
    expect(page.get_by_role("region", name="What it is")).to_contain_text("seen with my own eyes")
    page.get_by_role("button", name="Take the correction back").click()
    expect(page.get_by_text("what was found holds again")).to_be_visible()
    expect(page.get_by_role("region", name="What it is")).not_to_contain_text("SDXL 1.0")
    assert hub.get(f"/api/v1/models/{sha('fox')}/overrides").json()["override"] is None


def test_a_client_may_look_but_is_offered_no_correction(hub: Api, look: Looking) -> None:
    hub.synced({"models": [fox()]})
    page = look(scope="client").at(f"/models/{sha('fox')}").page
    expect(page.get_by_text("This session may not correct models")).to_be_visible()
    expect(page.get_by_role("button", name="Correct", exact=True)).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_hostile_names_and_metadata_are_text_and_break_nothing(hub: Api, look: Looking, size: tuple[int, int]) -> None:
    odd = {
        **entry("odd", ecosystem=HOSTILE, base_model="b" * 500, confidence=0.5),
        "path": f"models/Lora/{HOSTILE.replace('/', '')}-\u202egpj.safetensors",
        "evidence": [{"witness": HOSTILE, "says": HOSTILE, "claims": ["c" * 5000], "weight": "x"}],
        "conflicts": [HOSTILE, None, {"says": [HOSTILE]}],
        "metadata": {
            HOSTILE: HOSTILE,
            "w" * 3000: "v" * 90_000,
            "lone": "\ud800",
            "deep": json.dumps({"a": [HOSTILE]}),
        },
    }
    hub.synced({"models": [odd]}, "attic")
    url = "https://example.org/%3Cimg%20onerror=1%3E?" + "q" * 900
    body = {"sha256": sha("odd"), "type": "LORA", "download_url": url}
    hub.post("/api/v1/models/register", body).raise_for_status()
    seen = look(size)
    page = seen.at(f"/models/{sha('odd')}").page
    expect(page.locator("h1")).to_contain_text("[U+202E]")
    for summary in page.locator("details > summary").all():
        if summary.is_visible():
            summary.click()
    seen.fits()
    expect(page.locator("main img")).to_have_count(0)


def test_megabytes_of_metadata_are_a_bounded_page(hub: Api, look: Looking) -> None:
    tags = {f"tag {number}": {"count": number, "text": "x" * 200} for number in range(12_000)}
    hub.synced({"models": [fox(metadata={"ss_tag_frequency": tags})]})
    seen = look()
    page = seen.at(f"/models/{sha('fox')}").page
    expect(page.get_by_role("region", name="Metadata")).to_contain_text("12,000 entries")
    assert page.evaluate("document.documentElement.outerHTML.length") < 400_000
    page.get_by_text("12,000 entries").click()
    expect(page.get_by_role("region", name="Metadata").get_by_role("link", name="JSON")).to_be_visible()


def test_a_short_hash_that_may_be_two_models_shows_both(hub: Api, look: Looking) -> None:
    first, second = sha("one"), sha("one")[:10] + sha("two")[10:]
    hub.synced({"models": [entry("one", sha256=first), entry("two", sha256=second)]})
    seen = look()
    page = seen.at(f"/models/{first[:10]}").page
    assert "409" in seen.complaints.pop()  # the browser's own line for the answer
    expect(page.get_by_role("heading", name="2 models may be meant")).to_be_visible()
    page.get_by_role("link", name="two").click()
    expect(page.get_by_role("region", name="Hashes")).to_contain_text(second)


@pytest.mark.parametrize("asked", [sha("never"), "0123456789", "no-hash", "%00", "9" * 9])
def test_an_unknown_hash_says_how_one_becomes_known(look: Looking, asked: str) -> None:
    seen = look()
    page = seen.at(f"/models/{asked}").page
    assert "404" in seen.complaints.pop()
    expect(page.get_by_text("A hash becomes known when")).to_be_visible()


def test_hashes_are_copied_with_one_click(hub: Api, look: Looking) -> None:
    hub.synced({"models": [fox()]})
    page = look(permissions=["clipboard-read", "clipboard-write"]).at(f"/models/{sha('fox')}").page
    page.get_by_role("region", name="Hashes").get_by_role("button").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == sha("fox")
