"""Pictures of Models and Compatibility: ``python -m quartermaster.tests.browser.hub_page.models_pictures``.

They show a real hub over a made-up fleet, light and dark, wide and as on a telephone.
"""

import subprocess
import tempfile
from pathlib import Path

import requests
from playwright.sync_api import Browser, sync_playwright
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.browser.conftest import FLAGS, only_loopback
from quartermaster.tests.browser.hub_page.conftest import sign_in
from quartermaster.tests.browser.provide import provide
from quartermaster.tests.browser.screenshots import IMAGES, PALETTE
from quartermaster.tests.fakes.web_ui.standin import interpreter
from quartermaster.tests.hub.samples import Api, FakeClock, entry, sha

THEMES = ("light", "dark")
SIZES = {"wide": (1280, 900), "narrow": (360, 740)}
FOLDERS = {"Checkpoint": "Stable-diffusion", "LORA": "Lora", "VAE": "VAE"}
BASES = ("Pony", "SDXL 1.0", "SD 1.5", "Illustrious", "Flux.1 D")
ECOSYSTEMS = {"SDXL 1.0": "SDXL", "SD 1.5": "SD1", "Flux.1 D": "Flux1"}
MOODS = ("velvet", "neon", "paper", "ember", "opal", "zinc", "quiet", "mossy")
THINGS = ("harbor", "fox", "lantern", "ink", "garden", "skyline", "cathedral")
BUSY = ("attic", "cellar", "studio-1", "studio-2", "studio-3", "shed", "loft")


def model(name: str, kind: str, base: str | None, mebibytes: int) -> dict[str, object]:
    """Return an entry whose identification looks as an agent's does."""
    known: dict[str, object] = {}
    if base is not None:
        ecosystem = ECOSYSTEMS.get(base, base)
        family = ["Illustrious", "NoobAI", "Pony", "SDXL"] if ecosystem != "SD1" else ["SD1"]
        layout = {"witness": "layout", "says": f"an adapter of {ecosystem}'s network, 722 pairs", "weight": 0.95}
        trained = {"witness": "metadata", "says": f"ss_base_model_version is {base}", "weight": 0.8}
        known = {
            "ecosystem": ecosystem, "base_model": base, "confidence": 0.95 if "fox" not in name else 0.75,
            "evidence": [{**layout, "proves": family}, {**trained, "claims": [ecosystem]}],
            "metadata": {"modelspec.trigger_phrase": "velvet harbor, night", "ss_epoch": "10",
                         "ss_tag_frequency": {"5_harbor": {"boats": 41, "night": 38, "lanterns": 12}}},
        }  # fmt: skip
    path = f"models/{FOLDERS[kind]}/{name}.safetensors"
    return {**entry(name, type=kind, size=mebibytes << 20, **known), "path": path}


def fill(hub: Api) -> None:
    """Tell a hub of seven servers with two hundred models."""
    checkpoints = [
        model("juggernaut-xl-v9", "Checkpoint", "SDXL 1.0", 6776),
        model("pony-realism", "Checkpoint", "Pony", 6776),
        model("dreamshaper-8", "Checkpoint", "SD 1.5", 2034),
        model("sdxl-vae", "VAE", "SDXL 1.0", 319),
    ]
    loras = [
        model(
            f"{mood}-{thing}{'' if not again else f'-v{again + 1}'}", "LORA", BASES[number % 5], 40 + 37 * number % 800
        )
        for again in range(3)
        for number, (mood, thing) in enumerate((mood, thing) for mood in MOODS for thing in THINGS)
    ]
    unknown = [model("untitled", "LORA", None, 144)]
    for number, server in enumerate(BUSY):
        hub.synced({"models": [*checkpoints, *loras[:20], *loras[20 + number :: 2], *unknown]}, server)
    hub.synced({"models": [*checkpoints[1:], *loras[1:40]]}, BUSY[6])  # it lost what it had
    body = {"sha256": sha("online"), "type": "LORA", "name": "paper-moon", "civitai_id": "1", "civitai_version_id": "2"}
    hub.post("/api/v1/models/register", body).raise_for_status()
    hub.put(f"/api/v1/models/{sha('neon-fox')}/overrides", {"base_model": "Pony", "note": "seen"}).raise_for_status()
    while hub.hub.indexing.step():
        pass


PAGES = {
    "models": "/models?q=fox",
    "model": f"/models/{sha('velvet-harbor')}",
    "compatibility": f"/compatibility?checkpoint={sha('juggernaut-xl-v9')}",
    "combination": f"/compatibility?checkpoint={sha('juggernaut-xl-v9')}&addon={sha('neon-fox')}",
}


def take(browser: Browser, hub: Api, theme: str, kind: str) -> None:
    """Take every page in one theme and size."""
    width, height = SIZES[kind]
    colours = "dark" if theme == "dark" else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)  # type: ignore[arg-type]
    page = context.new_page()
    page.route("**/*", only_loopback)
    sign_in(page, hub)
    for name, path in PAGES.items():
        page.goto(hub.address + path)
        page.wait_for_load_state()
        page.screenshot(path=IMAGES / f"page-{name}-{theme}-{kind}.png")
    context.close()


def main() -> None:
    """Write all pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningHub(HubSettings(Path(folder))) as running,
        requests.Session() as session,
        sync_playwright() as playwright,
    ):
        hub = Api(running.address, session, {}, running.hub, FakeClock()).with_key("admin")
        fill(hub)
        browser = playwright.chromium.launch(executable_path=provide(), args=FLAGS)
        for theme in THEMES:
            for kind in SIZES:
                take(browser, hub, theme, kind)
        browser.close()
    written = [
        str(IMAGES / f"page-{name}-{theme}-{kind}.png")
        for name in PAGES
        for theme in ("light", "dark")
        for kind in SIZES
    ]
    subprocess.run([str(interpreter("forge")), "-c", PALETTE, *written], check=True)


if __name__ == "__main__":
    main()
