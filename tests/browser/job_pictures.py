"""Pictures of jobs in a web UI: ``python -m quartermaster.tests.browser.job_pictures [forge|a1111]``.

They show the extension itself, paired with a real hub over a made-up fleet whose agents take jobs over its routes,
light and dark, wide and as on a telephone.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import requests
from playwright.sync_api import Browser, expect, sync_playwright
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.browser.conftest import FLAGS, PATIENCE_MS, Visit, free_port, only_loopback
from quartermaster.tests.browser.hub_page.job_agent import JobAgent
from quartermaster.tests.browser.hub_page.models_pictures import fill as fill_models
from quartermaster.tests.browser.hub_page.queue_pictures import INFOTEXT, PROMPTS, submit
from quartermaster.tests.browser.provide import provide
from quartermaster.tests.browser.screenshots import IMAGES, NARROW, PALETTE, WIDE
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.fakes.web_ui.standin import WebUi, add_product, interpreter, lay_out
from quartermaster.tests.hub.samples import Api, FakeClock, entry, sha

SERVER = "workshop"
CHECKPOINT = ("Stable-diffusion", "aurora-xl", {"modelspec.architecture": "stable-diffusion-xl-v1-base"})
LORA = ("Lora", "silver-birch", {"ss_base_model_version": "sdxl_base_v1-0"})
PROMPT = "a birch grove in first snow, low sun, 35 mm film <lora:silver-birch:0.8> <lora:glass-spires:0.6>"


def lay_models(root: Path) -> list[dict[str, object]]:
    """Give the web UI two models, and return them as another server would have them."""
    entries = []
    for folder, name, metadata in (CHECKPOINT, LORA):
        path = root / "models" / folder / f"{name}.safetensors"
        write_model(path, name.encode(), metadata=metadata)
        kind, content = ("LORA" if folder == "Lora" else "Checkpoint"), path.read_bytes()
        held = {"path": f"models/{folder}/{path.name}", "type": kind, "size": len(content)}
        entries.append({**entry(name), **held, "sha256": hashlib.sha256(content).hexdigest()})
    return entries


def fill(hub: Api, shared: list[dict[str, object]]) -> Callable[[], None]:
    """Let a fleet have a past and a present; return what keeps the leases of what runs."""
    fill_models(hub)
    hub.synced({"models": shared}, "loft")
    attic, cellar, studio, loft = (JobAgent(hub, name) for name in ("attic", "cellar", "studio-1", "loft"))
    submit(hub, PROMPTS[0])
    digits = sha("juggernaut-xl-v9")[:10]
    cellar.complete(cellar.take(), INFOTEXT.format(prompt=PROMPTS[0], seed=20261121, digits=digits), 3)
    submit(hub, PROMPTS[1])
    studio.fail(studio.take(), "generation_failed", "CUDA out of memory: 2.4 GiB could not be had")
    submit(hub, PROMPTS[2], priority=5)
    fox = attic.take()
    submit(hub, PROMPTS[4])
    skyline = cellar.take()
    submit(hub, f"{PROMPTS[3]} <lora:glass-spires:0.8>", priority=2)

    def beat() -> None:
        attic.preview(fox, 0.64, "fox", step=18, steps=28, eta_seconds=11)
        cellar.progress(skyline, 0.0, phase="loading")
        loft.claim()

    beat()
    return beat


def take(visit: Visit, theme: str, kind: str, beat: Callable[[], None]) -> list[Path]:
    """Take the window and the page in one theme and width."""
    page, taken = visit.page, []

    def picture(name: str) -> None:
        taken.append(IMAGES / f"{name}-{theme}-{kind}.png")
        page.screenshot(path=taken[-1])

    visit.open(theme)
    beat()
    page.locator("#txt2img_prompt textarea").fill(PROMPT)
    page.get_by_role("button", name="Queue on fleet").click()
    asked = page.get_by_role("dialog", name="Queue on fleet")
    expect(asked.locator(".qm-need")).to_have_count(3)
    picture("queue-on-fleet")
    asked.get_by_role("button", name="Cancel").click()
    beat()
    visit.view("Jobs")
    done = page.locator(".qm-job[data-state=completed]")
    done.get_by_text("Details").click()
    expect(done.get_by_alt_text("Image 3")).to_be_visible()
    page.wait_for_function("[...document.querySelectorAll('.qm-job img')].every((image) => image.naturalWidth)")
    page.evaluate("window.scrollTo(0, 0)")
    if kind == "narrow":
        page.locator("#quartermaster").scroll_into_view_if_needed()
    picture("jobs")
    return taken


def main(host: str) -> None:
    """Write all pictures."""
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningHub(HubSettings(Path(folder) / "hub")) as running,
        requests.Session() as session,
        sync_playwright() as playwright,
    ):
        hub = Api(running.address, session, {}, running.hub, FakeClock()).with_key("admin")
        root = lay_out(Path(folder) / host, host)
        shared = lay_models(root)
        add_product(root)
        web_ui = WebUi(root, host, free_port()).start()
        browser = playwright.chromium.launch(executable_path=provide(), args=FLAGS)
        try:
            pair(web_ui, running)
            beat = fill(hub, shared)
            written = [
                path
                for theme in ("light", "dark")
                for kind, size in {"wide": WIDE, "narrow": NARROW}.items()
                for path in visited(browser, web_ui, theme, kind, size, beat)
            ]
        finally:
            browser.close()
            web_ui.stop()
    subprocess.run([str(interpreter(host)), "-c", PALETTE, *map(str, written)], check=True)


def pair(web_ui: WebUi, running: RunningHub) -> None:
    """Pair the web UI with the hub, and let it take jobs."""
    asked = {"address": running.address, "code": running.hub.pairing.make(SERVER).code}
    requests.post(f"{web_ui.url}quartermaster/hub/pair", json=asked, timeout=60).raise_for_status()
    status = f"{web_ui.url}quartermaster/status"
    eventually(lambda: requests.get(status, timeout=60).json()["hub"]["in_sync"], "the hub to know the models")
    requests.post(f"{web_ui.url}quartermaster/jobs/take", json={"on": True}, timeout=60).raise_for_status()


def visited(
    browser: Browser, web_ui: WebUi, theme: str, kind: str, size: tuple[int, int], beat: Callable[[], None]
) -> list[Path]:
    """Take everything in a context of its own."""
    page = browser.new_context(viewport={"width": size[0], "height": size[1]}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/*", only_loopback)
    try:
        return take(Visit(page, web_ui.url), theme, kind, beat)
    finally:
        page.context.close()


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["forge"]))
