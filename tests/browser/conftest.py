"""A real browser before a stand-in web UI that runs with each host's real gradio."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from quartermaster.tests.browser.provide import provide
from quartermaster.tests.fakes.model_files import write_model
from quartermaster.tests.fakes.web_ui.standin import HOSTS, WebUi, add_canned, add_product, lay_out

PATIENCE_MS = 60_000
FLAGS = [f"--{name}" for name in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run")]
FLAGS += [f"--disable-{name}" for name in ("background-networking", "component-update", "sync")]
HOSTILE = "<img src=x onerror=window.hacked=1>"
LORAS = ["pony-fox", "xl-harbor", "15-ink", "mystery", HOSTILE, 'it"s xl']
CHECKPOINTS = ["pony-realism.safetensors", "sdxl-base.safetensors", "v15-dream.safetensors"]
AT_START = {"agent": "running", "message": None, "progress": "idle", "paired": True, "hub_error": None}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=provide(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session", params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """The web UI whose gradio and ways the stand-in has."""
    return str(request.param)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture(scope="session")
def canned(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """A web UI with our page and made-up answers of 20,000 models, which can be driven into every state."""
    root = lay_out(tmp_path_factory.mktemp("canned") / host, host)
    for name in CHECKPOINTS:
        write_model(root / "models" / "Stable-diffusion" / name)
    for name in LORAS:
        write_model(root / "models" / "Lora" / f"{name}.safetensors")
    for name in ("xl-bad", "15-neg"):
        write_model(root / "embeddings" / f"{name}.safetensors")
    add_canned(root)
    web_ui = WebUi(root, host, free_port(), environment={"CANNED_MODELS": "20000"}).start()
    yield web_ui
    web_ui.stop()


@pytest.fixture(scope="session")
def product(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """A web UI with the extension itself, over real model files, paired with no hub."""
    root = lay_out(tmp_path_factory.mktemp("product") / host, host)
    made_for = {"sdxl": "sdxl_base_v1-0", "sd15": "sd_v1"}
    for name, architecture in {"base-xl": "stable-diffusion-xl-v1-base", "dream-15": "stable-diffusion-v1"}.items():
        path = root / "models" / "Stable-diffusion" / f"{name}.safetensors"
        write_model(path, name.encode(), metadata={"modelspec.architecture": architecture})
    for name, family in {"velvet-harbor": "sdxl", "old-ink": "sd15", HOSTILE: "sdxl", 'it"s here': "sdxl"}.items():
        path = root / "models" / "Lora" / f"{name}.safetensors"
        write_model(path, name.encode(), metadata={"ss_base_model_version": made_for[family]})
    for name in ("mystery", "nameless"):
        write_model(root / "models" / "Lora" / "sub" / f"{name}.safetensors", name.encode())
    add_product(root)
    web_ui = WebUi(root, host, free_port()).start()
    yield web_ui
    web_ui.stop()


@dataclass
class Visit:
    """One person at the page; what the page complained about is collected."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, theme: str = "light") -> "Visit":
        """Load the web UI and wait for it to be usable."""
        self.page.goto(f"{self.url}?__theme={theme}", timeout=PATIENCE_MS)
        self.ready()
        return self

    def ready(self) -> None:
        expect(self.page.locator("#txt2img_prompt textarea")).to_be_visible()
        expect(self.page.locator("#quicksettings input").first).not_to_have_value("")

    def tab(self, name: str = "Quartermaster") -> None:
        """Choose a tab of the web UI."""
        self.page.locator("#tabs > .tab-nav > button", has_text=name).first.click()
        if name == "Quartermaster":
            expect(self.page.locator("#quartermaster .qm-tabs")).to_be_visible()

    def view(self, name: str) -> None:
        """Choose one of our sub-tabs, as a person does."""
        self.tab()
        self.page.get_by_role("tab", name=name, exact=True).click()
        expect(self.page.locator(f"#qm-panel-{name.lower()}")).to_be_visible()

    def networks(self, page_name: str = "Lora") -> None:
        """Choose a page of extra networks on txt2img."""
        self.tab("txt2img")
        self.page.locator("#txt2img_extra_tabs > .tab-nav > button", has_text=page_name).click()

    def checkpoint(self, name: str) -> None:
        """Choose a checkpoint at the top; gradio shuts a list that was opened while its own events still arrive."""
        chooser = self.page.locator("#quicksettings input").first
        for _ in range(10):
            chooser.blur()
            chooser.click()
            try:
                self.page.locator("#quicksettings ul.options li", has_text=name).first.dispatch_event(
                    "mousedown", timeout=PATIENCE_MS / 10
                )
                expect(chooser).to_have_value(name, timeout=PATIENCE_MS / 10)
                return
            except (AssertionError, PlaywrightTimeoutError):
                continue
        raise AssertionError(f"the list of checkpoints never stayed open for {name}")

    def post(self, path: str, **body: Any) -> None:
        requests.post(f"{self.url}quartermaster/{path}", json=body, timeout=60).raise_for_status()

    def asked(self) -> list[str]:
        """Return what the page asked since the last time."""
        answer = requests.get(f"{self.url}quartermaster/canned", timeout=60).json()
        return [one for one in answer["asked"] if "canned" not in one]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Return what opens a page, of a width, at an address. At the end no page may have complained or been hacked."""
    visits: list[Visit] = []

    def open_page(url: str, width: int = 1280, height: int = 900) -> Visit:
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.route("**/*", only_loopback)
        visit = Visit(page, url)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("console", lambda said: visit.complaints.append(said.text) if "running callback" in said.text else None)
        visits.append(visit)
        return visit

    yield open_page
    for visit in visits:
        hacked = visit.page.evaluate("window.hacked")
        visit.page.context.close()
        assert hacked is None
        assert not visit.complaints


def only_loopback(route: Route) -> None:
    """Let nothing out: gradio's page asks for fonts and scripts of others."""
    local = route.request.url.startswith(("http://127.0.0.1", "data:", "blob:"))
    route.continue_() if local else route.abort()


@pytest.fixture
def at(canned: WebUi, visit: Callable[..., Visit]) -> Visit:
    """The page with made-up answers, opened."""
    opened = visit(canned.url)
    opened.post("canned", **AT_START)
    return opened.open()


@pytest.fixture
def some_image(tmp_path: Path) -> Path:
    """A picture as a browser sends it; what is in it is for the answers to say."""
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    return path
