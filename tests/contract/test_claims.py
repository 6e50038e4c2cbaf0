"""A library that a web UI and other tools have hashed already: complete on the hub before a byte of it was read."""

import hashlib
import json
from pathlib import Path

from quartermaster.hub_client import HubClient
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.contract.test_spine import status
from quartermaster.tests.fakes.hash_stores import entry, write_store
from quartermaster.tests.fakes.model_files import settle, write_model

SLOWEST = 0.001
"""MiB per second: at this rate nothing of these files is read while the test runs."""


def web_ui(folder: Path) -> tuple[Path, dict[str, str]]:
    """Lay out a web UI with a checkpoint in its cache and a LoRA with a sidecar; return it and their true hashes."""
    ui = folder / "webui"
    checkpoint = ui / "models/Stable-diffusion/sub/big.safetensors"
    lora = ui / "models/Lora/style.safetensors"
    contents = {path: write_model(path, bytes([n]) * 300_000) for n, path in enumerate((checkpoint, lora))}
    hashes = {path.stem: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    key = "checkpoint/sub/big.safetensors"
    write_store(ui / "cache/hashes", {key: entry(checkpoint.stat().st_mtime, hashes["big"])})
    sidecar = {"sha256": hashes["style"], "size": len(contents[lora]), "base_model": "Pony"}
    (lora.parent / "style.metadata.json").write_text(json.dumps(sidecar))
    return ui, hashes


def hash_state(client: HubClient, sha256: str) -> str | None:
    servers = client.availability(sha256).servers
    return servers[0].hash_state if servers else None


def test_what_a_web_ui_has_hashed_is_there_at_once_as_claimed_and_verified_later(site: Site) -> None:
    ui, hashes = web_ui(site.folder)
    agent = site.agent("attic", ui, mib_per_second=SLOWEST)
    client = site.client()
    for sha256 in hashes.values():
        eventually(lambda sha256=sha256: status(client, sha256) == "available", "the claim")
        assert hash_state(client, sha256) == "claimed"
    assert agent.status()["claimed"] == 2
    agent.control.set_rate(None)
    for sha256 in hashes.values():
        eventually(lambda sha256=sha256: hash_state(client, sha256) == "verified", "the verification")


def test_a_claim_that_turns_out_wrong_is_replaced_and_reported(site: Site) -> None:
    ui, hashes = web_ui(site.folder)
    lora = ui / "models/Lora/style.safetensors"
    content = write_model(lora, b"\xff" * 300_000)
    settle(lora)
    true = hashlib.sha256(content).hexdigest()
    agent = site.agent("attic", ui, mib_per_second=SLOWEST)
    client = site.client()
    eventually(lambda: status(client, hashes["style"]) == "available", "the wrong claim")
    agent.control.set_rate(None)
    eventually(lambda: status(client, true) == "available" and in_sync(agent), "the truth")
    assert hash_state(client, true) == "verified"
    assert status(client, hashes["style"]) == "unknown", "a hash that was never true is forgotten"
    assert agent.status()["wrong_claims"] == 1


def test_two_agents_on_one_machine_read_a_file_once(site: Site) -> None:
    write_model(site.folder / "models/Lora/a.safetensors")
    first = site.agent("forge", site.folder, home=site.folder / "home")
    eventually(lambda: in_sync(first), "the first agent")
    assert first.status()["bytes_read"] > 0
    second = site.agent("comfy", site.folder, home=site.folder / "home")
    eventually(lambda: in_sync(second), "the second agent")
    assert second.status()["bytes_read"] == 0
