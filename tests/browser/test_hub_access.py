"""The hub's own pages in a real browser: the login by link, and what the Content-Security-Policy lets run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from quartermaster.hub.running import RunningHub
from quartermaster.hub.settings import HubSettings


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with RunningHub(HubSettings(tmp_path / "hub")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_person_logs_in_by_the_link_and_tries_a_change_out_in_the_documentation(hub: RunningHub, page: Page) -> None:
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(hub.hub.login_codes.make().link(hub.address) + "&next=/docs")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{hub.address}/docs")
    page.locator("#operations-servers-add_api_v1_servers_post").get_by_role("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.locator("textarea").fill('{"alias": "cellar"}')
    page.get_by_role("button", name="Execute").click()
    status = page.locator(".live-responses-table tbody .response-col_status").first
    expect(status).to_contain_text("201")
    assert [server["alias"] for server in hub.hub.servers.listed()] == ["cellar"]
    assert wrong == []


def test_a_page_on_another_port_of_the_machine_cannot_use_the_session(hub: RunningHub, page: Page) -> None:
    page.goto(hub.hub.login_codes.make().link(hub.address))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{hub.address}/")
    with neighbour() as address:  # the same site to a browser, another origin
        page.goto(address)
        for path, options in (
            ("/api/v1/servers", "{credentials: 'include'}"),
            ("/api/v1/servers", "{credentials: 'include', method: 'POST', body: '{}'}"),
            ("/logout", "{mode: 'no-cors', credentials: 'include', method: 'POST'}"),
        ):
            script = f"fetch('{hub.address}{path}', {options}).then(a => a.status || a.type, e => 'unreadable')"
            assert page.evaluate(script) == "unreadable"
    assert len(hub.hub.sessions.listed()) == 1


@contextmanager
def neighbour() -> Iterator[str]:
    """Run another program of this machine that serves pages, such as a web UI."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Neighbour)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Neighbour(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
