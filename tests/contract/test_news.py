"""What is said on the hub reaches the agents that have the model, and does not come back as their own finding."""

import hashlib

from quartermaster.extension.webui.shelf import Shelf
from quartermaster.hub.keys import ADMIN, Caller
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.fakes.model_files import write_model


def test_a_correction_on_the_hub_reaches_every_agent_that_has_the_model(site: Site) -> None:
    content = b""
    folders = {server: site.folder / server for server in ("attic", "cellar")}
    for folder in folders.values():
        content = write_model(folder / "models/Lora/one.safetensors", b"one")
    sha256 = hashlib.sha256(content).hexdigest()
    attic = site.agent("attic", folders["attic"])
    eventually(lambda: in_sync(attic), "the first sync")

    with site.client("admin") as admin:
        admin.override(sha256, base_model="Pony", note="by eye")
    shelf = Shelf()

    def shown(agent, shelf=shelf):
        (item,) = shelf.stock(agent).items
        return item

    eventually(lambda: shown(attic).base_model == "Pony", "the correction")
    assert shown(attic).identity["evidence"][0] == {
        "witness": "hub",
        "says": "hub: corrected by admin of the test",
        "weight": 1.0,
    }
    found = site.hub.hub.registry.get(sha256)["model"]["found"]
    assert found["base_model"] != "Pony", "the hub hears its own echo"

    cellar = site.agent("cellar", folders["cellar"])  # it gets the model long after the correction
    other = Shelf()
    eventually(lambda: len(other.stock(cellar).items) == 1 and shown(cellar, other).base_model == "Pony", "the other")

    person = Caller("", ADMIN, None)
    site.hub.hub.overrides.clear(sha256, person)
    eventually(lambda: shown(attic).base_model != "Pony", "the taking back")
    eventually(lambda: in_sync(attic) and in_sync(cellar), "the last sync")
