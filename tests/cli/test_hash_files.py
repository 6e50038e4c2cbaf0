import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
from quartermaster.cli.main import main
from quartermaster.tests.cli.processes import Home
from quartermaster.tests.fakes.model_files import write_model


def test_a_line_of_json_per_file_in_order_with_every_name_of_its_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, other = tmp_path / "größe.safetensors", tmp_path / "b.ckpt"
    content = write_model(model, b"the tensors")
    other.write_bytes(b"pickled")
    assert main(["hash", "--json", str(other), str(model)]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    digest, tensors = sha256(content).hexdigest(), sha256(b"the tensors").hexdigest()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"path": str(other), "size": 7, "sha256": sha256(b"pickled").hexdigest(),
         "autov2": sha256(b"pickled").hexdigest()[:10], "tensor_sha256": None, "autov3": None},
        {"path": str(model), "size": len(content), "sha256": digest, "autov2": digest[:10],
         "tensor_sha256": tensors, "autov3": tensors[:12]},
    ]  # fmt: skip


def test_what_is_not_whole_is_hashed_as_it_is_but_has_no_tensors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(write_model(path)[:-1])
    (tmp_path / "empty.safetensors").write_bytes(b"")
    assert main(["hash", "--json", str(path), str(tmp_path / "empty.safetensors")]) == 0
    cut, empty = map(json.loads, capsys.readouterr().out.splitlines())
    assert (cut["sha256"], cut["autov3"]) == (sha256(path.read_bytes()).hexdigest(), None)
    assert empty["sha256"] == sha256(b"").hexdigest()


def test_one_that_cannot_be_read_is_a_no_and_the_others_are_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(tmp_path / "a.safetensors")
    places = [str(tmp_path / "missing"), str(tmp_path), str(tmp_path / "a.safetensors")]
    assert main(["hash", *places, "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["path"] for row in rows] == places
    assert ["error" in row for row in rows] == [True, True, False]
    assert main(["hash", *places]) == 1
    shown = capsys.readouterr()
    assert "missing: the file is not there" in shown.err
    assert "missing" not in shown.out


def test_a_person_reads_the_hashes_and_a_rate_only_where_it_means_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(tmp_path / "small.safetensors")
    (tmp_path / "large.bin").write_bytes(bytes(2 << 20))
    assert main(["hash", str(tmp_path / "small.safetensors"), str(tmp_path / "large.bin")]) == 0
    small, large = capsys.readouterr().out.split(str(tmp_path / "large.bin"))
    assert "SHA-256" in small and "AutoV2" in small and "AutoV3" in small
    assert " at " not in small
    assert "2,097,152 bytes at " in large and "AutoV3" not in large


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_odd_names_stay_on_their_line_and_come_back_as_given(home: Home, tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"a\n\xff\x1b[2J.bin")
    Path(os.fsdecode(name)).write_bytes(b"x")
    ended = home.run("hash", name)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == str(tmp_path) + "/a\\n\\xff\\x1b[2J.bin"
    (row,) = home.run("hash", "--json", name).lines()
    assert os.fsencode(row["path"]) == name
