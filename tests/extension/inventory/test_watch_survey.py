from pathlib import Path

from quartermaster.extension.inventory.mounts import Mount
from quartermaster.extension.inventory.roots import Root
from quartermaster.extension.inventory.watch_survey import choice_for, choices_for, count_folders, resolve

LOCAL = Mount("/", "ext4")


def test_links_are_followed_one_after_the_other(tmp_path: Path) -> None:
    base = tmp_path.resolve()
    (base / "real" / "deep").mkdir(parents=True)
    (base / "one").symlink_to("real")
    (base / "two").symlink_to(base / "one" / "deep")
    assert resolve(str(base / "two" / "x"), [LOCAL], "linux") == str(base / "real" / "deep" / "x")


def test_a_link_on_a_polled_file_system_is_not_asked(tmp_path: Path) -> None:
    base = tmp_path.resolve()
    (base / "nas").mkdir()
    (base / "nas" / "link").symlink_to(base)
    (base / "models").symlink_to("nas/link")
    mounts = [LOCAL, Mount(str(base / "nas"), "nfs4", "nas:/x")]
    assert resolve(str(base / "models"), mounts, "linux") == str(base / "nas" / "link")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert Path(resolve(str(tmp_path / "a"), [LOCAL], "linux")).parent == tmp_path.resolve()


def test_folders_are_counted_without_links_and_excluded_ones(tmp_path: Path) -> None:
    for path in ("a/b", "c/d", "e"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "e" / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    assert count_folders(Root(str(tmp_path), "x", None, excludes=("c",)), 100) == 4
    assert count_folders(Root(str(tmp_path), "x", None), 2) == 3


def test_a_folder_that_is_gone_counts_as_one(tmp_path: Path) -> None:
    assert count_folders(Root(str(tmp_path / "gone"), "x", None), 100) == 1


def test_every_root_of_this_machine_gets_a_choice(tmp_path: Path) -> None:
    roots = [Root(str(tmp_path), "x", None), Root(str(tmp_path / "gone"), "y", None)]
    choices = choices_for(roots)
    assert set(choices) == {root.path for root in roots}
    assert choice_for(str(tmp_path)).filesystem == choices[str(tmp_path)].filesystem != "unknown"
