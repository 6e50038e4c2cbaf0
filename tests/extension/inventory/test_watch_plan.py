from pathlib import Path

import pytest
from quartermaster.extension.inventory.mounts import Mount
from quartermaster.extension.inventory.roots import Root
from quartermaster.extension.inventory.watch_plan import Plan, View, is_within, make_plan

LOCAL = Mount("/", "ext4")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def plan_for(*roots: Root, mounts: tuple[Mount, ...] = (LOCAL,)) -> Plan:
    return make_plan(roots, mounts, "linux")


def test_a_folder_is_within_itself_and_what_holds_it() -> None:
    assert is_within("/a", "/a")
    assert is_within("/a/b", "/a")
    assert is_within("/a", "/")
    assert not is_within("/ab", "/a")
    assert not is_within("/", "/a")


def test_roots_within_each_other_need_one_watch(base: Path) -> None:
    (base / "models" / "Lora").mkdir(parents=True)
    outer, inner = Root(str(base / "models"), "models", None), Root(str(base / "models" / "Lora"), "Lora", "LORA")
    plan = plan_for(inner, outer)
    assert plan.folders() == (outer.path,)
    assert set(plan.roots_in(outer.path)) == {outer, inner}


def test_names_that_begin_alike_are_two_watches(base: Path) -> None:
    roots = [Root(str(base / name), name, None) for name in ("a", "ab")]
    for root in roots:
        Path(root.path).mkdir()
    assert plan_for(*roots).folders() == (str(base / "a"), str(base / "ab"))


def test_a_root_that_is_not_there_needs_none(base: Path) -> None:
    assert plan_for(Root(str(base / "later"), "later", None)) == Plan()


def test_links_lead_on_to_links(base: Path) -> None:
    for name in ("models/sub", "one", "two"):
        (base / name).mkdir(parents=True)
    (base / "models" / "sub" / "to-one").symlink_to(base / "one")
    (base / "one" / "to-two").symlink_to("../two")
    (base / "two" / "file.pt").touch()
    root = Root(str(base / "models"), "models", None)
    plan = plan_for(root)
    assert plan.folders() == tuple(str(base / name) for name in ("one", "two", "models"))
    assert {view.translate(str(base / "two" / "file.pt")) for view in plan.views} == {
        None,
        str(base / "models" / "sub" / "to-one" / "to-two" / "file.pt"),
    }
    assert plan.links() == {str(base / "models" / "sub" / "to-one"), str(base / "one" / "to-two")}


def test_two_links_to_one_folder_are_two_views_of_one_watch(base: Path) -> None:
    for name in ("models", "far"):
        (base / name).mkdir()
    for name in ("a", "b"):
        (base / "models" / name).symlink_to(base / "far")
    root = Root(str(base / "models"), "models", None)
    plan = plan_for(root)
    assert plan.folders() == (str(base / "far"), str(base / "models"))
    shown = {view.translate(str(base / "far" / "x")) for view in plan.views} - {None}
    assert shown == {str(base / "models" / "a" / "x"), str(base / "models" / "b" / "x")}


def test_what_is_excluded_is_neither_shown_nor_followed(base: Path) -> None:
    for name in ("models/private", "far"):
        (base / name).mkdir(parents=True)
    (base / "models" / "private" / "link").symlink_to(base / "far")
    root = Root(str(base / "models"), "models", None, excludes=("private", "*.tmp"))
    plan = plan_for(root)
    assert plan.folders() == (root.path,)
    assert plan.views[0].translate(str(base / "models" / "private" / "x")) is None
    assert plan.views[0].translate(str(base / "models" / "a" / "x.tmp")) is None
    assert plan.views[0].translate(str(base / "models" / "a" / "x.pt")) == str(base / "models" / "a" / "x.pt")


def test_a_link_into_a_network_file_system_is_polled(base: Path) -> None:
    for name in ("models", "nas/loras"):
        (base / name).mkdir(parents=True)
    (base / "models" / "Lora").symlink_to(base / "nas" / "loras")
    root = Root(str(base / "models"), "models", None)
    plan = plan_for(root, mounts=(LOCAL, Mount(str(base / "nas"), "nfs4", "nas:/x")))
    assert plan.folders() == (root.path,)
    assert [view.shown for view in plan.polled] == [str(base / "models" / "Lora")]


def test_files_and_links_to_nothing_lead_nowhere(base: Path) -> None:
    (base / "models").mkdir()
    (base / "file").touch()
    (base / "models" / "to-file").symlink_to(base / "file")
    (base / "models" / "dangling").symlink_to("nothing")
    (base / "models" / "circle").symlink_to("circle")
    root = Root(str(base / "models"), "models", None)
    assert plan_for(root).views == (View(root, root.path, root.path),)
