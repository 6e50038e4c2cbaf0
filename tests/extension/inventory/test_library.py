"""The library with its clocks, its worker and the disk in the test's hand."""

import os
from collections.abc import Hashable
from pathlib import Path

import pytest
from quartermaster.extension.inventory.errors import FileError
from quartermaster.extension.inventory.hashing import hash_file, sample_file
from quartermaster.extension.inventory.identification import identified
from quartermaster.extension.inventory.index import Facts, Index
from quartermaster.extension.inventory.library import Library, RootTraits
from quartermaster.extension.inventory.pool import Job, Outcome, Urgency
from quartermaster.extension.inventory.record import Record
from quartermaster.extension.inventory.roots import Root
from quartermaster.extension.inventory.scan import scan_root
from quartermaster.tests.fakes.model_files import OLD_NS, settle, write_model


class Worker:
    """Reads what is queued when the test says so, and counts the bytes."""

    def __init__(self) -> None:
        self.jobs: dict[Hashable, Job] = {}
        self.bytes_read = 0

    def submit(self, job: Job) -> None:
        self.jobs[job.key] = job

    def discard(self, key: Hashable) -> None:
        self.jobs.pop(key, None)

    def read(self, job: Job) -> Outcome:
        if job.facts is not None:
            return identified(job.facts, job.path, job.kind)
        try:
            known = job.known.get(sample_file(job.path)) if job.known else None
            if known is not None:
                return known
            hashes = hash_file(job.path, want_tensor_hash=job.want_tensor_hash)
        except FileError as error:
            return error
        self.bytes_read += hashes.bytes_read
        return identified(Facts(hashes.sha256, hashes.tensor_sha256, sample=hashes.sample), job.path, job.kind)


class House:
    """A library over a folder, which a test may shut down and open again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = folder / "models"
        self.models.mkdir(exist_ok=True)
        self.roots = [Root(str(self.models), "models", "LORA")]
        self.traits = RootTraits()
        self.wall_ns = OLD_NS * 2
        self.monotonic = 0.0
        self.open()

    def open(self) -> None:
        self.worker = Worker()
        self.index = Index(self.folder / "index.sqlite")
        self.changed: list[str] = []
        self.library = Library(
            "s", self.index, self.worker, self._changed,
            clock_ns=lambda: self.wall_ns, monotonic=lambda: self.monotonic,
        )  # fmt: skip

    def _changed(self, record: Record) -> None:
        self.changed.append(record.name)

    def restart(self) -> None:
        self.index.close()
        self.open()

    def look(self) -> dict[str, Record]:
        """Scan, read all that is queued, and return what is published."""
        self.scan()
        while self.worker.jobs:
            self.read_one()
        return self.published()

    def scan(self) -> None:
        self.library.set_roots([(root, self.traits) for root in self.roots])
        scans = [(root, scan_root(root.path, excludes=root.excludes)) for root in self.roots]
        for root, result in sorted(scans, key=lambda scan: scan[1].gone is None):
            self.library.apply(root, result)

    def read_one(self) -> None:
        job = self.worker.jobs.pop(next(iter(self.worker.jobs)))
        self.library.read_done(job, self.worker.read(job))

    def published(self) -> dict[str, Record]:
        return {r.relative: r for r in self.library.records() if r.facts is not None}

    def hashes(self) -> dict[str, str]:
        return {relative: record.facts.sha256 for relative, record in self.look().items() if record.facts}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_publishes_what_is_there(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    assert list(house.look()) == ["a.safetensors"]
    record = house.library.find("models/a.safetensors")
    assert record is not None
    entry = record.entry()
    assert entry is not None
    assert (entry.type, entry.hash_state, entry.state) == ("LORA", "verified", "present")
    assert entry.tensor_sha256 is not None


def test_a_rename_and_a_move_between_roots_read_nothing(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    other = house.folder / "other"
    other.mkdir()
    house.roots.append(Root(str(other), "other", "LORA"))
    before = house.hashes()["a.safetensors"]
    read = house.worker.bytes_read
    (house.models / "a.safetensors").rename(house.models / "b.safetensors")
    assert house.hashes() == {"b.safetensors": before}
    (house.models / "b.safetensors").rename(other / "c.safetensors")
    assert house.hashes() == {"c.safetensors": before}
    assert house.worker.bytes_read == read


def test_a_move_while_no_agent_ran_reads_nothing(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    before = house.hashes()["a.safetensors"]
    (house.models / "a.safetensors").rename(house.models / "b.safetensors")
    house.restart()
    assert house.hashes() == {"b.safetensors": before}
    assert house.worker.bytes_read == 0


def test_a_restart_reads_nothing(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    before = house.hashes()
    house.restart()
    assert house.hashes() == before
    assert house.worker.bytes_read == 0


@pytest.mark.parametrize("in_place", [True, False])
def test_a_replacement_of_equal_size_and_mtime_is_noticed(house: House, in_place: bool) -> None:
    path = house.models / "a.safetensors"
    write_model(path, b"A" * 100)
    before = house.hashes()["a.safetensors"]
    if in_place:
        write_model(path, b"B" * 100)
    else:
        write_model(house.models / "new", b"B" * 100)
        (house.models / "new").replace(path)
    assert house.hashes()["a.safetensors"] != before


def test_a_touched_mode_is_checked_by_its_sample_and_stays_published(house: House) -> None:
    path = house.models / "a.safetensors"
    write_model(path)
    before = house.hashes()
    read = house.worker.bytes_read
    path.chmod(0o600)
    path.chmod(0o644)
    assert house.hashes() == before
    assert house.worker.bytes_read == read


def test_a_truncated_file_is_never_published_and_said_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    content = write_model(house.models / "a.safetensors", b"A" * 50)
    house.look()
    (house.models / "a.safetensors").write_bytes(content[:-1])
    settle(house.models / "a.safetensors", OLD_NS + 1)
    assert house.look() == {}
    house.look()
    assert [r.message for r in caplog.records if "promises" in r.message] != []
    assert len([r for r in caplog.records if "promises" in r.message]) == 1
    assert "promises" in house.library.problems()[0].what


def test_a_file_that_was_just_written_waits_for_its_settle_time(house: House) -> None:
    write_model(house.models / "a.safetensors")
    house.wall_ns = OLD_NS + 500_000_000
    assert house.look() == {}
    assert not house.library.settled()
    assert house.library.next_due() == pytest.approx(1.5)
    house.monotonic, house.wall_ns = 1.6, OLD_NS + 2_100_000_000
    assert [record.relative for record in house.library.due()] == ["a.safetensors"]
    assert list(house.look()) == ["a.safetensors"]


def test_an_aria2_download_waits_for_its_end(house: House) -> None:
    write_model(house.models / "a.safetensors")
    control = house.models / "a.safetensors.aria2"
    control.touch()
    assert house.look() == {}
    control.unlink()
    assert list(house.look()) == ["a.safetensors"]


def test_an_empty_file_is_no_model(house: House) -> None:
    (house.models / "a.ckpt").touch()
    settle(house.models / "a.ckpt")
    assert house.look() == {}
    assert house.library.problems()[0].what == "it is empty"


def test_two_links_are_one_model_with_two_paths_read_once(house: House) -> None:
    content = write_model(house.models / "a.safetensors")
    (house.models / "b.safetensors").symlink_to("a.safetensors")
    os.link(house.models / "a.safetensors", house.models / "c.safetensors")
    hashes = house.hashes()
    assert sorted(hashes) == ["a.safetensors", "b.safetensors", "c.safetensors"]
    assert len(set(hashes.values())) == 1
    assert house.worker.bytes_read == len(content)


def test_of_two_links_that_are_read_as_one_the_other_stays_when_the_first_is_replaced(house: House) -> None:
    first, second = house.models / "a.safetensors", house.models / "b.safetensors"
    write_model(first, b"A")
    second.hardlink_to(first)
    house.scan()
    (job,) = house.worker.jobs.values()
    broken = house.folder / "broken"
    broken.write_bytes(b"short")
    broken.replace(job.path)
    house.read_one()
    while house.worker.jobs:
        house.read_one()
    assert list(house.published()) == [({first.name, second.name} - {Path(job.path).name}).pop()]


def test_two_links_whose_names_promise_different_formats_are_held_against_different_rules(house: House) -> None:
    content = write_model(house.models / "a.safetensors")
    (house.models / "a.safetensors").write_bytes(content[:-1])
    settle(house.models / "a.safetensors")
    os.link(house.models / "a.safetensors", house.models / "b.ckpt")
    assert list(house.hashes()) == ["b.ckpt"]


def test_an_inode_number_that_a_new_file_got_is_no_rename(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A" * 100)
    before = house.hashes()["a.safetensors"]
    inode = (house.models / "a.safetensors").stat().st_ino
    # The same inode, size and mtime under another name, and other bytes: all that a reused number can look like.
    (house.models / "a.safetensors").rename(house.models / "b.safetensors")
    write_model(house.models / "b.safetensors", b"B" * 100)
    assert (house.models / "b.safetensors").stat().st_ino == inode
    assert house.hashes()["b.safetensors"] != before


def test_two_files_that_swapped_their_names_swap_their_hashes_and_are_not_read(house: House) -> None:
    write_model(house.models / "x/a.safetensors", b"A")
    write_model(house.models / "y/a.safetensors", b"B")
    before = house.hashes()
    read = house.worker.bytes_read
    (house.models / "x").rename(house.models / "z")
    (house.models / "y").rename(house.models / "x")
    (house.models / "z").rename(house.models / "y")
    after = house.hashes()
    assert after == {"x/a.safetensors": before["y/a.safetensors"], "y/a.safetensors": before["x/a.safetensors"]}
    assert house.worker.bytes_read == read


def test_a_verification_that_meets_an_unmounted_root_takes_nothing_back(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    before = house.hashes()
    (house.models / "a.safetensors").chmod(0o600)
    house.library.apply(house.roots[0], scan_root(str(house.models)))
    house.models.rename(house.folder / "elsewhere")
    assert house.hashes() == before
    assert all(record.stale for record in house.published().values())


def test_a_known_file_is_not_published_while_a_download_of_it_is_under_way(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    before = house.hashes()
    read = house.worker.bytes_read
    control = house.models / "a.safetensors.aria2"
    control.touch()
    assert house.look() == {}
    control.unlink()
    assert house.hashes() == before
    assert house.worker.bytes_read == read


def test_a_root_that_is_gone_is_kept_as_stale_also_after_a_restart(house: House) -> None:
    write_model(house.models / "a.safetensors")
    before = house.hashes()
    house.models.rename(house.folder / "elsewhere")
    assert house.hashes() == before
    assert all(record.stale for record in house.published().values())
    house.restart()
    assert house.hashes() == before
    assert all(record.stale for record in house.published().values())
    (house.folder / "elsewhere").rename(house.models)
    assert house.hashes() == before
    assert not any(record.stale for record in house.published().values())
    assert house.worker.bytes_read == 0


def test_a_linked_folder_that_is_unmounted_is_stale_and_the_rest_present(house: House) -> None:
    write_model(house.folder / "nas/a.safetensors", b"A")
    write_model(house.models / "b.safetensors", b"B")
    (house.models / "nas").symlink_to(house.folder / "nas", target_is_directory=True)
    house.look()
    (house.folder / "nas").rename(house.folder / "unplugged")
    assert {name: record.stale for name, record in house.look().items()} == {
        "nas/a.safetensors": True, "b.safetensors": False,
    }  # fmt: skip


def test_a_deleted_file_is_gone(house: House) -> None:
    write_model(house.models / "a.safetensors")
    house.look()
    (house.models / "a.safetensors").unlink()
    assert house.look() == {}


def test_a_removed_root_takes_its_models_along(house: House) -> None:
    write_model(house.models / "a.safetensors")
    house.look()
    house.changed.clear()
    house.library.set_roots([])
    assert house.library.records() == []
    assert house.changed == ["models/a.safetensors"]


def test_a_root_that_stays_empty_is_held_against_the_index_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most agents have one, for what lies beside the folders with known names; the index has a row per model."""
    lora = Root(str(house.models / "Lora"), "Lora", "LORA")
    house.roots = [lora, Root(str(house.models), "models", None, excludes=("/Lora",))]
    write_model(house.models / "Lora" / "a.safetensors")
    write_model(house.models / "b.safetensors", b"other")
    house.look()
    (house.models / "b.safetensors").unlink()
    house.restart()
    assert list(house.look()) == ["a.safetensors"]
    row = house.index.get(str(house.models / "b.safetensors"))
    assert row is not None and row.gone

    asked: list[str] = []
    below = house.index.below
    monkeypatch.setattr(house.index, "below", lambda folder: asked.append(folder) or below(folder))
    house.look()
    assert not asked
    write_model(house.models / "c.safetensors", b"third")
    assert sorted(house.look()) == ["a.safetensors", "c.safetensors"]


def test_without_stable_inodes_a_sample_decides(house: House) -> None:
    house.traits = RootTraits(stable_inodes=False)
    path = house.models / "a.safetensors"
    content = write_model(path)
    before = house.hashes()
    read = house.worker.bytes_read
    path.unlink()
    write_model(path)
    assert house.hashes() == before
    assert house.worker.bytes_read == read
    path.unlink()
    write_model(path, b"WEIGHTS")
    assert house.hashes() != before
    assert house.worker.bytes_read == read + len(content)


def test_what_comes_while_it_runs_goes_before_the_backlog(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    house.library.set_roots([(house.roots[0], house.traits)])
    house.library.apply(house.roots[0], scan_root(str(house.models)))
    assert [job.urgency for job in house.worker.jobs.values()] == [Urgency.BACKLOG]
    house.library.started()
    write_model(house.models / "b.safetensors", b"B")
    house.library.apply(house.roots[0], scan_root(str(house.models)))
    assert [job.urgency for job in house.worker.jobs.values()] == [Urgency.BACKLOG, Urgency.NEW]


def test_a_file_that_changed_while_it_waited_is_read_in_its_new_state_only(house: House) -> None:
    write_model(house.models / "a.safetensors", b"A")
    house.library.set_roots([(house.roots[0], house.traits)])
    house.library.apply(house.roots[0], scan_root(str(house.models)))
    write_model(house.models / "a.safetensors", b"AA")
    house.library.apply(house.roots[0], scan_root(str(house.models)))
    assert len(house.worker.jobs) == 1
    assert list(house.look()) == ["a.safetensors"]


def test_a_folder_may_be_marked_as_never_to_be_shared(tmp_path: Path) -> None:
    house = House(tmp_path)
    write_model(house.models / "private/a.safetensors", b"A")
    write_model(house.models / "b.safetensors", b"B")
    house.library._never_share = (os.path.join(str(house.models / "private"), ""),)
    assert {name: record.shared for name, record in house.look().items()} == {
        "private/a.safetensors": False, "b.safetensors": True,
    }  # fmt: skip
