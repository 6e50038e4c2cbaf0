"""Which files fill a requirement: the real library over real files, looked at as a job does."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from quartermaster.extension.agent import Agent
from quartermaster.extension.config import AgentConfig
from quartermaster.extension.inventory.control import HashControl
from quartermaster.extension.inventory.errors import HashingCancelledError
from quartermaster.extension.inventory.index import Facts
from quartermaster.extension.jobs.faults import HandedBackError
from quartermaster.extension.jobs.finding import Finder, Held
from quartermaster.hub_client import NeededModel
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.fakes.model_files import settle, write_model

Start = Callable[[], Agent]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = []

    def start() -> Agent:
        agent = Agent(AgentConfig("attic", models=str(tmp_path / "m"), home=tmp_path / "home", settle_seconds=0.2))
        started.append(agent)
        agent.start()
        eventually(lambda: agent.quiet().done, "the inventory")
        return agent

    yield start
    for agent in started:
        agent.stop()


def need(content: bytes, role: str = "lora", **more: object) -> NeededModel:
    return NeededModel(0, role, "x", (hashlib.sha256(content).hexdigest(),), **more)  # type: ignore[arg-type]


def test_a_file_that_is_gone_replaced_or_touched_is_noticed_before_the_library_does(
    start: Start, tmp_path: Path
) -> None:
    lora = tmp_path / "m/models/Lora/SDXL/x.safetensors"
    content = write_model(lora, b"one")
    eventually(lambda: lora.stat().st_ctime < time.time() - 0.1, "a file that is not new any more")
    agent = start()
    finder = Finder(agent.library)
    [held] = finder.find([need(content)])
    assert (held.files[0].stem, held.files[0].proven) == ("x", True)
    chosen = [held.files[0]]
    assert finder.still(chosen)
    lora.rename(lora.with_suffix(".aside"))
    assert not finder.still(chosen)
    lora.with_suffix(".aside").rename(lora)
    assert not finder.still(chosen), "it is there again, but in between something else could have been"

    with agent.library.frozen():  # the library notices nothing meanwhile
        os.chmod(lora, 0o600)  # only the inode's change time moves: the bytes have to be read
        [touched] = finder.find([need(content)])
        assert not touched.files[0].proven
        lora.write_bytes(content[:-3] + b"two")
        settle(lora, touched_ns := lora.stat().st_mtime_ns)
        assert touched_ns and not finder.still(chosen)
        with pytest.raises(HandedBackError) as gone:
            finder.find([need(content)])
        assert (gone.value.code, gone.value.missing) == ("model_gone", need(content).sha256)
        with pytest.raises(HandedBackError, match="another file than it was"):
            finder.prove(touched.files, HashControl())
        lora.unlink()
        with pytest.raises(HandedBackError, match="does not have 'x' any more"):
            finder.find([need(content)])


def test_a_claim_is_proven_by_reading_it_and_a_wrong_one_is_not_believed(start: Start, tmp_path: Path) -> None:
    right = write_model(tmp_path / "m/models/Lora/right.safetensors", b"right")
    write_model(tmp_path / "m/models/Lora/wrong.safetensors", b"wrong")
    agent = start()
    agent.pool.stop()  # nobody else verifies
    library, claimed = agent.library, hashlib.sha256(b"what a sidecar says").hexdigest()
    for name, sha256 in (("right", hashlib.sha256(right).hexdigest()), ("wrong", claimed)):
        record = next(r for r in library.records() if r.relative == f"{name}.safetensors")
        library._know(record, Facts(sha256, hash_state="claimed", source="sidecar"))
    finder = Finder(library)
    [held] = finder.find([need(right)])
    assert not held.files[0].proven
    cancelled = HashControl()
    cancelled.cancel()
    with pytest.raises(HashingCancelledError):
        finder.prove(held.files, cancelled)
    finder.prove(held.files, HashControl())
    [held] = finder.find([need(right)])
    assert held.files[0].proven
    [liar] = finder.find([NeededModel(0, "lora", "x", (claimed,))])
    with pytest.raises(HandedBackError) as refused:
        finder.prove(liar.files, HashControl())
    assert (refused.value.code, refused.value.missing) == ("model_gone", (claimed,))


def test_names_that_two_files_share_are_known_and_copies_are_none(start: Start, tmp_path: Path) -> None:
    one = write_model(tmp_path / "m/models/Lora/SD15/detail.safetensors", b"one")
    write_model(tmp_path / "m/models/Lora/copy/detail.safetensors", b"one")
    agent = start()
    finder = Finder(agent.library)

    def found() -> Held:
        return finder.find([need(one)])[0]

    assert [file.rivals for file in found().files] == [(), ()]
    write_model(tmp_path / "m/models/Lora/SDXL/Detail.safetensors", b"two")
    write_model(tmp_path / "m/models/VAE/detail.safetensors", b"three")  # a prompt cannot mean it
    agent.looker.rescan()
    eventually(lambda: len(agent.library.records()) == 4 and agent.quiet().done, "the new files")
    assert {file.rivals for file in found().files} == {("SDXL/Detail.safetensors",)}
