"""A web UI's service and a real hub: pairing, the fleet, and corrections that reach all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from quartermaster.extension.webui.life import Life
from quartermaster.extension.webui.routes import add_routes
from quartermaster.extension.webui.service import Service
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.extension.webui.conftest import Page, WebUI, life, serving, web_ui
from quartermaster.tests.fakes.model_files import write_model

__all__ = ["life", "web_ui"]


@pytest.fixture
def page(web_ui: WebUI, life: Life) -> Iterator[Page]:
    write_model(web_ui.folder / "models" / "Lora" / "here.safetensors", b"here")
    write_model(web_ui.folder / "models" / "Lora" / "both.safetensors", b"both")
    app = FastAPI()
    add_routes(app, life.host, Service(life).routes())
    life.start()
    with serving(app) as client:
        page = Page(client, life)
        page.ready()
        yield page


def pair(page: Page, site: Site, server: str) -> None:
    code = site.hub.hub.pairing.make(server).code
    page.post("hub/pair", address=site.hub.address, code=code)
    eventually(lambda: page.get("status")["hub"]["in_sync"], "the first sync")


def test_a_code_pairs_once_and_the_fleet_is_there(page: Page, site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_model(other / "models" / "Lora" / "both-renamed.safetensors", b"both")
    write_model(other / "models" / "Lora" / "there.safetensors", b"there")
    agent = site.agent("cellar", other)
    eventually(lambda: in_sync(agent), "the other server")
    code = site.hub.hub.pairing.make("attic").code
    paired = page.post("hub/pair", address=site.hub.address.removeprefix("http://"), code=code)
    assert paired["server_id"] == "attic"
    eventually(lambda: page.get("status")["hub"]["in_sync"], "the first sync")
    again = page.client.post("/quartermaster/hub/pair", json={"address": site.hub.address, "code": code})
    assert (again.status_code, again.json()["error"]) == (502, "pairing_code_invalid")

    fleet = page.get("fleet")
    assert {server["server_id"]: server["models"] for server in fleet["servers"]} == {"attic": 2, "cellar": 2}
    assert (fleet["only_here"], fleet["missing_here"]) == (1, 1)
    assert [m["name"] for m in page.get("fleet/models", only="missing")["models"]] == ["there"]
    assert page.get("fleet/models", server="cellar")["total"] == 2
    model = page.get("model", path="models/Lora/both.safetensors")["model"]
    assert [server["server_id"] for server in model["elsewhere"]["servers"]] == ["cellar"]
    cards = eventually(lambda: page.get("cards")["cards"], "the cards")
    assert sorted(card["elsewhere"] for card in cards.values()) == [[], ["cellar"]]
    assert page.post("hub/test")["ok"]


def test_a_correction_reaches_the_hub_holds_there_and_is_taken_back(page: Page, site: Site) -> None:
    pair(page, site, "attic")
    sha256 = page.get("model", path="models/Lora/here.safetensors")["model"]["sha256"]
    page.post("correct", sha256=[sha256], base_model="Pony")
    client = site.client("admin")
    eventually(lambda: client.override_of(sha256), "the correction")
    assert client.model(sha256)["model"]["base_model"] == "Pony"
    page.post("correct", sha256=[sha256], clear=True)
    eventually(lambda: client.override_of(sha256) is None, "its end")


def test_a_hub_that_goes_away_takes_nothing_along(page: Page, site: Site) -> None:
    pair(page, site, "attic")
    site.hub.stop()
    assert page.get("models")["total"] == 2
    assert page.get("model", path="models/Lora/here.safetensors")["model"]["elsewhere_error"]
    page.post("sync")
    eventually(lambda: page.get("status")["hub"]["error"], "the word about the hub")
    assert page.client.get("/quartermaster/fleet").status_code == 502
    page.post("hub/unpair")
    eventually(lambda: not page.get("status")["hub"]["paired"], "the end of the pairing")
    assert page.ready()["models"] == 2
