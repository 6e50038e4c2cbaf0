import json
import sys
from pathlib import Path

import pytest
from quartermaster.extension.inventory.mounts import (
    Mount,
    drive_mount,
    mount_of,
    parse_macos_mounts,
    parse_mountinfo,
    read_mounts,
)

DATA = Path(__file__).parents[2] / "data" / "mounts"


def table(name: str) -> tuple[Mount, ...]:
    """Return the mounts of one fixture; its name begins with the platform."""
    text = (DATA / name).read_text(encoding="utf-8")
    if name.startswith("linux"):
        return parse_mountinfo(text)
    if name.startswith("macos"):
        return parse_macos_mounts(text)
    return tuple(mount for row in json.loads(text) if (mount := drive_mount(*row)))


def point_of(path: str, name: str, platform: str) -> str | None:
    mount = mount_of(path, table(name), platform)
    return mount.point if mount else None


def test_octal_escapes_are_undone() -> None:
    points = [mount.point for mount in table("linux-desktop.mountinfo")]
    assert "/media/ana/My Passport" in points
    assert "/media/ana/tab\tnew\nline\\slash" in points
    assert "//nas/share two" in [mount.source for mount in table("linux-desktop.mountinfo")]


def test_lines_of_another_form_are_skipped() -> None:
    text = (DATA / "linux-desktop.mountinfo").read_text(encoding="utf-8")
    assert len(table("linux-desktop.mountinfo")) == len(text.splitlines()) - 2
    assert parse_mountinfo("") == ()
    assert parse_macos_mounts("not a mount\n/dev/x on /y\n") == ()


def test_optional_fields_do_not_shift_the_type() -> None:
    types = {mount.point: mount.filesystem for mount in table("linux-desktop.mountinfo")}
    assert types["/data"] == "ext4"
    assert types["/mnt/zfs"] == "zfs"


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/", "/"),
        ("/home/ana", "/home"),
        ("/home/ana/sd/models/Lora", "/home/ana/sd/models"),
        ("/home/ana/sd/models-old", "/home"),
        ("/homes", "/"),
        ("/data", "/data"),
        ("/media/ana/My Passport/loras", "/media/ana/My Passport"),
        ("/net/nas", "/net"),
        ("/net/nas/models/x", "/net/nas/models"),
    ],
)
def test_the_deepest_mount_around_a_path_is_its(path: str, point: str) -> None:
    assert point_of(path, "linux-desktop.mountinfo", "linux") == point


def test_the_last_mount_at_one_point_hides_the_others() -> None:
    mount = mount_of("/auto/direct/x", table("linux-desktop.mountinfo"), "linux")
    assert mount is not None
    assert mount.filesystem == "nfs4"


def test_macos_names_may_hold_spaces_and_the_word_on() -> None:
    mount = mount_of("/Volumes/My Models on USB/Lora", table("macos.txt"), "darwin")
    assert mount == Mount(
        "/Volumes/My Models on USB",
        "exfat",
        "/dev/disk5s1",
        "local, nodev, nosuid, noowners, noatime, fskit",
    )


def test_windows_drives_are_found_in_any_case() -> None:
    assert point_of("c:\\users\\Ana\\models", "windows.json", "win32") == "C:\\"
    assert point_of("Z:\\models", "windows.json", "win32") == "Z:\\"
    assert point_of("Q:\\models", "windows.json", "win32") is None


def test_a_drive_that_is_not_there_is_no_mount() -> None:
    assert drive_mount("A:\\", 1, "") is None
    assert drive_mount("Z:\\", 4, "") == Mount("Z:\\", "", "Z:\\", remote=True)


def test_this_machine_says_where_the_tests_run(tmp_path: Path) -> None:
    mount = mount_of(str(tmp_path.resolve()), read_mounts(), sys.platform)
    assert mount is not None
    assert mount.filesystem
