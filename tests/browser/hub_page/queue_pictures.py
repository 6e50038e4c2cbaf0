"""Pictures of the queue: ``python -m quartermaster.tests.browser.hub_page.queue_pictures``.

They show a real hub over a made-up fleet whose agents take jobs over its routes, light and dark, wide and as on a
telephone.
"""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.browser.conftest import FLAGS, only_loopback
from quartermaster.tests.browser.hub_page.conftest import sign_in
from quartermaster.tests.browser.hub_page.job_agent import JobAgent
from quartermaster.tests.browser.hub_page.models_pictures import SIZES, THEMES
from quartermaster.tests.browser.hub_page.models_pictures import fill as fill_models
from quartermaster.tests.browser.provide import provide
from quartermaster.tests.browser.screenshots import IMAGES, PALETTE
from quartermaster.tests.fakes.web_ui.standin import interpreter
from quartermaster.tests.hub.samples import Api, FakeClock, sha

PROMPTS = (
    "a quiet harbor at night, paper lanterns over the water, mist, 35 mm film, <lora:velvet-harbor:0.8>",
    "an old lighthouse keeper reading by an oil lamp, warm light, oil on canvas",
    "a fox curled up in moss, macro, soft morning light <lora:neon-fox:0.6>",
    "a cathedral of glass in a forest, volumetric light <lora:opal-cathedral:1>",
    "city skyline in the rain, reflections, blue hour <lora:neon-skyline:0.7>",
)
INFOTEXT = """{prompt}
Negative prompt: blurry, watermark, text
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6, Seed: {seed}, Size: 1024x1024, \
Model hash: {digits}, Model: juggernaut-xl-v9, Version: f2.0.1"""


def submit(hub: Api, prompt: str, checkpoint: str = "juggernaut-xl-v9", target: str = "any", **more: Any) -> str:
    parameters = {"positive_prompt": prompt, "negative_prompt": "blurry, watermark, text", "steps": 28, "cfg_scale": 6}
    parameters |= {"sampler_name": "DPM++ 2M", "scheduler": "Karras", "width": 1024, "height": 1024, "seed": 20261121}
    parameters |= {"checkpoint_name": checkpoint}
    answer = hub.post("/api/v2/generate", {"target_server_alias": target, "generation_params": parameters, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["stablequeue_job_id"])


def fill(hub: Api) -> dict[str, str]:
    """Let a fleet have a past and a present; return the ids of jobs to look at."""
    fill_models(hub)
    attic, cellar, studio = (JobAgent(hub, name) for name in ("attic", "cellar", "studio-1"))
    made = submit(hub, PROMPTS[0])
    job = attic.take()
    attic.fail(job, "busy", "somebody generates by hand", retry=True)
    job = cellar.take()
    cellar.complete(job, INFOTEXT.format(prompt=PROMPTS[0], seed=20261121, digits=sha("juggernaut-xl-v9")[:10]), 3)
    submit(hub, PROMPTS[1])
    job = studio.take()
    studio.fail(job, "out_of_memory", "CUDA out of memory: 2.4 GiB could not be had")
    running = submit(hub, PROMPTS[2], priority=5)
    job = attic.take()
    attic.preview(job, 0.64, "fox", step=18, steps=28, eta_seconds=11)
    submit(hub, PROMPTS[4])
    job = cellar.take()
    cellar.progress(job, 0.0, phase="loading")
    submit(hub, PROMPTS[4], checkpoint="dreamshaper-8", target="attic")
    waiting = submit(hub, f"{PROMPTS[3]} <lora:glass-spires:0.8>", priority=2, source_info="StableQueue on nas")
    submit(hub, "portrait of a beekeeper, studio light", checkpoint="paper-moon")
    cancelled = submit(hub, "a bowl of persimmons, still life", checkpoint="pony-realism")
    hub.post(f"/api/v2/jobs/{cancelled}/cancel", {}).raise_for_status()
    return {"made": made, "running": running, "waiting": waiting}


def form(page: Page) -> None:
    page.get_by_label("Prompt", exact=True).fill(
        "a harbor at night, lanterns <lora:velvet-harbor:0.8> <lora:neon-ink:1>"
    )
    page.get_by_label("Checkpoint: a name").fill("juggernaut-xl-v9")
    expect(page.locator("#check .need-row")).to_have_count(3)
    expect(page.locator(".suggestion").first).to_be_visible()
    page.get_by_label("Checkpoint: a name").press("Escape")


def images(page: Page) -> None:
    page.locator(".images img").first.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('.images img')].every((image) => image.naturalWidth)")
    page.evaluate("window.scrollTo(0, 0)")


def nothing(_page: Page) -> None:
    """The page is ready as it is."""


def scenes(ids: dict[str, str]) -> dict[str, tuple[str, Callable[[Page], None]]]:
    """Return what is pictured: name -> the page, and what is done there first."""
    return {
        "queue": ("/queue", nothing),
        "job": (f"/queue/{ids['made']}", images),
        "job-waiting": (f"/queue/{ids['waiting']}", nothing),
        "submit": ("/queue/new", form),
    }


def take(browser: Browser, hub: Api, ids: dict[str, str], theme: str, kind: str) -> list[Path]:
    """Take every page in one theme and size."""
    width, height = SIZES[kind]
    colours: Any = theme
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
    page = context.new_page()
    page.route("**/*", only_loopback)
    sign_in(page, hub)
    taken = []
    for name, (path, prepare) in scenes(ids).items():
        page.goto(hub.address + path)
        page.wait_for_load_state()
        prepare(page)
        taken.append(IMAGES / f"page-{name}-{theme}-{kind}.png")
        page.screenshot(path=taken[-1])
    context.close()
    return taken


def main() -> None:
    """Write all pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningHub(HubSettings(Path(folder))) as running,
        requests.Session() as session,
        sync_playwright() as playwright,
    ):
        made = running.hub.keys.create("Maria", "admin")
        headers = {"X-API-Key": made.key, "X-API-Secret": made.secret}
        hub = Api(running.address, session, headers, running.hub, FakeClock())
        ids = fill(hub)
        browser = playwright.chromium.launch(executable_path=provide(), args=FLAGS)
        written = [path for theme in THEMES for kind in SIZES for path in take(browser, hub, ids, theme, kind)]
        browser.close()
    subprocess.run([str(interpreter("forge")), "-c", PALETTE, *map(str, written)], check=True)


if __name__ == "__main__":
    main()
