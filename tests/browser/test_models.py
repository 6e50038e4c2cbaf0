"""The sub-tab Models: 20,000 of them, found, filtered, opened, corrected, as a person does."""

from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import HOSTILE, Visit


def test_twenty_thousand_models_are_searched_filtered_sorted_and_paged(at: Visit) -> None:
    at.view("Models")
    page = at.page
    pages = page.get_by_role("navigation", name="Pages")
    rows = page.locator("#qm-panel-models tbody tr")
    expect(pages).to_contain_text("1–50 of 20,000")
    expect(rows).to_have_count(50)
    page.get_by_label("Last page").click()
    expect(pages).to_contain_text("19,951–20,000 of 20,000")
    page.get_by_label("Search models").fill("velvet fox 00010")
    expect(pages).to_contain_text("1–1 of 1")
    expect(rows.first).to_contain_text("velvet-fox-00010")
    page.get_by_label("Search models").fill("")
    page.get_by_label("Type", exact=True).first.select_option("Checkpoint")
    expect(pages).to_contain_text("of 2,500")
    page.get_by_role("button", name="Size").click()
    expect(page.locator("#qm-panel-models th.qm-col-size")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Size").click()
    expect(page.locator("#qm-panel-models th.qm-col-size")).to_have_attribute("aria-sort", "descending")
    expect(rows.first).to_contain_text("GB")
    page.get_by_role("button", name="Clear filters").click()
    expect(pages).to_contain_text("of 20,000")


def test_what_matches_nothing_says_how_to_go_on(at: Visit) -> None:
    at.view("Models")
    at.page.get_by_label("Search models").fill("no such model anywhere")
    expect(at.page.locator("#qm-panel-models .qm-empty")).to_contain_text("Nothing matches")
    at.page.locator(".qm-empty").get_by_role("button", name="Clear filters").click()
    expect(at.page.get_by_role("navigation", name="Pages")).to_contain_text("of 20,000")


def test_a_model_opens_by_keyboard_and_escape_gives_the_focus_back(at: Visit) -> None:
    at.view("Models")
    page = at.page
    page.get_by_label("Search models").fill("velvet-harbor-00000")
    name = page.get_by_role("button", name="velvet-harbor-00000", exact=True)
    expect(page.locator("#qm-panel-models tbody tr")).to_have_count(1)
    name.focus()
    page.keyboard.press("Enter")
    detail = page.get_by_label("Details", exact=True)
    expect(detail).to_contain_text("SHA-256")
    for words in ("2,166 LoRA keys", "Trigger words", "film grain", "cellar", "Same weights", "renamed copy"):
        expect(detail).to_contain_text(words)
    expect(page.get_by_label("Close details")).to_be_focused()
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(name).to_be_focused()


def test_a_selection_is_corrected_in_one_go(at: Visit) -> None:
    at.view("Models")
    page = at.page
    page.get_by_label("Search models").fill("neon garden 0004")
    rows = page.locator("#qm-panel-models tbody tr")
    expect(rows.first).to_contain_text("neon-garden")
    many = rows.count()
    page.get_by_label("Select all on this page").check()
    selection = page.get_by_role("region", name="Selection")
    expect(selection).to_contain_text(f"{many} selected")
    selection.get_by_role("button", name="Correct…").click()
    selection.get_by_label("Base model").select_option("SDXL Turbo")
    selection.get_by_role("button", name="Save").click()
    expect(selection).to_be_hidden()
    expect(rows.locator(".qm-pill-good", has_text="corrected")).to_have_count(many)
    expect(rows.first).to_contain_text("SDXL Turbo")


def test_duplicates_are_a_list_of_their_own(at: Visit) -> None:
    at.view("Models")
    at.page.get_by_label("Group").select_option("duplicates")
    expect(at.page.get_by_role("navigation", name="Pages")).to_contain_text("of 690")
    expect(at.page.locator("#qm-panel-models tbody tr").first).to_contain_text("2 copies")


def test_hashing_shows_rate_and_time_left_and_can_be_paused(at: Visit) -> None:
    at.post("canned", progress="hashing")
    at.view("Models")
    strip = at.page.locator(".qm-strip")
    expect(strip).to_contain_text("420 of 20,000 files")
    expect(strip).to_contain_text("1.3 GB/s")
    expect(strip).to_contain_text("3 min left")
    strip.get_by_role("button", name="Pause").click()
    expect(strip).to_contain_text("Hashing paused")
    strip.get_by_role("button", name="Resume").click()
    expect(strip).to_contain_text("Hashing 420")


def test_the_folders_and_what_is_not_listed_can_be_looked_at(at: Visit) -> None:
    at.view("Models")
    folders = at.page.get_by_role("region", name="Folders")
    at.page.get_by_role("button", name="1 problem").click()
    expect(folders).to_contain_text("/srv/webui/models/Lora")
    expect(folders).to_contain_text("Shorter than its own header promises.")
    at.page.get_by_role("button", name="20,000 models").click()
    expect(folders).to_be_hidden()


def test_while_the_agent_starts_the_page_says_so_and_then_fills_by_itself(at: Visit) -> None:
    at.post("canned", agent="starting", message="Quartermaster's agent is starting…")
    at.tab()
    expect(at.page.locator(".qm-strip")).to_contain_text("is starting…")
    at.post("canned", agent="running", message=None)
    expect(at.page.locator(".qm-chips")).to_contain_text("20,000 models")
    expect(at.page.locator(".qm-strip")).to_be_hidden()


def test_a_change_of_the_inventory_is_drawn_without_being_asked_for(at: Visit) -> None:
    at.view("Models")
    expect(at.page.locator("#qm-panel-models tbody tr")).to_have_count(50)
    at.post("canned", revision=10**6)
    with at.page.expect_response(lambda answer: "quartermaster/models?" in answer.url):
        pass


def test_a_hostile_name_stays_text_everywhere(at: Visit) -> None:
    at.checkpoint("sdxl-base.safetensors")
    at.view("Models")
    page = at.page
    page.get_by_label("Search models").fill("onerror")
    row = page.get_by_role("button", name=HOSTILE, exact=True)
    row.click()
    expect(page.get_by_label("Details", exact=True)).to_contain_text(HOSTILE)
    page.get_by_text("Metadata (3)").click()
    expect(page.get_by_label("Details", exact=True).locator("details")).to_contain_text(HOSTILE)
    at.view("Compatibility")
    page.get_by_label("Search add-ons").fill("onerror")
    expect(page.locator(".qm-verdict-list")).to_contain_text(HOSTILE)
    at.view("Fleet")
    page.get_by_role("button", name="cellar").click()
    page.get_by_label("Search the fleet's models").fill("onerror")
    expect(page.locator(".qm-fleet-models")).to_contain_text(HOSTILE)
    at.view("Check")
    page.get_by_label("Infotext or prompt").fill("anything")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".qm-resources")).to_contain_text(HOSTILE)
    assert page.locator("#quartermaster img[src='x'], #quartermaster [onerror]").count() == 0
