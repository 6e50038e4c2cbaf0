"""A real browser before a real hub, on both databases, with inventories that came over its own sync route."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.browser.conftest import PATIENCE_MS, only_loopback
from quartermaster.tests.hub.conftest import database_url, postgres, postgres_programs, postgres_schemas, settings
from quartermaster.tests.hub.samples import Api, FakeClock

__all__ = [
    "database_url",
    "postgres",
    "postgres_programs",
    "postgres_schemas",
    "settings",
]  # fixtures: every test here runs on SQLite and on PostgreSQL

WIDE, PHONE = (1280, 860), (360, 740)
NOISE = ("error", "warning")  # where a browser tells of what a Content-Security-Policy kept from running


@pytest.fixture
def hub(settings: HubSettings) -> Iterator[Api]:
    """A running hub, its clock the real one, seen by an admin's key."""
    with RunningHub(settings) as running, requests.Session() as session:
        yield Api(running.address, session, {}, running.hub, FakeClock()).with_key("admin")


@dataclass
class Look:
    """One person's look at the hub's page; what the browser complained about is collected."""

    page: Page
    hub: Api
    complaints: list[str] = field(default_factory=list)

    def at(self, path: str) -> "Look":
        """Go to a page of the hub."""
        self.page.goto(self.hub.address + path)
        return self

    def fits(self) -> None:
        """The page does not scroll sideways."""
        self.page.wait_for_load_state("load")  # before that the style may be missing
        over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{self.page.url} is {over} px too wide"


Looking = Callable[..., Look]


@pytest.fixture
def look(browser: Browser, hub: Api) -> Iterator[Looking]:
    """Return what opens a browser for somebody who is signed in. At the end none may have complained or been hacked."""
    looks: list[Look] = []

    def open_page(size: tuple[int, int] = WIDE, *, scripts: bool = True, scope: str = "admin", **more: Any) -> Look:
        viewport: Any = {"width": size[0], "height": size[1]}
        page = browser.new_context(viewport=viewport, java_script_enabled=scripts, **more).new_page()
        sign_in(page, hub, scope)
        page.set_default_timeout(PATIENCE_MS)
        page.route("**/*", only_loopback)
        opened = Look(page, hub)
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        page.on("console", lambda said: opened.complaints.append(said.text) if said.type in NOISE else None)
        looks.append(opened)
        return opened

    yield open_page
    for one in looks:
        hacked = one.page.evaluate("window.hacked") if one.page.url != "about:blank" else None
        one.page.context.close()
        assert hacked is None
        assert not one.complaints


def sign_in(page: Page, hub: Api, scope: str = "admin") -> None:
    """Log a browser in with a key of this scope, as a person does."""
    headers = hub.with_key(scope).headers
    page.goto(f"{hub.address}/login")
    page.get_by_label("API key").fill(headers["X-API-Key"])
    page.get_by_label("Secret").fill(headers["X-API-Secret"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{hub.address}/")
