import errno
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.inventory import native_watches
from quartermaster.extension.inventory import watcher as module
from quartermaster.extension.inventory.mounts import Mount, read_mounts
from quartermaster.extension.inventory.roots import Root
from quartermaster.extension.inventory.watch_method import Choice
from quartermaster.extension.inventory.watch_survey import choices_for
from quartermaster.extension.inventory.watcher import Watcher

NATIVE = Choice("native", "the test says so", None, "ext4", True, False)
POLLING = replace(NATIVE, method="polling")
PATIENCE_SECONDS = 30


class Changes:
    """What a watcher reported, with a way to wait for it."""

    def __init__(self) -> None:
        self.seen: list[tuple[Root, frozenset[str] | None]] = []
        self._arrived = threading.Condition()

    def __call__(self, root: Root, paths: frozenset[str] | None) -> None:
        with self._arrived:
            self.seen.append((root, paths))
            self._arrived.notify_all()

    def forget(self) -> None:
        with self._arrived:
            self.seen.clear()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._arrived:
            assert self._arrived.wait_for(condition, PATIENCE_SECONDS), self.seen

    def wait_for(self, root: Root, path: Path) -> None:
        """Wait until it was said to look at this file, a folder around it, or the whole root."""
        around = {str(path), *map(str, path.parents)} - set(map(str, Path(root.path).parents))
        self.wait(lambda: any(r == root and (paths is None or paths & around) for r, paths in self.seen))

    def wait_for_rescan(self, root: Root) -> None:
        self.wait(lambda: (root, None) in self.seen)


@pytest.fixture
def changes() -> Changes:
    return Changes()


def a_root(path: Path, *, excludes: tuple[str, ...] = ()) -> Root:
    path.mkdir(parents=True, exist_ok=True)
    return Root(str(path), path.name, None, excludes=excludes)


def native(*roots: Root) -> dict[str, Choice]:
    return {root.path: NATIVE for root in roots}


def watch(changes: Changes, *roots: Root) -> Watcher:
    return Watcher(roots, changes, choices=native(*roots), check_seconds=0.2)


def test_files_added_changed_renamed_and_deleted_are_noticed(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    file, other = tmp_path / "models" / "a.pt", tmp_path / "models" / "b.pt"
    with watch(changes, root):
        file.write_bytes(b"1")
        changes.wait_for(root, file)
        changes.forget()
        with file.open("ab") as stream:
            stream.write(b"2")
        changes.wait_for(root, file)
        changes.forget()
        file.rename(other)
        changes.wait_for(root, other)
        changes.forget()
        os.truncate(other, 1)
        changes.wait_for(root, other)
        changes.forget()
        other.unlink()
        changes.wait_for(root, other)


def test_a_change_of_times_alone_is_noticed(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    file = tmp_path / "models" / "a.pt"
    file.write_bytes(b"1")
    with watch(changes, root):
        os.utime(file, ns=(1, 1))
        changes.wait_for(root, file)


def test_reading_a_file_is_no_change(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    file = tmp_path / "models" / "a.pt"
    file.write_bytes(b"1")
    with watch(changes, root):
        file.read_bytes()
        (tmp_path / "models" / "marker").touch()
        changes.wait_for(root, tmp_path / "models" / "marker")
    assert not any(paths is None or str(file) in paths for _, paths in changes.seen)


def test_a_folder_filled_in_a_hurry_is_looked_at(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    deep = tmp_path / "models" / "a" / "b" / "c"
    with watch(changes, root):
        deep.mkdir(parents=True)
        (deep / "x.pt").write_bytes(b"1")
        changes.wait_for(root, deep / "x.pt")
        changes.forget()
        (deep / "y.pt").write_bytes(b"1")
        changes.wait_for(root, deep / "y.pt")


def test_folders_moved_in_within_and_out_are_noticed(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    outside, inside = tmp_path / "new", tmp_path / "models" / "new"
    outside.mkdir()
    (outside / "x.pt").write_bytes(b"1")
    with watch(changes, root):
        outside.rename(inside)
        changes.wait_for(root, inside)
        changes.forget()
        (inside / "y.pt").write_bytes(b"1")
        changes.wait_for(root, inside / "y.pt")
        changes.forget()
        inside.rename(tmp_path / "models" / "renamed")
        changes.wait_for(root, tmp_path / "models" / "renamed")
        changes.forget()
        (tmp_path / "models" / "renamed" / "z.pt").write_bytes(b"1")
        changes.wait_for(root, tmp_path / "models" / "renamed" / "z.pt")
        changes.forget()
        (tmp_path / "models" / "renamed").rename(outside)
        changes.wait_for(root, tmp_path / "models" / "renamed")


def test_a_root_removed_and_made_again_is_watched_again(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    with watch(changes, root):
        shutil.rmtree(root.path)
        changes.wait_for_rescan(root)
        changes.forget()
        (tmp_path / "models").mkdir()
        changes.wait_for_rescan(root)
        changes.forget()
        (tmp_path / "models" / "x.pt").write_bytes(b"1")
        changes.wait_for(root, tmp_path / "models" / "x.pt")


def test_a_root_swapped_for_another_folder_is_watched_again(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    (tmp_path / "other").mkdir()
    with watch(changes, root):
        (tmp_path / "models").rename(tmp_path / "old")
        (tmp_path / "other").rename(tmp_path / "models")
        changes.wait_for_rescan(root)
        changes.forget()
        (tmp_path / "models" / "x.pt").write_bytes(b"1")
        changes.wait_for(root, tmp_path / "models" / "x.pt")


def test_a_root_that_comes_later_is_watched(tmp_path: Path, changes: Changes) -> None:
    root = Root(str(tmp_path / "later"), "later", None)
    with watch(changes, root):
        (tmp_path / "later").mkdir()
        changes.wait_for_rescan(root)
        changes.forget()
        (tmp_path / "later" / "x.pt").write_bytes(b"1")
        changes.wait_for(root, tmp_path / "later" / "x.pt")


def test_a_root_that_is_a_link_shows_its_own_paths_and_may_be_turned(tmp_path: Path, changes: Changes) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("one")
    root = Root(str(link), "link", None)
    with watch(changes, root):
        (tmp_path / "one" / "x.pt").write_bytes(b"1")
        changes.wait_for(root, link / "x.pt")
        changes.forget()
        link.unlink()
        link.symlink_to("two")
        changes.wait_for_rescan(root)
        changes.forget()
        (tmp_path / "two" / "y.pt").write_bytes(b"1")
        changes.wait_for(root, link / "y.pt")


def test_linked_folders_are_watched_whenever_they_come(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    for name in ("far", "farther"):
        (tmp_path / name).mkdir()
    (tmp_path / "models" / "early").symlink_to(tmp_path / "far")
    with watch(changes, root):
        (tmp_path / "far" / "x.pt").write_bytes(b"1")
        changes.wait_for(root, tmp_path / "models" / "early" / "x.pt")
        (tmp_path / "models" / "late").symlink_to(tmp_path / "farther")
        changes.wait_for(root, tmp_path / "models" / "late")
        changes.forget()
        (tmp_path / "farther" / "y.pt").write_bytes(b"1")
        changes.wait_for(root, tmp_path / "models" / "late" / "y.pt")


def test_links_in_a_circle_end(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    (tmp_path / "models" / "self").symlink_to(tmp_path / "models")
    (tmp_path / "models" / "loop").symlink_to("loop")
    with watch(changes, root):
        (tmp_path / "models" / "x.pt").write_bytes(b"1")
        changes.wait_for(root, tmp_path / "models" / "x.pt")


def test_a_root_within_another_gets_its_own_changes(tmp_path: Path, changes: Changes) -> None:
    outer = a_root(tmp_path / "models", excludes=("Lora",))
    inner = a_root(tmp_path / "models" / "Lora")
    with watch(changes, outer, inner):
        (tmp_path / "models" / "Lora" / "x.pt").write_bytes(b"1")
        changes.wait_for(inner, tmp_path / "models" / "Lora" / "x.pt")
        (tmp_path / "models" / "y.pt").write_bytes(b"1")
        changes.wait_for(outer, tmp_path / "models" / "y.pt")
    assert not any(r == outer and (paths is None or any("Lora" in p for p in paths)) for r, paths in changes.seen)


def test_too_many_changes_become_one_rescan(tmp_path: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PATHS", 20)
    root = a_root(tmp_path / "models")
    with watch(changes, root):
        for number in range(2000):
            (tmp_path / "models" / f"{number}.pt").touch()
        changes.wait_for_rescan(root)
    assert all(paths is None or len(paths) <= 20 for _, paths in changes.seen)


def test_after_a_burst_that_may_have_lost_events_the_watch_is_made_anew(
    tmp_path: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_watches, "BURST_EVENTS", 50)
    root = a_root(tmp_path / "models")
    with watch(changes, root) as running:
        before = running.watched()
        for number in range(60):
            (tmp_path / "models" / f"{number}.pt").touch()
        changes.wait_for_rescan(root)
        changes.forget()
        changes.wait_for_rescan(root)
        changes.forget()
        (tmp_path / "models" / "x.pt").touch()
        changes.wait_for(root, tmp_path / "models" / "x.pt")
        assert running.watched() == before


def test_a_polled_root_is_ticked_and_never_touched(tmp_path: Path, changes: Changes) -> None:
    root = Root(str(tmp_path / "unmounted"), "nas", None)
    with Watcher([root], changes, choices={root.path: POLLING}, poll_seconds=0.05) as running:
        changes.wait(lambda: changes.seen.count((root, None)) >= 3)
        assert running.watched() == ()


@pytest.mark.parametrize(
    ("number", "limit"), [(errno.ENOSPC, "max_user_watches"), (errno.EMFILE, "max_user_instances")]
)
def test_where_the_system_refuses_the_root_is_polled_and_says_why(
    tmp_path: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch, number: int, limit: str
) -> None:
    refused, watched = a_root(tmp_path / "full"), a_root(tmp_path / "fine")
    real = native_watches.Observer

    def limited(**options: Any) -> Any:
        observer = real(**options)
        schedule = observer.schedule

        def refuse(handler: Any, path: str, **more: Any) -> Any:
            if path == refused.path:
                raise OSError(number, os.strerror(number))
            return schedule(handler, path, **more)

        monkeypatch.setattr(observer, "schedule", refuse)
        return observer

    monkeypatch.setattr(native_watches, "Observer", limited)
    with Watcher([refused, watched], changes, choices=native(refused, watched), poll_seconds=0.2) as running:
        assert running.choices[refused.path].method == "polling"
        assert limit in running.choices[refused.path].reason
        assert "sysctl" in str(running.choices[refused.path].remedy)
        assert running.choices[watched.path] == NATIVE
        changes.wait_for_rescan(refused)
        (tmp_path / "fine" / "x.pt").touch()
        changes.wait_for(watched, tmp_path / "fine" / "x.pt")


def test_a_root_that_a_network_file_system_is_mounted_on_is_polled(
    tmp_path: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOUNTS_SECONDS", 0.0)
    root, other = a_root(tmp_path / "models"), a_root(tmp_path / "other")
    with watch(changes, root, other) as running:
        mounts = read_mounts()
        nas = Mount(str((tmp_path / "models").resolve()), "nfs4", "nas:/models")
        monkeypatch.setattr(module, "read_mounts", lambda: (*mounts, nas))
        changes.wait_for_rescan(root)
        changes.forget()
        (tmp_path / "other" / "x.pt").touch()
        changes.wait_for(other, tmp_path / "other" / "x.pt")
        assert running.choices[root.path].method == "polling"
        assert "nas:/models" in running.choices[root.path].reason
        assert running.watched() == (str((tmp_path / "other").resolve()),)


def test_where_no_observer_can_be_had_all_is_polled(
    tmp_path: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(**_options: Any) -> Any:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(native_watches, "Observer", none_left)
    root = a_root(tmp_path / "models")
    with Watcher([root], changes, choices=native(root), poll_seconds=0.2) as running:
        assert "max_user_instances" in running.choices[root.path].reason
        changes.wait(lambda: changes.seen.count((root, None)) >= 2)


def test_a_watch_that_leaves_folders_out_is_not_kept(
    tmp_path: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # watchdog 7 ignores it where the limit is reached at a sub-folder; then not one more watch can be had.
    real = native_watches.Observer

    def full(**options: Any) -> Any:
        observer = real(**options)
        schedule = observer.schedule

        def refuse_more(handler: Any, path: str, **more: Any) -> Any:
            if path == os.sep:
                raise OSError(errno.ENOSPC, "inotify watch limit reached")
            return schedule(handler, path, **more)

        monkeypatch.setattr(observer, "schedule", refuse_more)
        return observer

    monkeypatch.setattr(native_watches, "Observer", full)
    monkeypatch.setattr(native_watches, "PROBES", True)
    root = a_root(tmp_path / "models")
    with Watcher([root], changes, choices=native(root), poll_seconds=0.2) as running:
        assert running.choices[root.path].method == "polling"
        assert running.watched() == ()
        changes.wait_for_rescan(root)


def test_a_link_that_is_gone_is_followed_no_more(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    (tmp_path / "far").mkdir()
    link = tmp_path / "models" / "link"
    link.symlink_to(tmp_path / "far")
    with watch(changes, root) as running:
        assert len(running.watched()) == 2
        link.unlink()
        changes.wait_for_rescan(root)
        assert running.watched() == (str((tmp_path / "models").resolve()),)


def test_a_fault_of_the_receiver_ends_nothing(
    tmp_path: Path, changes: Changes, caplog: pytest.LogCaptureFixture
) -> None:
    root = a_root(tmp_path / "models")
    faults = iter([RuntimeError("first")])

    def receive(root: Root, paths: frozenset[str] | None) -> None:
        for fault in faults:
            raise fault
        changes(root, paths)

    with Watcher([root], receive, choices={root.path: POLLING}, poll_seconds=0.05):
        changes.wait_for_rescan(root)
    assert "first" in caplog.text


def test_nothing_is_left_running(tmp_path: Path, changes: Changes) -> None:
    before = set(threading.enumerate())
    descriptors = Path("/proc/self/fd")
    opened = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    for _ in range(3):
        running = watch(changes, a_root(tmp_path / "models"), a_root(tmp_path / "other"))
        running.start()
        running.stop()
        running.stop()
    assert set(threading.enumerate()) == before
    if descriptors.exists():
        assert len(list(descriptors.iterdir())) == opened


def test_a_watcher_that_never_started_can_be_stopped(tmp_path: Path, changes: Changes) -> None:
    watch(changes, a_root(tmp_path / "models")).stop()


def test_choices_of_this_machine_work(tmp_path: Path, changes: Changes) -> None:
    root = a_root(tmp_path / "models")
    with Watcher([root], changes, choices=choices_for([root]), poll_seconds=1.0):
        (tmp_path / "models" / "x.pt").touch()
        changes.wait_for(root, tmp_path / "models" / "x.pt")
