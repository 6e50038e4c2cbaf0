import errno

import pytest
from quartermaster.extension.inventory.mounts import Mount
from quartermaster.extension.inventory.roots import Root
from quartermaster.extension.inventory.watch_method import Choice, WatchLimits, choose, exhausted, explain

from .test_mounts import table

DESKTOP, DOCKER, WSL = "linux-desktop.mountinfo", "linux-docker.mountinfo", "linux-wsl2.mountinfo"


@pytest.mark.parametrize(
    ("fixture", "platform", "path", "method", "stable", "network"),
    [
        (DESKTOP, "linux", "/home/ana/Lora", "native", True, False),
        (DESKTOP, "linux", "/home/ana/sd/models/Lora", "native", True, False),
        (DESKTOP, "linux", "/boot/efi/x", "native", False, False),
        (DESKTOP, "linux", "/media/ana/My Passport/Lora", "native", False, False),
        (DESKTOP, "linux", "/mnt/windows/Lora", "native", False, False),
        (DESKTOP, "linux", "/mnt/windows-new/Lora", "native", True, False),
        (DESKTOP, "linux", "/mnt/zfs/Lora", "native", True, False),
        (DESKTOP, "linux", "/tmp/Lora", "native", True, False),
        (DESKTOP, "linux", "/mnt/nas/Lora", "polling", True, True),
        (DESKTOP, "linux", "/mnt/share/Lora", "polling", False, True),
        (DESKTOP, "linux", "/mnt/ssh/Lora", "polling", False, True),
        (DESKTOP, "linux", "/mnt/cloud/Lora", "polling", False, True),
        (DESKTOP, "linux", "/mnt/pool/Lora", "polling", False, False),
        (DESKTOP, "linux", "/mnt/ceph/Lora", "polling", True, True),
        (DESKTOP, "linux", "/net/nas/models/Lora", "polling", True, True),
        (DESKTOP, "linux", "/net/rig", "polling", False, True),
        (DESKTOP, "linux", "/auto/direct/Lora", "polling", True, True),
        (DOCKER, "linux", "/app/models", "native", True, False),
        (DOCKER, "linux", "/models/Lora", "native", True, False),
        (DOCKER, "linux", "/host/Lora", "polling", False, True),
        (DOCKER, "linux", "/Users/ana/Lora", "polling", False, True),
        (WSL, "linux", "/home/ana/models", "native", True, False),
        (WSL, "linux", "/mnt/c/models", "polling", False, True),
        (WSL, "linux", "/mnt/d/models", "polling", False, True),
        ("linux-vm.mountinfo", "linux", "/media/sf_models", "polling", False, True),
        ("linux-vm.mountinfo", "linux", "/mnt/hgfs/models", "polling", False, True),
        ("linux-vm.mountinfo", "linux", "/mnt/qemu", "polling", False, True),
        ("macos.txt", "darwin", "/System/Volumes/Data/Users/ana/models", "native", True, False),
        ("macos.txt", "darwin", "/Volumes/My Models on USB/Lora", "native", False, False),
        ("macos.txt", "darwin", "/Volumes/Archive", "native", True, False),
        ("macos.txt", "darwin", "/Volumes/models/Lora", "polling", False, True),
        ("macos.txt", "darwin", "/Volumes/nfs/Lora", "polling", True, True),
        ("macos.txt", "darwin", "/Volumes/rig", "polling", False, True),
        ("windows.json", "win32", "C:\\sd\\models", "native", True, False),
        ("windows.json", "win32", "\\\\?\\C:\\sd\\models", "native", True, False),
        ("windows.json", "win32", "D:\\sd\\models", "native", True, False),
        ("windows.json", "win32", "E:\\Lora", "native", False, False),
        ("windows.json", "win32", "F:\\Lora", "native", False, False),
        ("windows.json", "win32", "Z:\\Lora", "polling", False, True),
        ("windows.json", "win32", "\\\\nas\\models\\Lora", "polling", False, True),
        ("windows.json", "win32", "//nas/models/Lora", "polling", False, True),
        ("windows.json", "win32", "\\\\?\\UNC\\nas\\models", "polling", False, True),
        ("windows.json", "win32", "\\\\wsl.localhost\\Ubuntu\\home", "polling", False, True),
        ("windows.json", "win32", "Q:\\Lora", "polling", False, False),
    ],
)
def test_the_file_system_decides(
    fixture: str, platform: str, path: str, method: str, stable: bool, network: bool
) -> None:
    choice = choose(path, table(fixture), platform)
    assert (choice.method, choice.stable_inodes, choice.network) == (method, stable, network), choice


@pytest.mark.parametrize(
    ("fixture", "path", "words"),
    [
        (DESKTOP, "/mnt/nas/x", ["nas:/volume1/models", "/mnt/nas", "nfs4", "network"]),
        (DESKTOP, "/mnt/ssh/x", ["fuse.sshfs", "/mnt/ssh"]),
        (DESKTOP, "/net/rig", ["autofs", "/net"]),
        (WSL, "/mnt/c/x", ["WSL", "9p"]),
        (WSL, "/mnt/d/x", ["WSL", "virtiofs"]),
    ],
)
def test_the_reason_names_the_mount_and_why(fixture: str, path: str, words: list[str]) -> None:
    reason = choose(path, table(fixture), "linux").reason
    assert [word for word in words if word not in reason] == []


def test_without_a_mount_table_it_polls() -> None:
    assert choose("/models", (), "linux").method == "polling"


LOCAL = (Mount("/", "ext4", "/dev/sda1"),)


def test_within_the_limits_events_are_used() -> None:
    limits = WatchLimits(8192, 128, folders=4192, watches_taken=4000, instances_taken=127)
    assert choose("/models", LOCAL, "linux", limits).method == "native"


def test_too_many_folders_are_polled_and_the_limit_is_named() -> None:
    choice = choose("/models", LOCAL, "linux", WatchLimits(8192, 128, folders=4193, watches_taken=4000))
    assert choice.method == "polling"
    assert "fs.inotify.max_user_watches = 8192" in choice.reason
    assert "8193" in choice.reason
    assert "sudo sysctl fs.inotify.max_user_watches=524288" in str(choice.remedy)


def test_the_remedy_is_enough() -> None:
    choice = choose("/models", LOCAL, "linux", WatchLimits(524288, 128, folders=600_000))
    value = int(str(choice.remedy).partition("watches=")[2].partition(",")[0])
    assert value >= 2 * 600_000


def test_too_many_roots_are_polled_and_the_limit_is_named() -> None:
    choice = choose("/models", LOCAL, "linux", WatchLimits(8192, 128, folders=1, instances_taken=128))
    assert choice.method == "polling"
    assert "fs.inotify.max_user_instances = 128" in choice.reason
    assert "sudo sysctl fs.inotify.max_user_instances=1024" in str(choice.remedy)


def test_a_network_file_system_is_the_reason_whatever_the_limits() -> None:
    mounts = (Mount("/", "nfs4", "nas:/x"),)
    assert "nfs4" in choose("/models", mounts, "linux", WatchLimits(1, 1, folders=100)).reason


def test_the_limits_are_linux_own() -> None:
    assert choose("/models", (Mount("/", "apfs"),), "darwin", WatchLimits(1, 1, folders=100)).method == "native"


@pytest.mark.parametrize(
    ("number", "limit"),
    [
        (errno.ENOSPC, "fs.inotify.max_user_watches = 8192"),
        (errno.EMFILE, "fs.inotify.max_user_instances = 128"),
    ],
)
def test_what_the_system_refuses_is_polled(number: int, limit: str) -> None:
    native = choose("/models", LOCAL, "linux")
    choice = exhausted(native, OSError(number, "refused"), WatchLimits(8192, 128, folders=10))
    assert choice.method == "polling"
    assert limit in choice.reason
    assert "sysctl" in str(choice.remedy)
    assert (choice.filesystem, choice.stable_inodes, choice.network) == ("ext4", True, False)


def test_another_refusal_is_told_as_it_is() -> None:
    choice = exhausted(choose("/models", LOCAL, "linux"), PermissionError(errno.EACCES, "no entry"), WatchLimits())
    assert choice.method == "polling"
    assert "no entry" in choice.reason
    assert choice.remedy is None


def test_an_explanation_has_all_that_a_person_asks() -> None:
    root = Root("/mnt/nas/Lora", "Lora", "LORA")
    choice = Choice("polling", "because", "do this", "nfs4", True, True)
    assert explain([root], {root.path: choice}) == [
        {
            "label": "Lora",
            "path": "/mnt/nas/Lora",
            "method": "polling",
            "reason": "because",
            "remedy": "do this",
            "filesystem": "nfs4",
            "stable_inodes": True,
            "network": True,
        }
    ]
