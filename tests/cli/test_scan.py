import json
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest
from quartermaster.cli.main import main
from quartermaster.tests.cli.processes import Home
from quartermaster.tests.fakes.model_files import settle, write_model

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def forge(folder: Path) -> Path:
    write_model(folder / "models/Lora/a.safetensors")
    write_model(folder / "models/Stable-diffusion/b.safetensors", bytes(100))
    (folder / "webui.py").write_bytes(b"")
    return folder


def scanned(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[dict[str, dict[str, object]], str]:
    assert main(["scan", "--json", *map(str, arguments)]) == 0
    shown = capsys.readouterr()
    assert shown.out.isascii()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    return {row["path"]: row for row in rows}, shown.err


def test_each_file_has_a_line_with_its_published_path_type_and_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, err = scanned(capsys, forge(tmp_path))
    status = (tmp_path / "models/Lora/a.safetensors").stat()
    assert rows["models/Lora/a.safetensors"] == {
        "path": "models/Lora/a.safetensors", "type": "LORA", "size": status.st_size, "mtime_ns": status.st_mtime_ns,
        "unpublished": None,
    }  # fmt: skip
    assert rows["models/Stable-diffusion/b.safetensors"]["type"] == "Checkpoint"
    assert "2 model files" in err and "a1111 layout" in err and "not to be published" not in err


def test_what_is_listed_but_would_not_be_published_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lora = forge(tmp_path) / "models/Lora"
    whole = write_model(lora / "cut.safetensors", bytes(100))
    (lora / "cut.safetensors").write_bytes(whole[:-1])
    (lora / "header.safetensors").write_bytes(whole[:20])
    (lora / "page.safetensors").write_bytes(b"<html>404</html>")
    (lora / "empty.pt").write_bytes(b"")
    for name in ("cut", "header", "page"):
        settle(lora / f"{name}.safetensors")
    settle(lora / "empty.pt")
    write_model(lora / "loading.safetensors")
    (lora / "loading.safetensors.aria2").write_bytes(b"")
    write_model(lora / "fresh.safetensors")
    ahead = time.time_ns() + 3600 * 10**9
    os.utime(lora / "fresh.safetensors", ns=(ahead, ahead))
    (lora / "partial.safetensors.part").write_bytes(b"not listed at all")
    rows, err = scanned(capsys, tmp_path)
    said = {path.rpartition("/")[2]: row["unpublished"] for path, row in rows.items()}
    assert said.pop("a.safetensors") is None and said.pop("b.safetensors") is None
    assert {name: str(why).split(";")[0] for name, why in said.items()} == {
        "cut.safetensors": f"has {len(whole) - 1} bytes, its header promises {len(whole)}",
        "header.safetensors": "ends within its header, at 20 bytes",
        "page.safetensors": "does not begin with a safetensors header",
        "empty.pt": "it is empty",
        "loading.safetensors": "a download of it is under way (an .aria2 file stands beside it)",
        "fresh.safetensors": "it was written to just now",
    }
    assert "8 model files" in err and "6 of them not to be published yet" in err
    assert main(["scan", str(tmp_path)]) == 0
    assert "cut.safetensors  (not published: has" in capsys.readouterr().out


@posix
def test_what_cannot_be_listed_is_passed_over_with_words(home: Home) -> None:
    with tempfile.TemporaryDirectory() as short:  # the address of a socket has 100 bytes
        folder = forge(Path(short))
        lora = folder / "models/Lora"
        os.mkfifo(lora / "pipe.safetensors")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(lora / "socket.ckpt"))
        write_model(lora / "line\nbreak.safetensors")
        write_model(Path(os.fsdecode(os.fsencode(lora) + b"/bad\xff.safetensors")))
        write_model(lora / ("n" * 243 + ".safetensors"))
        (lora / "nowhere.safetensors").symlink_to("missing.safetensors")
        (lora / "loop").symlink_to(".")
        (lora / "itself.safetensors").symlink_to("itself.safetensors")
        ended = home.run("scan", "--json", str(folder))
    assert ended.code == 0
    assert sorted(row["path"] for row in ended.lines()) == [
        "models/Lora/a.safetensors", "models/Stable-diffusion/b.safetensors"
    ]  # fmt: skip
    told = [line for line in ended.err.splitlines() if line.startswith("passed over: ")]
    assert len(told) == 7, ended.err
    for name in ("pipe.", "socket.", "line\\nbreak.", "bad\\xff.", "nnn.", "nowhere.", "itself."):
        assert any(name in line for line in told), name


def test_patterns_leave_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, _ = scanned(capsys, forge(tmp_path), "--exclude", "a.*")
    assert list(rows) == ["models/Stable-diffusion/b.safetensors"]


def test_an_empty_folder_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, err = scanned(capsys, tmp_path)
    assert rows == {} and "0 model files" in err


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_folder_that_is_none_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert main(["scan", str(tmp_path / name)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{name}' cannot be listed: " in shown.err and "Errno" not in shown.err and "--models" not in shown.err


@pytest.mark.parametrize("arguments", [[""], [" "]])
def test_what_names_no_folder_is_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["scan", *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().out == ""
