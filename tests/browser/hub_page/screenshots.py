"""Take the pictures of the hub's page anew: ``python -m quartermaster.tests.browser.hub_page.screenshots``.

They show a real hub with a made-up fleet, light and dark, wide and as on a telephone.
"""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Page, sync_playwright
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.browser.conftest import FLAGS, PATIENCE_MS, only_loopback
from quartermaster.tests.browser.hub_page.conftest import PHONE, WIDE, sign_in
from quartermaster.tests.browser.hub_page.fleet import fill
from quartermaster.tests.browser.provide import provide
from quartermaster.tests.browser.screenshots import IMAGES, PALETTE
from quartermaster.tests.fakes.web_ui.standin import interpreter
from quartermaster.tests.hub.samples import Api, FakeClock


def nothing(_page: Page) -> None:
    """The page is ready as it is."""


def pairing(page: Page) -> None:
    page.get_by_role("button", name="Make a pairing code").click()
    page.locator("#code").wait_for()


SCENES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "fleet": ("/", nothing),
    "server": ("/servers/cellar", nothing),
    "activity": ("/activity", nothing),
    "keys": ("/keys", nothing),
    "pairing": ("/keys/pair?server=attic", pairing),
    "settings": ("/settings", nothing),
}
"""Name of the picture -> the page, and what is done there first."""


def main() -> None:
    """Write all pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        requests.Session() as session,
        RunningHub(HubSettings(Path(folder) / "hub")) as running,
        sync_playwright() as playwright,
    ):
        api = Api(running.address, session, {}, running.hub, FakeClock()).with_key("admin")
        fill(api)
        for name, server in (("attic, paired", "attic"), ("cellar, paired", "cellar")):
            running.hub.keys.create(name, "agent", server)
        running.hub.keys.create("StableQueue on nas", "client")
        browser = playwright.chromium.launch(executable_path=provide(), args=FLAGS)
        for theme in ("light", "dark"):
            for kind, size in {"wide": WIDE, "phone": PHONE}.items():
                take(browser, api, theme, kind, size)
        browser.close()
    subprocess.run([str(interpreter("forge")), "-c", PALETTE, *map(str, IMAGES.glob("page-*.png"))], check=True)


def take(browser: Browser, api: Api, theme: Any, kind: str, size: tuple[int, int]) -> None:
    """Take each scene in one theme and width."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/*", only_loopback)
    sign_in(page, api)
    for name, (path, prepare) in SCENES.items():
        page.goto(api.address + path)
        prepare(page)
        page.screenshot(path=IMAGES / f"page-{name}-{theme}-{kind}.png")
    context.close()


if __name__ == "__main__":
    main()
