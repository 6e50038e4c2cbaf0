"""From a folder of models to an answer from the hub, over real files and real sockets."""

import hashlib
import os
import threading
from typing import Any

import pytest
from quartermaster.extension import looker
from quartermaster.extension.sync import Syncer
from quartermaster.hub_client import Changes, ForbiddenError, FullList, HubClient, ModelEntry, NotFoundError
from quartermaster.tests.contract.conftest import Site, eventually, in_sync
from quartermaster.tests.fakes.model_files import write_model

COUNT = 2000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def status(client: HubClient, hash_: str) -> str:
    try:
        return client.availability(hash_).status
    except NotFoundError:
        return "unknown"


def test_two_thousand_models_are_listed_found_and_followed(site: Site) -> None:
    models = site.folder / "web ui"
    contents = {f"l{n:04}": write_model(models / f"models/Lora/l{n:04}.safetensors", b"%d" % n) for n in range(COUNT)}
    (models / "models/Stable-diffusion").mkdir()
    agent = site.agent("attic", models)
    client = site.client()
    eventually(lambda: in_sync(agent), "the first sync")

    listed = {model["sha256"] for model in client.models()}
    assert listed == {sha256(content) for content in contents.values()}
    read = agent.status()["bytes_read"]
    assert read == sum(map(len, contents.values()))

    for name in ("l0000", "l0815", "l1999"):
        content = contents[name]
        header = 8 + int.from_bytes(content[:8], "little")
        full, tensor = sha256(content), sha256(content[header:])
        for form in (full, full[:10].upper(), full[:12], tensor[:12], tensor[:12].upper()):
            answer = client.availability(form)
            assert (answer.status, answer.servers[0].server_id) == ("available", "attic"), form
            assert answer.servers[0].paths == (f"models/Lora/{name}.safetensors",)

    lora = models / "models/Lora"
    added = write_model(lora / "added.safetensors", b"new", settled=False)
    eventually(lambda: status(client, sha256(added)) == "available", "the added file")

    read = agent.status()["bytes_read"]
    (lora / "l0001.safetensors").rename(models / "models/Stable-diffusion/renamed.safetensors")
    moved = sha256(contents["l0001"])
    eventually(
        lambda: (
            [s.paths for s in client.availability(moved).servers] == [("models/Stable-diffusion/renamed.safetensors",)]
        ),
        "the rename",
    )
    assert agent.status()["bytes_read"] == read, "a rename reads nothing again"

    replaced = write_model(lora / "l0002.safetensors", b"X", settled=False)
    eventually(lambda: status(client, sha256(replaced)) == "available", "the replacement")
    assert status(client, sha256(contents["l0002"])) == "unavailable"

    whole = contents["l0003"]
    (lora / "l0003.safetensors").write_bytes(whole[:-1])
    (lora / "l0004.safetensors").unlink()
    for name in ("l0003", "l0004"):
        eventually(lambda name=name: status(client, sha256(contents[name])) == "unavailable", name)
    eventually(lambda: in_sync(agent), "the last sync")
    assert status(client, sha256(whole[:-1])) == "unknown", "a truncated file is never published"
    assert any("l0003" in problem.path for problem in agent.library.problems())


def test_a_key_may_not_write_another_servers_inventory(site: Site) -> None:
    entry = ModelEntry("models/a.safetensors", "LORA", 1, sha256(b"a"))
    with pytest.raises(ForbiddenError):
        site.client("agent", "attic").push_full("cellar", FullList([entry]))
    with pytest.raises(ForbiddenError):
        site.client("client").push_full("attic", FullList([entry]))
    assert list(site.client().models()) == []


def test_two_servers_with_one_model_are_one_answer(site: Site) -> None:
    content = write_model(site.folder / "a/loras/x.safetensors")
    write_model(site.folder / "b/loras/renamed.safetensors")
    for server in ("a", "b"):
        agent = site.agent(server, site.folder / server)
        eventually(lambda agent=agent: in_sync(agent), server)
    answer = site.client().availability(sha256(content))
    assert {(s.server_id, s.state) for s in answer.servers} == {("a", "present"), ("b", "present")}


def test_a_restarted_agent_reads_nothing_and_the_hub_has_it_at_once(site: Site) -> None:
    for n in range(20):
        write_model(site.folder / f"m/loras/{n}.safetensors", b"%d" % n)
    agent = site.agent("attic", site.folder / "m")
    eventually(lambda: in_sync(agent), "the first sync")
    site.stop(agent)
    again = site.agent("attic", site.folder / "m")
    eventually(lambda: in_sync(again), "the second sync")
    assert again.status()["bytes_read"] == 0


def test_a_root_that_goes_away_is_stale_not_removed(site: Site) -> None:
    content = write_model(site.folder / "m/models/Lora/x.safetensors")
    agent = site.agent("attic", site.folder / "m")
    client = site.client()
    eventually(lambda: status(client, sha256(content)) == "available", "the sync")
    os.rename(site.folder / "m/models/Lora", site.folder / "unmounted")
    agent.looker.rescan()
    eventually(lambda: status(client, sha256(content)) == "stale", "the stale root")
    os.rename(site.folder / "unmounted", site.folder / "m/models/Lora")
    eventually(lambda: status(client, sha256(content)) == "available", "the return")


def test_a_restart_takes_nothing_from_the_hub(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    models = site.folder / "models"
    for number in range(5):
        write_model(models / f"{number}.safetensors", str(number).encode())
    agent = site.agent("attic", models)
    eventually(lambda: in_sync(agent), "the first sync")
    site.stop(agent)
    real, slow = looker.scan_root, threading.Event()

    def scan_slowly(*given: Any, **named: Any) -> Any:
        slow.wait(1.0)  # a NAS takes minutes
        return real(*given, **named)

    monkeypatch.setattr(looker, "scan_root", scan_slowly)
    changes: list[Changes] = []
    noted = Syncer._noted

    def note(self: Syncer, answer: Any) -> None:
        changes.append(answer.changed)
        noted(self, answer)

    monkeypatch.setattr(Syncer, "_noted", note)
    again = site.agent("attic", models)
    eventually(lambda: in_sync(again), "the sync after the restart")
    assert changes
    assert not any(change.removed for change in changes)
