"""What the hub's page shows of a server comes from a real agent."""

from pathlib import Path

from quartermaster._version import VERSION
from quartermaster.tests.contract.conftest import Site, eventually
from quartermaster.tests.fakes.model_files import write_model


def test_an_agent_tells_its_disks_its_folders_and_its_progress(site: Site, tmp_path: Path) -> None:
    models = tmp_path / "web-ui" / "models"
    write_model(models / "Lora" / "fox.safetensors")
    site.agent("attic", models.parent)
    fleet = site.hub.hub.fleet
    eventually(lambda: fleet.server("attic").agent.disks and fleet.server("attic").agent.hashing == 0, "a description")
    told = fleet.server("attic").agent
    assert told.version == VERSION and told.problems == 0
    assert told.disks[0].total_bytes > 0 and told.disks[0].roots
    assert {label for disk in told.disks for label in disk.roots} <= {root.label for root in told.roots}
    assert str(tmp_path) not in repr(told)
