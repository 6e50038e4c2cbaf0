"""Take the pictures of docs/images anew: ``python -m quartermaster.tests.browser.screenshots [forge|a1111]``.

They show the page over made-up answers, light and dark, wide and as on a telephone.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import requests
from playwright.sync_api import Page, expect, sync_playwright
from quartermaster.tests.browser.conftest import FLAGS, PATIENCE_MS, Visit, free_port, only_loopback
from quartermaster.tests.browser.pictures import SVG
from quartermaster.tests.browser.provide import provide
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.fakes.web_ui.standin import WebUi, add_canned, interpreter, lay_out

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDE, NARROW = (1280, 820), (360, 740)
CARDS = ["15-ember-ink", "neon-fox-pony", "opal-garden-xl", "paper-lantern", "velvet-harbor-xl", "zinc-skyline-xl"]


PALETTE = """
import sys
from PIL import Image
for path in sys.argv[1:]:
    with Image.open(path) as image:
        image.convert("RGB").quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)
"""


def models(page: Page) -> None:
    page.get_by_label("Search models").fill("velvet")
    page.get_by_label("Type", exact=True).first.select_option("LORA")
    expect(page.get_by_role("navigation", name="Pages")).not_to_contain_text("of 2,400")
    page.locator(".qm-name", has_text="velvet").nth(2).click()
    expect(page.get_by_label("Details", exact=True)).to_contain_text("SHA-256")
    page.locator(".qm-detail .qm-preview").wait_for()


def compatibility(page: Page) -> None:
    page.locator("#qm-panel-compatibility").get_by_label("Checkpoint", exact=True).select_option("SDXL")
    page.locator(".qm-verdict-list li").first.wait_for()
    page.get_by_label("Search add-ons").fill("0001")
    page.locator("#qm-panel-compatibility .qm-verdict-list").evaluate("node => { node.style.maxHeight = '250px'; }")
    page.get_by_label("Pony LORA on Illustrious: Partial").hover()
    page.evaluate("window.scrollTo(0, 0)")


def fleet(page: Page) -> None:
    page.get_by_role("button", name="cellar").click()
    page.locator(".qm-line").first.wait_for()


def check(page: Page) -> None:
    page.get_by_label("Infotext or prompt").fill(
        "a harbor at dusk <lora:velvet-harbor:0.8>\nSteps: 28, Sampler: Euler a"
    )
    page.get_by_role("button", name="Check", exact=True).click()
    page.locator(".qm-resources").wait_for()


def hub(page: Page) -> None:
    page.get_by_role("button", name="Test the connection").click()
    page.locator(".qm-fine").wait_for()


SCENES = {"Models": models, "Compatibility": compatibility, "Fleet": fleet, "Check": check, "Hub": hub}


def main(host: str) -> None:
    """Write all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = lay_out(Path(folder) / host, host)
        write_model(root / "models" / "Stable-diffusion" / "juggernaut-xl.safetensors")
        for number, name in enumerate(CARDS):
            write_model(root / "models" / "Lora" / f"{name}.safetensors")
            picture = SVG.format(h=40 + number * 55, k=100 + number * 55)
            (root / "models" / "Lora" / f"{name}.preview.svg").write_text(picture, encoding="utf-8")
        add_canned(root)
        web_ui = WebUi(
            root, host, free_port(), environment={"CANNED_MODELS": "2400", "CANNED_ODD_NAME": "film-grain-xl"}
        ).start()
        browser = playwright.chromium.launch(executable_path=provide(), args=FLAGS)
        try:
            for theme in ("light", "dark"):
                for kind, (width, height) in {"wide": WIDE, "narrow": NARROW}.items():
                    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
                    page.set_default_timeout(PATIENCE_MS)
                    page.route("**/*", only_loopback)
                    take(Visit(page, web_ui.url), theme, kind)
                    page.context.close()
        finally:
            browser.close()
            web_ui.stop()
    # A page has few colours: a palette makes its picture a third. The web UI's own Pillow does it.
    subprocess.run([str(interpreter(host)), "-c", PALETTE, *map(str, IMAGES.glob("*.png"))], check=True)


def take(visit: Visit, theme: str, kind: str) -> None:
    """Take each view in one theme and width; the hashing strip stands in the first."""
    page = visit.page
    visit.open(theme)
    for name, prepare in SCENES.items():
        requests.post(f"{visit.url}quartermaster/canned", json={"progress": "hashing" if name == "Models" else "idle",
                                                                "files_done": 1490}, timeout=60)  # fmt: skip
        visit.view(name)
        prepare(page)
        page.locator(".qm-chips .qm-count").wait_for()
        if kind == "narrow":
            page.locator("#quartermaster").scroll_into_view_if_needed()
        page.screenshot(path=IMAGES / f"{name.lower()}-{theme}-{kind}.png")
        if kind == "wide" and name == "Compatibility":
            page.locator("#qm-panel-compatibility .qm-wide").screenshot(path=IMAGES / f"matrix-{theme}-{kind}.png")
    if kind == "wide":
        page.evaluate("window.scrollTo(0, 0)")
        visit.networks()
        page.locator("#txt2img_prompt textarea").fill("a harbor <lora:15-ember-ink:0.8>")
        page.locator("#txt2img_lora_cards .qm-badges").first.wait_for()
        page.locator("#qm-warning-txt2img").wait_for()
        page.screenshot(path=IMAGES / f"cards-{theme}-{kind}.png")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["forge"]))
