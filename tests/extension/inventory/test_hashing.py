"""hashing over real files: the hashes, the sample, and what happens to the file meanwhile."""

import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from quartermaster.extension.inventory.completeness import MAX_PARSED_BYTES
from quartermaster.extension.inventory.control import HashControl
from quartermaster.extension.inventory.errors import (
    FileChangedError,
    FileVanishedError,
    HashingCancelledError,
    IncompleteFileError,
)
from quartermaster.extension.inventory.hashing import CHUNK_BYTES, hash_file, sample_file, sample_spans

KIB = 1024
ODD_SIZES = [0, 1, 65_535, 262_144, 262_145, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES, 5_000_011]


def noise(size_bytes: int, seed: int = 1) -> bytes:
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size_bytes)


def safetensors(tensor_bytes: bytes, *, promise: int | None = None, padding: int = 0) -> bytes:
    """Return a well-formed safetensors file, or one whose header promises another length."""
    end = len(tensor_bytes) if promise is None else promise
    header = {"__metadata__": {"format": "pt"}, "w": {"dtype": "U8", "shape": [end], "data_offsets": [0, end]}}
    text = json.dumps(header).encode() + b" " * padding
    return len(text).to_bytes(8, "little") + text + tensor_bytes


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


class Meddler(HashControl):
    """Does something to the file once so many bytes were read."""

    def __init__(self, after_bytes: int, action: Callable[[], object]) -> None:
        super().__init__(on_progress=self._count, mib_per_second=1e6)
        self._left = after_bytes
        self._action: Callable[[], object] | None = action

    def _count(self, size_bytes: int) -> None:
        self._left -= size_bytes
        if self._left <= 0 and self._action:
            action, self._action = self._action, None
            action()


@pytest.mark.parametrize("size", ODD_SIZES)
def test_the_sha256_is_that_of_the_bytes(tmp_path: Path, size: int) -> None:
    content = noise(size)
    found = hash_file(write(tmp_path / "m.ckpt", content), want_tensor_hash=True)
    status = (tmp_path / "m.ckpt").stat()
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.tensor_sha256 is None
    assert (found.size_bytes, found.bytes_read) == (size, size)
    assert (found.mtime_ns, found.inode) == (status.st_mtime_ns, status.st_ino)


@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize("padding", [0, 400 * KIB])
def test_the_tensor_hash_leaves_out_the_header(tmp_path: Path, size: int, padding: int) -> None:
    content = safetensors(noise(size), padding=padding)
    found = hash_file(write(tmp_path / "l.safetensors", content), want_tensor_hash=True)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.tensor_sha256 == hashlib.sha256(noise(size)).hexdigest()
    assert found.bytes_read == len(content)


def test_two_files_that_differ_in_metadata_share_the_tensor_hash(tmp_path: Path) -> None:
    one = hash_file(write(tmp_path / "1.SFT", safetensors(b"w" * 99)), want_tensor_hash=True)
    two = hash_file(write(tmp_path / "2.sft", safetensors(b"w" * 99, padding=9)), want_tensor_hash=True)
    assert one.tensor_sha256 == two.tensor_sha256
    assert one.sha256 != two.sha256


def test_the_tensor_hash_is_computed_only_where_it_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / "l.safetensors", safetensors(b"w" * 99))
    assert hash_file(path, want_tensor_hash=False).tensor_sha256 is None


def test_a_header_too_large_to_parse_still_gives_both_hashes(tmp_path: Path) -> None:
    content = safetensors(noise(KIB), padding=MAX_PARSED_BYTES)
    found = hash_file(write(tmp_path / "l.safetensors", content), want_tensor_hash=True)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.tensor_sha256 == hashlib.sha256(noise(KIB)).hexdigest()


def test_a_truncated_file_is_refused_before_its_gigabytes_are_read(tmp_path: Path) -> None:
    read: list[int] = []
    path = write(tmp_path / "l.safetensors", safetensors(noise(3_000_000), promise=9_000_000_000))
    with pytest.raises(IncompleteFileError):
        hash_file(path, want_tensor_hash=True, control=HashControl(on_progress=read.append))
    assert sum(read) < 1000


def test_only_the_name_makes_a_file_answerable_to_a_safetensors_header(tmp_path: Path) -> None:
    assert hash_file(write(tmp_path / "l.pt", b""), want_tensor_hash=True).sha256 == hashlib.sha256(b"").hexdigest()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def replace_keeping_size_and_mtime(path: Path) -> None:
    status = path.stat()
    other = write(path.with_name("other"), noise(status.st_size, 2))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (grow, FileChangedError),
        (lambda path: os.truncate(path, 700_000), FileChangedError),
        (lambda path: os.utime(path, (5, 5)), FileChangedError),
        (replace_keeping_size_and_mtime, FileChangedError),
        (lambda path: path.unlink(), FileVanishedError),
    ],
    ids=["grows", "shrinks", "touched", "replaced", "deleted"],
)
@pytest.mark.parametrize("after", [1, 2_000_000])
def test_a_change_during_the_read_is_noticed(
    tmp_path: Path, change: Callable[[Path], object], error: type[Exception], after: int
) -> None:
    path = write(tmp_path / "m.ckpt", noise(2_000_000))
    with pytest.raises(error, match=r"m\.ckpt"):
        hash_file(path, want_tensor_hash=False, control=Meddler(after, lambda: change(path)))


def test_without_stable_inodes_a_new_number_is_no_change(tmp_path: Path) -> None:
    path = write(tmp_path / "m.ckpt", noise(2_000_000))
    control = Meddler(1, lambda: replace_keeping_size_and_mtime(path))
    found = hash_file(path, want_tensor_hash=False, control=control, stable_inodes=False)
    assert found.sha256 == hashlib.sha256(noise(2_000_000)).hexdigest()


def test_a_file_that_changed_during_a_pause_is_not_read_on(tmp_path: Path) -> None:
    path = write(tmp_path / "m.ckpt", noise(9_000_000))
    read: list[int] = []
    halted = threading.Event()
    errors: list[Exception] = []

    def follow(size_bytes: int) -> None:
        read.append(size_bytes)
        if not halted.is_set():
            control.pause()
            halted.set()

    def work() -> None:
        try:
            hash_file(path, want_tensor_hash=False, control=control)
        except FileChangedError as error:
            errors.append(error)

    control = HashControl(on_progress=follow)
    worker = threading.Thread(target=work)
    worker.start()
    assert halted.wait(60)
    grow(path)
    control.resume()
    worker.join(60)
    assert len(errors) == 1
    assert sum(read) < 9_000_000


def test_a_cancelled_hash_ends_with_its_own_error(tmp_path: Path) -> None:
    control = HashControl()
    control.cancel()
    with pytest.raises(HashingCancelledError):
        hash_file(write(tmp_path / "m.ckpt", b"x"), want_tensor_hash=False, control=control)


def test_progress_adds_up_to_the_file(tmp_path: Path) -> None:
    read: list[int] = []
    content = safetensors(noise(9_000_001))
    control = HashControl(on_progress=read.append)
    hash_file(write(tmp_path / "l.safetensors", content), want_tensor_hash=True, control=control)
    assert sum(read) == len(content)
    assert 1 < len(read) < 9


@pytest.mark.parametrize("size", ODD_SIZES)
def test_the_sample_of_a_hash_is_the_sample_of_the_file(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "m.ckpt", noise(size))
    assert hash_file(path, want_tensor_hash=False).sample == sample_file(path)


@pytest.mark.parametrize("size", ODD_SIZES)
def test_a_sample_covers_ordered_spans_within_the_file(size: int) -> None:
    spans = sample_spans(size)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert (edges[0], edges[-1]) == (0, size)


def test_the_sample_of_a_safetensors_is_taken_across_its_header(tmp_path: Path) -> None:
    path = write(tmp_path / "l.safetensors", safetensors(noise(900_000), padding=300_000))
    assert hash_file(path, want_tensor_hash=True).sample == sample_file(path)


@pytest.mark.parametrize("place", ["head", "middle", "tail", "length"])
def test_another_file_has_another_sample(tmp_path: Path, place: str) -> None:
    content = bytearray(noise(1_000_000))
    before = sample_file(write(tmp_path / "a", content))
    if place == "length":
        content = content[:500_000] + b"\x00" + content[500_000:]
    else:
        content[{"head": 0, "middle": sample_spans(len(content))[2][0], "tail": -1}[place]] ^= 1
    assert sample_file(write(tmp_path / "b", content)) != before


def test_odd_names_are_hashed_and_named_in_one_line(tmp_path: Path) -> None:
    name = "new\nline.ckpt" if os.name != "nt" else "名前.ckpt"
    assert hash_file(write(tmp_path / name, b"x"), want_tensor_hash=False).size_bytes == 1
    with pytest.raises(FileVanishedError) as caught:
        hash_file(str(tmp_path / name) + "x", want_tensor_hash=False)
    assert "\n" not in str(caught.value)


def test_a_link_is_followed(tmp_path: Path) -> None:
    target = write(tmp_path / "m.ckpt", b"content")
    link = tmp_path / "link.ckpt"
    try:
        link.symlink_to(target)
    except OSError:
        assert os.name == "nt"  # Windows lets only some users make links
        return
    assert hash_file(link, want_tensor_hash=False) == hash_file(target, want_tensor_hash=False)


def test_the_file_can_be_renamed_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.ckpt", noise(2_000_000))
    control = Meddler(1, lambda: path.rename(tmp_path / "renamed.ckpt"))
    with pytest.raises(FileVanishedError):
        hash_file(path, want_tensor_hash=False, control=control)
    assert (tmp_path / "renamed.ckpt").stat().st_size == 2_000_000


def test_a_read_is_a_few_hundred_kib() -> None:
    assert 2048 < CHUNK_BYTES <= 1 << 20  # above 2,047 bytes hashlib lets other threads run
