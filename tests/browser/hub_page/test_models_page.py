"""The list of models: found while one types, narrowed, chosen, corrected together."""

import re

import pytest
from playwright.sync_api import Page, Route, expect
from quartermaster.tests.browser.conftest import HOSTILE
from quartermaster.tests.browser.hub_page.conftest import PHONE, WIDE, Looking
from quartermaster.tests.hub.samples import Api, entry, sha

THINGS = ("fox", "harbor", "ink", "lantern", "opal")


def made_for(name: str, base_model: str, kind: str = "LORA") -> dict[str, object]:
    return entry(name, type=kind, ecosystem=base_model, base_model=base_model, confidence=0.9)


def indexed(hub: Api) -> Api:
    while hub.hub.indexing.step():
        pass
    return hub


@pytest.fixture
def fleet(hub: Api) -> Api:
    attic = [made_for(f"{thing}-{number:02}", "Pony") for thing in THINGS for number in range(20)]
    hub.synced({"models": [*attic, made_for("velvet", "SDXL", "Checkpoint")]}, "attic")
    hub.synced({"models": [made_for("velvet", "SDXL", "Checkpoint"), made_for("only-cellar", "SD1")]}, "cellar")
    return indexed(hub)


def names(page: Page) -> list[str]:
    return page.locator(".model-row .model-name").all_inner_texts()


def test_models_are_found_while_one_types_among_twenty_thousand(hub: Api, look: Looking) -> None:
    entries = [entry(f"{THINGS[number % 5]}-{number:05}") for number in range(20_000)]
    hub.synced({"models": [*entries, entry("needle-in-a-haystack")]})
    page = look().at("/models").page
    indexed(hub)
    expect(page.locator(".model-row")).to_have_count(50)
    page.get_by_label("Name, path, trigger word or hash").press_sequentially("needle hay", delay=30)
    expect(page.locator(".model-row")).to_have_count(1)
    expect(page.locator(".model-name")).to_have_text(["needle-in-a-haystack"])
    expect(page).to_have_url(re.compile(r"/models\?q=needle\+hay$"))
    page.reload()
    expect(page.get_by_label("Name, path, trigger word or hash")).to_have_value("needle hay")
    expect(page.locator(".model-name")).to_have_text(["needle-in-a-haystack"])
    page.locator(".model-name").click()
    expect(page.get_by_role("region", name="Hashes")).to_contain_text(sha("needle-in-a-haystack"))
    page.go_back()
    expect(page.locator(".model-name")).to_have_text(["needle-in-a-haystack"])
    page.get_by_label("Name, path, trigger word or hash").fill("lantern-00003")
    expect(page.locator(".model-name")).to_have_text(["lantern-00003"])


def test_an_answer_that_comes_late_does_not_replace_a_later_one(fleet: Api, look: Looking) -> None:
    page = look().at("/models").page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"[?&]q=fox(&|$)"), hold)
    search = page.get_by_label("Name, path, trigger word or hash")
    with page.expect_request(re.compile(r"[?&]q=fox(&|$)")):
        search.fill("fox")
    search.fill("velvet")
    expect(page.locator(".model-name")).to_have_text(["velvet"])
    (late,) = held
    late.fulfill(status=200, content_type="text/html", body="<p id='late'>too late</p>")
    search.fill("only-cellar")
    expect(page.locator(".model-name")).to_have_text(["only-cellar"])
    expect(page.locator("#late")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"q=only-cellar$"))


def test_filters_narrow_and_are_taken_away_one_by_one(fleet: Api, look: Looking) -> None:
    page = look().at("/models").page
    expect(page.get_by_text("102 models")).to_be_visible()
    expect(page.get_by_role("group", name="Type").get_by_text("101")).to_be_visible()
    page.get_by_label("On", exact=True).select_option("cellar")
    expect(page.locator(".model-row")).to_have_count(2)
    page.get_by_role("group", name="Type").get_by_label("Checkpoint").check()
    expect(page.locator(".model-name")).to_have_text(["velvet"])
    expect(page).to_have_url(re.compile(r"type=Checkpoint&server=cellar$"))
    page.go_back()
    expect(page.locator(".model-row")).to_have_count(2)
    page.wait_for_load_state()  # Back is a reload: from then on the page hears of the next step
    page.go_forward()
    expect(page.locator(".model-row")).to_have_count(1)
    page.get_by_role("link", name="Remove the filter On: cellar").click()
    expect(page).to_have_url(re.compile(r"/models\?type=Checkpoint$"))
    page.wait_for_load_state()
    page.get_by_label("Missing on").select_option("attic")
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    page.get_by_role("link", name="Remove all").click()
    expect(page.locator(".model-row")).to_have_count(50)


def test_the_order_is_chosen(fleet: Api, look: Looking) -> None:
    page = look().at("/models").page
    page.get_by_label("Order").select_option("By name")
    expect(page.locator(".model-name").first).to_have_text("fox-00")
    expect(page).to_have_url(re.compile(r"/models\?sort=name$"))


def test_more_rows_come_on_demand_and_the_keyboard_goes_on_there(fleet: Api, look: Looking) -> None:
    page = look().at("/models?sort=name").page
    more = page.get_by_role("link", name="Show more")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".model-row")).to_have_count(100)
    expect(page.locator(".model-name").nth(50)).to_be_focused()
    more.click()
    expect(page.locator(".model-row")).to_have_count(102)
    expect(more).to_have_count(0)
    assert names(page) == sorted(names(page))
    assert page.url.endswith("/models?sort=name")


def test_without_scripts_the_list_is_a_form_and_links(fleet: Api, look: Looking) -> None:
    page = look(scripts=False).at("/models").page
    page.get_by_role("link", name="Show more").click()
    expect(page.locator(".model-row")).to_have_count(50)
    page.get_by_label("Name, path, trigger word or hash").fill("fox")
    page.get_by_role("group", name="Type").get_by_label("LORA").check()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".model-row")).to_have_count(20)
    expect(page.get_by_role("link", name="Remove the filter Type: LORA")).to_be_visible()
    page.get_by_role("link", name="Remove the filter Words: fox").click()
    expect(page.locator(".model-row")).to_have_count(50)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_chosen_models_are_corrected_together_seen_before_and_undone(fleet: Api, look: Looking, scripts: bool) -> None:
    fleet.put(f"/api/v1/models/{sha('fox-01')}/overrides", {"base_model": "Illustrious"}).raise_for_status()
    seen = look(scripts=scripts)
    page = seen.at("/models?q=fox&sort=name").page
    page.get_by_label("Choose fox-00").check()
    page.get_by_label("Choose fox-01").check()
    page.get_by_role("button", name="Correct the chosen ones…").click()
    expect(page.get_by_role("heading", name="Correct 2 models")).to_be_visible()
    page.get_by_label("Base model or ecosystem").fill("sdxl 1.0")
    page.get_by_role("button", name="Preview").click()
    row = page.locator("tr", has_text="fox-01")
    expect(row).to_contain_text(re.compile("Illustrious.*SDXL 1.0", re.S))
    assert fleet.get(f"/api/v1/models/{sha('fox-00')}").json()["model"]["base_model"] == "Pony"
    page.get_by_role("button", name="Correct 2 models").click()
    expect(page.get_by_role("heading", name="2 models corrected")).to_be_visible()
    assert fleet.get(f"/api/v1/models/{sha('fox-00')}").json()["model"]["base_model"] == "SDXL 1.0"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="2 models put back")).to_be_visible()
    now = [fleet.get(f"/api/v1/models/{sha(name)}").json()["model"]["base_model"] for name in ("fox-00", "fox-01")]
    assert now == ["Pony", "Illustrious"]


def test_what_cannot_be_corrected_changes_nothing_and_says_why(fleet: Api, look: Looking) -> None:
    seen = look()
    page = seen.at("/models?q=fox&sort=name").page
    expect(page.get_by_role("button", name="Correct the chosen ones…")).to_be_disabled()
    page.get_by_label("all of these").check()
    expect(page.get_by_text("20 chosen")).to_be_visible()
    page.get_by_label("Choose fox-03").uncheck()
    page.get_by_role("button", name="Correct the chosen ones…").click()
    expect(page.get_by_role("heading", name="Correct 19 models")).to_be_visible()
    page.get_by_label("Base model or ecosystem").fill("SDXXL 1.0")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("did you mean")
    assert "422" in seen.complaints.pop()  # the browser's own line for the answer
    expect(page.get_by_label("Base model or ecosystem")).to_have_value("SDXXL 1.0")


def test_a_short_hash_is_copied_with_one_click(fleet: Api, look: Looking) -> None:
    page = look(permissions=["clipboard-read", "clipboard-write"]).at("/models?q=velvet").page
    copy = page.locator(".hash")
    copy.click()
    expect(copy).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == sha("velvet")[:10]


def test_many_servers_are_folded(hub: Api, look: Looking) -> None:
    for number in range(12):
        hub.synced({"models": [entry("fox")]}, f"studio-{number:02}")
    page = look().at("/models").page
    where = page.locator(".model-row .where")
    expect(where.get_by_text("studio-04")).to_be_visible()
    last = where.get_by_text("studio-11")
    expect(last).to_be_hidden()
    page.get_by_text("+7 more").click()
    expect(last).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_hostile_names_fit_and_stay_text(hub: Api, look: Looking, size: tuple[int, int]) -> None:
    hostile = {**entry("odd"), "path": f"models/Lora/{HOSTILE.replace('/', '')}\u202egpj.safetensors"}
    long = entry("w" * 240, ecosystem="e" * 500, base_model=HOSTILE, confidence=0.3)
    hub.synced({"models": [hostile, long]}, "s" * 99)
    seen = look(size)
    page = seen.at("/models?" + "q=" + "%3Cimg+src%3Dx").page
    seen.fits()
    page.goto(f"{hub.address}/models")
    expect(page.get_by_text("[U+202E]").first).to_be_visible()
    seen.fits()
    expect(page.locator("main img")).to_have_count(0)


def test_before_the_first_model_the_page_says_how_they_come(look: Looking) -> None:
    page = look().at("/models").page
    expect(page.get_by_text("No model is known yet")).to_be_visible()


@pytest.mark.parametrize("query", ["type=Nonsense", "status=x", "sort=x", "cursor=x", "duplicates=x"])
def test_a_mistyped_address_is_refused_in_words(look: Looking, query: str) -> None:
    seen = look()
    page = seen.at(f"/models?{query}").page
    assert "422" in seen.complaints.pop()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("main")).to_contain_text("must be")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_on_a_telephone_the_filters_are_folded_where_a_script_can(fleet: Api, look: Looking, scripts: bool) -> None:
    page = look(PHONE, scripts=scripts).at("/models").page
    page.wait_for_load_state()
    missing = page.get_by_label("Missing on", exact=True)
    if scripts:
        expect(missing).to_be_hidden()
        page.get_by_text("Filters", exact=True).click()
        missing.select_option("attic")
        expect(page.locator(".model-name")).to_have_text(["only-cellar"])
    expect(missing).to_be_visible()
