"""The queue: what waits and why, what runs and how far, what was made; and what a person does about it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from quartermaster.tests.browser.conftest import HOSTILE
from quartermaster.tests.browser.hub_page.conftest import PHONE, WIDE, Looking
from quartermaster.tests.browser.hub_page.job_agent import JobAgent, picture
from quartermaster.tests.hub.samples import Api, entry, sha


def model(name: str, kind: str = "LORA", base: str = "Pony") -> dict[str, object]:
    folder = {"LORA": "Lora", "Checkpoint": "Stable-diffusion"}[kind]
    more = {"type": kind, "ecosystem": base, "base_model": base, "confidence": 0.9}
    return {**entry(name, **more), "path": f"models/{folder}/{name}.safetensors"}


@pytest.fixture
def fleet(hub: Api) -> Api:
    """Attic has it all, cellar lacks the LoRA."""
    hub.synced({"models": [model("velvet", "Checkpoint"), model("fox"), model("ink", base="SD 1.5")]}, "attic")
    hub.synced({"models": [model("velvet", "Checkpoint")]}, "cellar")
    while hub.hub.indexing.step():
        pass
    return hub


def submitted(hub: Api, prompt: str = "a fox", checkpoint: str = "velvet", **more: Any) -> str:
    parameters = {"positive_prompt": prompt, "checkpoint_name": checkpoint, "steps": 20}
    answer = hub.post("/api/v2/generate", {"target_server_alias": "any", "generation_params": parameters, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["stablequeue_job_id"])


def row(page: Page, title: str) -> Any:
    return page.locator(".job-row", has_text=title)


def state_of(hub: Api, job_id: str) -> str:
    return str(hub.get(f"/api/v2/jobs/{job_id}/status").json()["job"]["state"])


def test_a_job_is_watched_from_waiting_to_its_image(fleet: Api, look: Looking) -> None:
    seen = look()
    page = seen.at("/queue").page
    expect(page.get_by_text("No job was submitted yet")).to_be_visible()
    expect(page.locator("#live-state")).to_have_text("live")
    job_id = submitted(fleet, "a fox <lora:fox:0.8>")
    mine = row(page, "a fox")
    expect(mine).to_contain_text("waiting")
    expect(mine.locator(".need", has_text="fox")).to_contain_text("available")
    expect(page.locator("#queue-waiting")).to_contain_text("1")
    agent = JobAgent(fleet, "attic")
    job = agent.take()
    assert agent.preview(job, 0.4, "a", step=8, steps=20) == 200
    expect(mine).to_contain_text("step 8 of 20")
    expect(mine.locator("img.preview")).to_be_visible()
    assert agent.preview(job, 0.7, "b", step=14, steps=20) == 200
    expect(mine).to_contain_text("step 14 of 20")
    page.wait_for_function("document.querySelector('img.preview').naturalWidth === 64")
    assert page.request.get(f"{fleet.address}/queue/{job_id}/preview").headers["content-type"] == "image/png"
    agent.complete(job, f"a fox\nSteps: 20, Model: velvet, Model hash: {sha('velvet')[:10]}, Note: {HOSTILE}")
    expect(mine).to_contain_text("completed")
    assert page.request.get(f"{fleet.address}/queue/{job_id}/preview").headers["content-type"] == "image/svg+xml"
    expect(page.locator("#queue-waiting")).not_to_contain_text("1")
    mine.get_by_role("link", name="a fox").click()
    expect(page).to_have_url(f"{fleet.address}/queue/{job_id}")
    images = page.get_by_role("region", name="Images")
    expect(images.get_by_role("img")).to_be_visible()
    page.wait_for_function("document.querySelector('.images img').naturalWidth === 160")
    images.get_by_text("Infotext").click()
    expect(images).to_contain_text(HOSTILE)
    with page.expect_download() as download:
        images.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    expect(page.get_by_role("region", name="Who tried")).to_contain_text("attic")


def test_a_server_s_card_leads_to_what_it_could_run(fleet: Api, look: Looking) -> None:
    submitted(fleet, "for both")
    submitted(fleet, "for attic <lora:fox:1>")
    page = look().at("/").page
    page.locator("article", has_text="cellar").get_by_role("link", name="1 job waiting").click()
    expect(page.locator(".job-title")).to_have_text(["for both"])
    page.get_by_label("Server", exact=True).first.select_option("attic")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".job-row")).to_have_count(2)


def test_why_a_job_waits_is_said_and_it_goes_by_itself(fleet: Api, look: Looking) -> None:
    job_id = submitted(fleet, "night", checkpoint="moon")
    page = look().at("/queue").page
    expect(row(page, "night").locator(".need")).to_contain_text("unknown")
    expect(row(page, "night")).to_contain_text("moon")
    fleet.synced({"models": [model("velvet", "Checkpoint"), model("moon", "Checkpoint")]}, "cellar")
    expect(row(page, "night").locator(".need")).to_contain_text("available")
    page.goto(f"{fleet.address}/queue/{job_id}")
    needs = page.get_by_role("region", name="Models it needs")
    needs.get_by_text("1 server lacks it").click()
    expect(needs.get_by_role("link", name="attic")).to_be_visible()
    needs.get_by_role("link", name="moon").click()
    page.get_by_role("link", name="1 job waits for this model").click()
    expect(page.locator(".job-row")).to_have_count(1)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_chosen_jobs_are_cancelled_and_put_back_given_priority_and_moved(
    fleet: Api, look: Looking, scripts: bool
) -> None:
    ids = [submitted(fleet, f"picture {number}") for number in range(3)]
    page = look(scripts=scripts).at("/queue?state=pending").page
    for number in (0, 1):
        page.get_by_label(f"Choose picture {number}").check()
    page.get_by_role("form", name="Change the chosen jobs").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("2 jobs were cancelled.")).to_be_visible()
    assert [state_of(fleet, each) for each in ids] == ["cancelled", "cancelled", "pending"]
    expect(page.locator(".job-row")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".job-row")).to_have_count(3)
    assert {state_of(fleet, each) for each in ids} == {"pending"}
    page.get_by_label("Choose picture 2").check()
    page.get_by_label("Priority").select_option("5")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(row(page, "picture 2")).to_contain_text("priority +5")
    page.get_by_label("Choose picture 2").check()
    page.get_by_role("form", name="Change the chosen jobs").get_by_label("Server").select_option("cellar")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(row(page, "picture 2")).to_contain_text("only cellar")
    page.get_by_role("button", name="Cancel picture 2").click()
    expect(page.get_by_text("The job was cancelled.")).to_be_visible()


def test_a_choice_outlives_that_the_list_renews_itself(fleet: Api, look: Looking) -> None:
    submitted(fleet, "first")
    page = look().at("/queue").page
    expect(page.locator("#live-state")).to_have_text("live")
    page.get_by_label("Choose first").check()
    submitted(fleet, "second")
    expect(row(page, "second")).to_be_visible()
    expect(page.get_by_label("Choose first")).to_be_checked()
    expect(page.get_by_text("1 chosen")).to_be_visible()


def test_a_running_job_is_cancelled_and_its_agent_hears_of_it(fleet: Api, look: Looking) -> None:
    submitted(fleet)
    agent = JobAgent(fleet, "attic")
    job = agent.take()
    page = look().at(f"/queue/{job['id']}").page
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job-now")).to_contain_text("cancelled")
    assert agent.progress(job, 0.5) == 409
    page.locator(".job-now").get_by_role("button", name="Retry").click()
    expect(page.locator(".job-now")).to_contain_text("waiting")
    expect(page.get_by_role("region", name="Who tried")).to_contain_text("cancelled")


def test_the_form_says_beforehand_what_will_happen(fleet: Api, look: Looking) -> None:
    page = look().at("/queue/new").page
    JobAgent(fleet, "attic").claim()
    page.get_by_label("Prompt", exact=True).fill("a fox")
    check = page.locator("#check")
    expect(check).to_contain_text("name a checkpoint")
    page.get_by_label("Checkpoint: a name").press_sequentially("vel", delay=20)
    page.locator(".suggestion", has_text="velvet").click()
    expect(page.get_by_label("Its hash")).to_have_value(sha("velvet"))
    expect(check).to_contain_text("Will run on attic")
    page.get_by_label("Add a LoRA").press_sequentially("ink", delay=20)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".suggestion", has_text="ink")).to_contain_text("does not work")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a fox <lora:ink:1>")
    expect(check).to_contain_text("does not go with the checkpoint")
    page.get_by_label("Server").select_option("cellar")
    expect(check).to_contain_text("cellar does not have the lora ink")
    page.get_by_label("Prompt", exact=True).fill("a fox <lora:who:1>")
    expect(check.locator(".need-row", has_text="who")).to_contain_text("unknown")
    page.get_by_label("Prompt", exact=True).fill("a fox")
    expect(check).to_contain_text("takes no jobs now: cellar")
    page.get_by_label("How many", exact=True).fill("3")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator(".job-row")).to_have_count(3)
    expect(page.get_by_text("submitted together")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_infotext_fills_the_form_and_a_job_can_be_submitted_again(
    fleet: Api, look: Looking, scripts: bool, tmp_path: Any
) -> None:
    infotext = f"a fox, {HOSTILE} <lora:fox:0.8>\nNegative prompt: mud\nSteps: 31, Sampler: DPM++ 2M, CFG scale: 5.5, "
    infotext += f"Seed: 42, Size: 832x1216, Model hash: {sha('velvet')[:10]}, Model: velvet, Clip skip: 2"
    page = look(scripts=scripts).at("/queue/new").page
    page.get_by_text("Begin with an infotext").click()
    if scripts:
        image = tmp_path / "made.png"
        image.write_bytes(picture("made", 32, infotext))
        page.locator("#image-file").set_input_files(image)
        expect(page.get_by_text("The form has what made.png says.")).to_be_visible()
    else:
        page.get_by_label("Infotext: what").fill(infotext)
        page.get_by_role("button", name="Fill in the form from it").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(f"a fox, {HOSTILE} <lora:fox:0.8>")
    expect(page.get_by_label("Steps", exact=True)).to_have_value("31")
    expect(page.get_by_label("Its hash")).to_have_value(sha("velvet")[:10])
    if not scripts:
        page.get_by_role("button", name="Check only").click()
    expect(page.locator("#check .need-row", has_text="velvet")).to_contain_text("available")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("Submitted.")).to_be_visible()
    expect(page.locator("h1")).to_contain_text(HOSTILE)
    page.get_by_role("link", name="Submit again…").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("42")
    expect(page.locator("#more")).to_have_value(re.compile('"CLIP_stop_at_last_layers": 2'))


def test_what_cannot_be_submitted_is_said_and_nothing_that_was_typed_is_lost(fleet: Api, look: Looking) -> None:
    seen = look(scripts=False)
    page = seen.at("/queue/new").page
    page.get_by_label("Prompt", exact=True).fill("kept")
    page.get_by_label("Steps", exact=True).fill("many")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("Nothing was submitted")
    assert "422" in seen.complaints.pop()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("kept")


def test_a_client_changes_its_own_jobs_and_no_others(fleet: Api, look: Looking) -> None:
    job_id = submitted(fleet, "somebody else's")
    page = look(scope="client").at("/queue").page
    expect(row(page, "somebody else's")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel somebody else's")).to_have_count(0)
    page.get_by_label("Choose somebody else's").check()
    page.get_by_role("form", name="Change the chosen jobs").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("belongs to somebody else")
    assert state_of(fleet, job_id) == "pending"


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_hostile_jobs_fit_and_stay_text(fleet: Api, look: Looking, size: tuple[int, int]) -> None:
    tags = "".join(f"<lora:{'w' * 90}{number}:1>" for number in range(120))
    job_id = submitted(fleet, f"{HOSTILE}\u202e {'x' * 400} {tags}", checkpoint=HOSTILE + "y" * 200)
    submitted(fleet, "m" * 300, target_server_alias="cellar", source_info=HOSTILE)
    agent = JobAgent(fleet, "cellar")
    agent.fail(agent.take(), "broken", f"{HOSTILE} {'z' * 900}")
    seen = look(size)
    for path in ("/queue", f"/queue/{job_id}", "/queue/new", f"/queue/new?like={job_id}"):
        seen.at(path)
        expect(seen.page.locator("h1")).to_be_visible()
        seen.fits()
    page = seen.at("/queue").page
    expect(row(page, "mmm")).to_contain_text("zzz")
    expect(page.get_by_text("[U+202E]").first).to_be_visible()
    expect(page.locator("main img:visible")).to_have_count(0)


def test_pages_and_filters_need_no_script(fleet: Api, look: Looking) -> None:
    parameters = {"positive_prompt": "one of many", "checkpoint_name": "velvet"}
    body = {"target_server_alias": "any", "generation_params": parameters, "bulk_quantity": 60}
    fleet.post("/api/v2/generate/bulk", body).raise_for_status()
    submitted(fleet, "needle")
    page = look(scripts=False).at("/queue").page
    expect(page.locator(".job-row")).to_have_count(50)
    expect(page.get_by_role("link", name=re.compile(r"^waiting 61"))).to_be_visible()
    page.get_by_role("link", name="Next 50").click()
    expect(page.locator(".job-row")).to_have_count(11)
    page.get_by_label("Words of the prompt").fill("NEEDLE")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".job-title")).to_have_text(["needle"])
    page.get_by_label("mine only").check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("No such job")).to_be_visible()
