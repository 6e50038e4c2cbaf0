"""Everything that may happen to a library, its agents, its hub and the messages between, in any order; and the truth.

After every sequence, and wherever one says ``settle``, the disk rests and messages get through. Then hub, agents and
disk must be equal: the published paths and hashes are those that ``truth`` finds on the disk, the hub's rows are the
same, and so are the digests.
"""

import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from quartermaster.extension.inventory.index import Facts
from quartermaster.hub_client import Credentials
from quartermaster.tests.convergence import truth
from quartermaster.tests.convergence.household import Household, Member
from quartermaster.tests.convergence.wire import Fate
from quartermaster.tests.fakes.model_files import OLD_NS, safetensors_bytes

FOLDERS = ("", "sub", "sub/deep", "other", "nas")
NAMES = ("x.safetensors", "y.safetensors", "z.ckpt", "w.pt")
CONTENTS = {letter: safetensors_bytes(letter.encode() * 40) for letter in "ABC"} | {"D": safetensors_bytes(b"D" * 700)}
OLD_TIMES = (OLD_NS, OLD_NS + 1, 1_700_000_000_000_000_000)
"""Times that copies and archives restore; the last is a whole second."""

DAY_SECONDS = 86400.0
ROOTS = ("a", "b")
MACHINES = {
    "one": {"attic": ROOTS},
    "two": {"attic": ROOTS, "cellar": ("b", "a")},
}
"""What agents run on the machine: one, or two that share their folders, the index and the hub."""

_number = st.integers(0, 1000)
_content = st.sampled_from(sorted(CONTENTS))
_place = st.tuples(st.sampled_from(ROOTS), st.sampled_from(FOLDERS), st.sampled_from(NAMES))
_folder = st.tuples(st.sampled_from(ROOTS), st.sampled_from(("sub", "sub/deep", "other")))
_old_time = st.sampled_from(OLD_TIMES)


@dataclass
class Kept:
    """What a folder that is away held when it went: an agent must keep it, as stale."""

    sha256: str
    inode: int


class Machine(RuleBasedStateMachine):
    """The rules of what may happen. A subclass says which hub each sequence copies, and which agents there are."""

    fresh: Path
    key: Credentials
    servers: dict[str, tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.home = Household(self.fresh, self.key, self.servers)
        self.volume = self._make_volume()
        self.unfinished: dict[Path, bytes] = {}
        self.away: dict[str, dict[str, dict[str, Kept]]] = {}
        """What is away now (``a``, or ``a/nas``) -> server -> published path -> what was kept."""

    def _make_volume(self) -> Path:
        """Put a volume into the first root; where there is a second file system at hand, it lies on that."""
        shared_memory = Path("/dev/shm")
        volume = Path(self.home.folder / "volume")
        if os.access(shared_memory, os.W_OK) and shared_memory.stat().st_dev != self.home.folder.stat().st_dev:
            volume = shared_memory / self.home.folder.name
        volume.mkdir()
        self.home.folder.joinpath("empty").mkdir()
        self.home.folder.joinpath("mounted").symlink_to(volume)
        self.home.roots["a"].joinpath("nas").symlink_to(self.home.folder / "mounted")
        return volume

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.home.close()
            shutil.rmtree(self.volume, ignore_errors=True)

    # --- the disk

    @rule(place=_place, content=_content)
    def write(self, place: tuple[str, str, str], content: str) -> None:
        path = self.at(place)
        if path is not None:
            self._write(path, CONTENTS[content])

    @rule(place=_place, content=_content, mtime_ns=_old_time)
    def unpack(self, place: tuple[str, str, str], content: str, mtime_ns: int) -> None:
        """As ``cp -p`` and archives do: the file is new, its mtime old."""
        path = self.at(place)
        if path is not None:
            self._write(path, CONTENTS[content], mtime_ns)

    @rule(place=_place, content=_content, cut=st.integers(1, 60))
    def begin_download(self, place: tuple[str, str, str], content: str, cut: int) -> None:
        path = self.at(place)
        if path is not None:
            self._write(path, CONTENTS[content][:cut])
            self.unfinished[path] = CONTENTS[content][cut:]

    @rule(which=_number, most=st.sampled_from([7, 100_000]))
    @precondition(lambda self: self.unfinished)
    def go_on_downloading(self, which: int, most: int) -> None:
        paths = sorted(path for path in self.unfinished if path.is_file())
        if paths:
            path = paths[which % len(paths)]
            rest = self.unfinished.pop(path)
            with path.open("ab") as file:
                file.write(rest[:most])
            if rest[most:]:
                self.unfinished[path] = rest[most:]
            self._date(path)

    @rule(which=_number, place=_place)
    def rename(self, which: int, place: tuple[str, str, str]) -> None:
        path, target = self.some_file(which), self.at(place)
        if path is not None and target is not None and target != path:
            shutil.move(path, target)

    @rule(source=_folder, to=_folder)
    def rename_folder(self, source: tuple[str, str], to: tuple[str, str]) -> None:
        before, after = self.folder(source), self.folder(to)
        if before and after and before.is_dir() and not after.exists() and not after.is_relative_to(before):
            after.parent.mkdir(parents=True, exist_ok=True)
            before.rename(after)

    @rule(first=_number, second=_number)
    def swap(self, first: int, second: int) -> None:
        one, two = self.some_file(first), self.some_file(second)
        if one is not None and two is not None and one != two:
            between = self.home.folder / "between"
            shutil.move(one, between)
            shutil.move(two, one)
            shutil.move(between, two)

    @rule(label=st.sampled_from(ROOTS))
    def swap_folders(self, label: str) -> None:
        one, two = self.folder((label, "sub")), self.folder((label, "other"))
        if one and two and one.is_dir() and two.is_dir() and not one.is_symlink() and not two.is_symlink():
            between = self.home.folder / "between"
            one.rename(between)
            two.rename(one)
            between.rename(two)

    @rule(which=_number, content=_content, how=st.sampled_from(["in place", "renamed over", "made anew"]))
    def replace(self, which: int, content: str, how: str) -> None:
        """Other content under the same name, size and mtime."""
        path = self.some_file(which)
        if path is not None:
            self._replace(path, content, how)

    @rule(which=_number)
    def delete(self, which: int) -> None:
        path = self.some_file(which)
        if path is not None:
            path.unlink()

    @rule(folder=_folder)
    def delete_folder(self, folder: tuple[str, str]) -> None:
        path = self.folder(folder)
        if path is not None and path.is_symlink():
            path.unlink()
        elif path is not None and path.is_dir():
            shutil.rmtree(path)

    @rule(which=_number, place=_place)
    def hard_link(self, which: int, place: tuple[str, str, str]) -> None:
        path, target = self.some_file(which), self.at(place)
        if path is None or target is None or target.exists() or target.is_symlink():
            return
        if path.stat().st_dev == target.parent.stat().st_dev:
            os.link(path.resolve(), target)

    @rule(place=_place, to=_place)
    def link_to_file(self, place: tuple[str, str, str], to: tuple[str, str, str]) -> None:
        """A link to where a file is, or may come to be, or never is."""
        path, leads_to = self.at(place), self.at(to)
        if path is not None and leads_to is not None and path != leads_to and to[1] != "nas":
            path.unlink(missing_ok=True)
            path.symlink_to(leads_to)
            anchor = leads_to.parent / "anchor.txt"  # an empty folder behind a link would count as not mounted
            anchor.touch()

    @rule(folder=_folder, to=_folder)
    def link_to_folder(self, folder: tuple[str, str], to: tuple[str, str]) -> None:
        """A link to a folder, also to one around it."""
        path, leads_to = self.folder(folder), self.folder(to)
        if path and leads_to and leads_to.is_dir() and not path.exists() and not path.is_symlink():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(leads_to)

    @rule(place=_place)
    def toggle_aria2(self, place: tuple[str, str, str]) -> None:
        """A downloader's control file comes beside a file, or goes."""
        path = self.at(place)
        if path is not None:
            control = Path(f"{path}.aria2")
            control.unlink() if control.exists() else control.touch()

    # --- volumes

    @rule(what=st.sampled_from(["b", "a", "a/nas", "a/nas"]))
    def unmount(self, what: str) -> None:
        if what in self.away or not self.is_here(what):
            return
        self.away[what] = {member.server_id: self._held_below(member, what) for member in self.home.members}
        if what == "a/nas":
            mounted = self.home.folder / "mounted"
            mounted.unlink()
            if self.is_volume():
                mounted.symlink_to(self.home.folder / "empty")
        else:
            self.home.roots[what].rename(self.home.folder / f"{what}-unmounted")

    @rule(which=_number)
    @precondition(lambda self: self.away)
    def mount(self, which: int) -> None:
        what = sorted(self.away)[which % len(self.away)]
        if what == "a/nas":
            mounted = self.home.folder / "mounted"
            mounted.unlink(missing_ok=True)
            mounted.symlink_to(self.volume)
        else:
            self.home.folder.joinpath(f"{what}-unmounted").rename(self.home.roots[what])
        del self.away[what]

    # --- the agents

    @rule(which=_number)
    def look_everywhere(self, which: int) -> None:
        self.home.look_everywhere(self.member(which))

    @rule(which=_number, places=st.lists(_place, max_size=4))
    def notice(self, which: int, places: list[tuple[str, str, str]]) -> None:
        """Some events arrive, of places where something happened or not."""
        member = self.member(which)
        if member.agent is not None:
            roots = {root.label: root for root in member.agent.library.roots()}
            for label, folder, name in places:
                if label in roots:
                    path = self.home.roots[label] / folder / name
                    member.agent.looker.hint(roots[label], frozenset({str(path), str(path.parent)}))
            self.home.look(member)

    @rule(which=_number, most=st.sampled_from([1, 2, 1000]))
    def read(self, which: int, most: int) -> None:
        self.home.read(self.member(which), most)

    @rule(which=_number, victim=_number, content=_content)
    def read_while_it_is_replaced(self, which: int, victim: int, content: str) -> None:
        member, path = self.member(which), self.some_file(victim)
        if member.agent is not None and path is not None:
            replaced = iter([partial(self._replace, path, content, "in place")])
            member.agent.control._on_progress = lambda _count: next(replaced, int)()
            self.home.read(member, 1)
            member.agent.control._on_progress = None

    @rule(which=_number)
    def talk(self, which: int) -> None:
        self.home.talk(self.member(which))

    @rule(which=_number)
    def work(self, which: int) -> None:
        """What an agent does when it is left alone for some seconds."""
        member = self.member(which)
        self.home.advance(3)
        self.home.look(member)
        self.home.read(member)
        self.home.talk(member)

    @rule(which=_number, seconds=st.sampled_from([3, 40]))
    def work_more(self, which: int, seconds: float) -> None:
        for _ in range(2):
            self.home.advance(seconds)
            self.home.look_everywhere(self.member(which))
            self.home.read(self.member(which))
            self.home.talk(self.member(which))

    @rule(which=_number, back_at_once=st.booleans())
    def kill_agent(self, which: int, back_at_once: bool) -> None:
        self.home.kill_agent(self.member(which))
        if back_at_once:
            self.home.start_agent(self.member(which))

    @rule()
    @precondition(lambda self: any(member.agent is None for member in self.home.members))
    def start_agents(self) -> None:
        for member in self.home.members:
            self.home.start_agent(member)

    @rule(which=_number)
    def believe_a_cache(self, which: int) -> None:
        """A web UI's cache says what a file that waits is: here, the truth."""
        agent = self.member(which).agent
        if agent is not None:
            known = {}
            for record in agent.library.records():
                there = truth.complete(Path(record.path)) if Path(record.path).is_file() else None
                if there is not None and (there.size_bytes, there.mtime_ns) == (
                    record.found.size,
                    record.found.mtime_ns,
                ):
                    known[record.path] = Facts(there.sha256, hash_state="claimed", source="the cache")
            agent.library.believe(known)

    # --- the hub, the messages, the time

    @rule()
    @precondition(lambda self: self.home.house.runs)
    def kill_hub(self) -> None:
        self.home.house.kill()

    @rule()
    @precondition(lambda self: not self.home.house.runs)
    def start_hub(self) -> None:
        self.home.house.start()

    @rule()
    def back_up_hub(self) -> None:
        self.home.house.back_up()

    @rule()
    def restore_hub(self) -> None:
        self.home.house.restore()

    @rule()
    def empty_hub(self) -> None:
        self.home.house.empty()

    @rule(which=_number, what=st.sampled_from(["rescan", "full"]))
    @precondition(lambda self: self.home.house.runs)
    def ask_the_agent(self, which: int, what: str) -> None:
        hub, name = self.home.house.hub, self.member(which).server_id
        if name in {server["server_id"] for server in hub.servers.listed()}:
            hub.servers.request(name, {"request": what})

    @rule(fates=st.lists(st.sampled_from(Fate), min_size=1, max_size=4))
    def trouble_the_wire(self, fates: list[Fate]) -> None:
        self.home.wire.fates += fates

    @rule()
    @precondition(lambda self: self.home.wire.late)
    def deliver_late(self) -> None:
        self.home.wire.deliver_late()

    @rule(seconds=st.sampled_from([0.4, 1.1, 2.5, 31.0, 100.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        self.home.advance(seconds)

    @rule(days=st.sampled_from([-400, -1, 1, 30]), whose=st.sampled_from(["agent", "hub"]))
    def set_the_clock(self, days: int, whose: str) -> None:
        clock = self.home.clock if whose == "agent" else self.home.hub_clock
        clock.jump(days * DAY_SECONDS)

    # --- the truth

    @rule()
    def settle(self) -> None:
        self.home.settle()
        for member in self.home.members:
            self._compare(member)

    def _compare(self, member: Member) -> None:
        agent, house = member.agent, self.home.house
        assert agent is not None and agent.syncer is not None
        expected = truth.published({label: path for label, path in self.home.roots.items() if path.is_dir()})
        if "a/nas" in self.away:
            expected = {path: known for path, known in expected.items() if not path.startswith("a/nas/")}
        records = {r.name: r for r in agent.library.records() if r.facts is not None}
        present = {
            name: truth.Known(r.facts.sha256, r.found.size, r.found.mtime_ns, r.found.inode)
            for name, r in records.items()
            if r.facts is not None and not r.stale
        }
        assert present == expected, f"the agent's inventory is not what is on the disk: {differing(present, expected)}"
        self._compare_stale(member, {n: r.facts.sha256 for n, r in records.items() if r.facts and r.stale}, expected)
        rows = house.rows(member.server_id)
        held = {name: (row.sha256, row.size_bytes, row.mtime_ns, row.state) for name, row in rows.items()}
        known = {
            name: (r.facts.sha256, r.found.size, r.found.mtime_ns, "stale" if r.stale else "present")
            for name, r in records.items()
            if r.facts is not None
        }
        assert held == known, f"the hub's rows are not the agent's: {differing(held, known)}"
        unverified = {name for name, row in rows.items() if row.state == "present" and row.hash_state != "verified"}
        assert not unverified, f"these were never read: {unverified}"
        digest, count = agent.ledger.state()
        assert house.stated(member.server_id) == (digest, count) == (house.digest(member.server_id), len(records))
        assert agent.syncer.state.in_sync

    def _compare_stale(self, member: Member, stale: dict[str, str], present: dict[str, truth.Known]) -> None:
        kept: dict[str, Kept] = {}
        for held in self.away.values():
            kept = {**held[member.server_id], **kept}
        for name, sha256 in stale.items():
            if self._is_behind_a_lost_link(name):
                continue  # the folder it leads to is not there: it may be unmounted, so what was known of it is kept
            assert name in kept, f"{name} is kept as stale and was not known when its folder went away"
            assert sha256 == kept[name].sha256
        moved = {known.inode for known in present.values()}
        lost = {name for name, held in kept.items() if name not in stale and held.inode not in moved}
        assert not lost, f"these were known when their folder went away and are not kept: {lost}"

    # --- helpers

    def member(self, which: int) -> Member:
        return self.home.members[which % len(self.home.members)]

    def _is_behind_a_lost_link(self, name: str) -> bool:
        label, _, relative = name.partition("/")
        place = self.home.roots[label]
        for part in relative.split("/"):
            place = place / part
            if place.is_symlink() and not place.exists():
                return True
        return False

    def is_volume(self) -> bool:
        return self.volume.stat().st_dev != self.home.folder.stat().st_dev

    def is_here(self, what: str) -> bool:
        """Tell whether a root or the volume can be reached now."""
        root = what.partition("/")[0]
        return root not in self.away and what not in self.away

    def at(self, place: tuple[str, str, str]) -> Path | None:
        """Return where a file may be made; None where that is away, or a folder has its name."""
        label, folder, name = place
        if not self.is_here(label) or (folder == "nas" and not self.is_here(f"{label}/nas")):
            return None
        parent = self.home.roots[label] / folder
        if not parent.exists() and parent.is_symlink():
            return None
        parent.mkdir(parents=True, exist_ok=True)
        return parent / name

    def folder(self, folder: tuple[str, str]) -> Path | None:
        label, relative = folder
        return self.home.roots[label] / relative if self.is_here(label) else None

    def some_file(self, which: int) -> Path | None:
        """Return one of the files that stand there now."""
        roots = [path for label, path in sorted(self.home.roots.items()) if self.is_here(label)]
        files = [path for root in roots for path in truth.listed(root)]
        return files[which % len(files)] if files else None

    def _write(self, path: Path, content: bytes, mtime_ns: int | None = None) -> None:
        if path.is_symlink():
            path.unlink()
        path.write_bytes(content)
        self.unfinished.pop(path, None)
        self._date(path, mtime_ns)

    def _date(self, path: Path, mtime_ns: int | None = None) -> None:
        mtime_ns = int(self.home.clock.wall() * 1e9) if mtime_ns is None else mtime_ns
        os.utime(path, ns=(mtime_ns, mtime_ns))

    def _replace(self, path: Path, content: str, how: str) -> None:
        before = path.stat()
        data = CONTENTS[content]
        if len(data) != before.st_size:
            data = (data * 20)[: before.st_size]
        if how == "made anew":
            path.unlink()
        target = path.with_name("being-made") if how == "renamed over" else path
        target.write_bytes(data)
        os.utime(target, ns=(before.st_mtime_ns, before.st_mtime_ns))
        if target != path:
            target.replace(path)

    def _held_below(self, member: Member, what: str) -> dict[str, Kept]:
        """Return what an agent knows of a folder; one that does not run knows what it knew when it was killed."""
        held = {}
        for name, (sha256, inode) in member.known.items():
            if name.startswith(what + "/"):
                held[name] = Kept(sha256, inode)
        return held


def differing(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what stands under the keys in which two dictionaries differ."""
    keys = sorted({*first, *second})
    return {key: (first.get(key), second.get(key)) for key in keys if first.get(key) != second.get(key)}
