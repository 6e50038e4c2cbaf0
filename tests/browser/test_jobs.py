"""Jobs in a web UI, over a real hub and a real browser: queued as Generate would run it, made here, giving way."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, expect
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.browser.conftest import Visit, free_port
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.images import png
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.fakes.web_ui.standin import WebUi, add_product, lay_out

PRESS_AGAIN_SECONDS = 20.0


@pytest.fixture(scope="module")
def hub(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with RunningHub(HubSettings(tmp_path_factory.mktemp(f"hub-{host}"))) as hub:
        yield hub


@pytest.fixture(scope="module")
def web_ui(host: str, hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """A web UI with the extension, paired; jobs wait one second after a person, and none are taken yet."""
    root = lay_out(tmp_path_factory.mktemp("jobs") / host, host)
    path = root / "models" / "Stable-diffusion" / "base-xl.safetensors"
    write_model(path, b"base", metadata={"modelspec.architecture": "stable-diffusion-xl-v1-base"})
    path = root / "models" / "Lora" / "velvet-harbor.safetensors"
    write_model(path, b"velvet", metadata={"ss_base_model_version": "sdxl_base_v1-0"})
    write_model(root / "models" / "ControlNet" / "canny-xl.safetensors", b"canny")
    (root / "config.json").write_text(json.dumps({"quartermaster_job_patience": 1}), encoding="utf-8")
    add_product(root)
    web_ui = WebUi(root, host, free_port()).start()
    code = hub.hub.pairing.make(f"attic-{host}").code
    answer = requests.post(
        f"{web_ui.url}quartermaster/hub/pair", json={"address": hub.address, "code": code}, timeout=60
    )
    answer.raise_for_status()
    eventually(lambda: status(web_ui)["hub"]["in_sync"], "the hub to know the models")
    yield web_ui
    web_ui.stop()


@pytest.fixture
def an_image(tmp_path: Path) -> Path:
    path = tmp_path / "one.png"
    path.write_bytes(png())
    return path


def status(web_ui: WebUi) -> dict[str, Any]:
    return dict(requests.get(f"{web_ui.url}quartermaster/status", timeout=60).json())


def here(web_ui: WebUi) -> dict[str, Any]:
    return dict(requests.get(f"{web_ui.url}quartermaster/jobs/here", timeout=60).json())


def made_in(web_ui: WebUi) -> list[Path]:
    return sorted((web_ui.root / "outputs").rglob("*.png"), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture
def at(web_ui: WebUi, visit: Callable[..., Visit]) -> Iterator[Visit]:
    """The page, with a prompt of three steps; no jobs are taken."""
    opened = visit(web_ui.url).open()
    opened.post("jobs/take", on=False)
    page = opened.page
    page.locator("#txt2img_prompt textarea").fill("a harbor <lora:velvet-harbor:0.8>")
    fill(page.locator("#txt2img_steps input[type=number]"), "3")
    fill(page.locator("#txt2img_seed input"), "42")
    yield opened
    opened.post("jobs/take", on=False)


def fill(field: Locator, value: str) -> None:
    field.fill(value)
    field.blur()


def dialog(at: Visit) -> Locator:
    """Open "Queue on fleet" and return the dialog once the hub has said what it says."""
    at.tab("txt2img")
    at.page.get_by_role("button", name="Queue on fleet").click()
    found = at.page.get_by_role("dialog", name="Queue on fleet")
    expect(found.locator(".qm-queue-line")).to_be_visible()
    return found


def dialog_with(at: Visit, needs: int) -> Locator | None:
    """Return that dialog where it lists so many models; else close it."""
    found = dialog(at)
    if found.locator(".qm-need").count() == needs:
        return found
    found.get_by_role("button", name="Close", exact=True).last.click()
    return None


def generates(at: Visit, held: Path) -> bool:
    """Press Generate and tell whether a run begins; on a slow machine a click was seen to come to nothing."""
    button = at.page.locator("#txt2img_generate")
    if button.is_visible():
        button.click()
    until = time.monotonic() + PRESS_AGAIN_SECONDS
    while not held.exists() and time.monotonic() < until:
        at.page.wait_for_timeout(50)  # the poll of a condition
    return held.exists()


def card(at: Visit, job_id: str) -> Locator:
    at.view("Jobs")
    return at.page.locator(f".qm-job[data-id='{job_id}']")


def newest(at: Visit) -> dict[str, Any]:
    jobs = requests.get(f"{at.url}quartermaster/jobs", timeout=60).json()["jobs"]
    return dict(max(jobs, key=lambda job: job["created_at"]))


def test_what_the_form_holds_is_queued_and_made_here_through_the_queue_of_the_web_ui(at: Visit, web_ui: WebUi) -> None:
    page = at.page
    page.locator("#txt2img_grain input[type=checkbox], input#txt2img_grain").first.check()
    page.get_by_label("ControlNet Unit 0").first.check()
    # A unit goes to the web UI's server and back before the form has it; nothing on the page tells when.
    asked = eventually(lambda: dialog_with(at, needs=3), "the form to have the unit")
    expect(asked).to_contain_text("512×512 · 3 steps · DPM++ 2M · seed 42")
    expect(asked.locator(".qm-need").nth(1)).to_contain_text("velvet-harbor × 0.8")
    expect(asked.locator(".qm-need").last).to_contain_text("canny-xl × 1")
    expect(asked.locator(".qm-need [data-status=available]")).to_have_count(3)
    expect(asked.locator(".qm-queue-line")).to_contain_text("takes no jobs")  # because nobody does yet
    before = len(made_in(web_ui))
    asked.get_by_role("button", name="Queue", exact=True).click()
    expect(asked).to_contain_text("Queued.")
    expect(asked).to_contain_text("It waits")
    asked.get_by_role("button", name="Show in Jobs").click()
    job = card(at, newest(at)["id"])
    expect(job).to_contain_text("waiting")
    page.get_by_role("switch", name="Run jobs of the fleet in this web UI").check()
    expect(job).to_contain_text("done")
    job.get_by_text("Details").click()
    image = job.get_by_alt_text("Image 1")
    expect(image).to_be_visible()
    assert image.evaluate("async node => { await node.decode(); return node.naturalWidth; }") == 64
    stored = made_in(web_ui)
    assert len(stored) == before + 1, "the web UI keeps it as well"
    assert b"Seed: 42" in stored[-1].read_bytes()
    assert b'ControlNet 0: "(32, 32) 64"' in stored[-1].read_bytes(), "with the picture, and with what is painted"
    at.tab("Settings")
    expect(page.locator("#setting_quartermaster_take_jobs input")).to_be_checked()


def test_a_job_gives_way_to_a_person_and_goes_on_by_itself(at: Visit, web_ui: WebUi) -> None:
    page = at.page
    before = len(made_in(web_ui))
    hold, held = web_ui.root / "hold", web_ui.root / "held"
    hold.touch()
    try:
        eventually(lambda: generates(at, held), "the person's run to begin")
        fill(page.locator("#txt2img_seed input"), "7")
        asked = dialog(at)
        asked.get_by_role("button", name="Queue", exact=True).click()
        expect(asked).to_contain_text("Queued.")
        asked.get_by_role("button", name="Close", exact=True).last.click()
        queued = newest(at)["id"]
        at.post("jobs/take", on=True)
        eventually(lambda: here(web_ui)["state"] == "resting", "the job to give way")
    finally:
        hold.unlink()
    job = card(at, queued)
    expect(job).to_contain_text("done")
    seeds = [b"Seed: 7," in path.read_bytes() for path in made_in(web_ui)[before:]]
    assert seeds == [False, True], "the person's image first"


def test_what_is_missing_is_said_before_it_is_sent_and_the_job_waits_visibly(at: Visit) -> None:
    page = at.page
    page.locator("#txt2img_prompt textarea").fill("a harbor <lora:nobodys:1>")
    page.locator("#txt2img_generate").click(button="right")
    page.locator("#context-menu").get_by_text("Queue on fleet").click()
    asked = page.get_by_role("dialog", name="Queue on fleet")
    expect(asked.locator(".qm-need [data-status=unknown]")).to_contain_text("unknown")
    expect(asked.locator(".qm-queue-line")).to_contain_text("nobody knows the lora nobodys")
    asked.get_by_label("How many jobs").fill("2")
    asked.get_by_label("Seeds").select_option("incremental")
    page.set_viewport_size({"width": 360, "height": 740})
    box = asked.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
    asked.get_by_role("button", name="Queue 2 jobs").click()
    expect(asked).to_contain_text("Queued 2 jobs.")
    asked.get_by_role("button", name="Show in Jobs").click()
    job = card(at, newest(at)["id"])
    expect(job).to_contain_text("nobody knows the lora nobodys")
    inner = job.locator(".qm-job-main").evaluate("node => [node.scrollWidth, node.clientWidth, innerWidth]")
    assert inner[0] <= inner[1] < inner[2] == 360
    job.get_by_role("button", name="Cancel").click()
    expect(job).to_contain_text("cancelled")
    job.get_by_role("button", name="Queue again").click()
    expect(job).to_contain_text("waiting")


def test_a_running_job_shows_how_far_it_is_and_ends_when_it_is_cancelled(at: Visit, web_ui: WebUi) -> None:
    fill(at.page.locator("#txt2img_steps input[type=number]"), "150")
    at.post("jobs/take", on=True)
    asked = dialog(at)
    asked.get_by_role("button", name="Queue", exact=True).click()
    asked.get_by_role("button", name="Show in Jobs").click()
    job = card(at, newest(at)["id"])
    expect(job.get_by_role("progressbar", name="Progress")).to_be_visible()
    expect(job.locator(".qm-job-thumb img")).to_be_visible()
    job.get_by_role("button", name="Cancel").click()
    expect(job).to_contain_text("cancelled")
    eventually(lambda: here(web_ui)["state"] == "waiting", "the web UI to be free again")


def test_an_image_of_img2img_goes_along(at: Visit, web_ui: WebUi, hub: RunningHub, an_image: Path) -> None:
    page = at.page
    at.tab("img2img")
    page.locator("#img2img_prompt textarea").fill("the same, at night")
    page.locator("#img2img_image input[type=file]").set_input_files(an_image)
    expect(page.locator("#img2img_image img").first).to_be_visible()
    page.locator("#qm-queue-img2img").click()
    asked = page.get_by_role("dialog", name="Queue on fleet")
    expect(asked).to_contain_text("img2img · base-xl")
    asked.get_by_role("button", name="Queue", exact=True).click()
    expect(asked).to_contain_text("Queued.")
    job = newest(at)
    assert job["mode"] == "img2img"
    at.post("jobs/take", on=True)
    asked.get_by_role("button", name="Show in Jobs").click()
    expect(card(at, job["id"])).to_contain_text("done")
    assert (made_in(web_ui)[-1]).parent.name == "img2img-images"
