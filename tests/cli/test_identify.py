import json
import os
from pathlib import Path

import pytest
from quartermaster.bench.layouts import cases, write_case
from quartermaster.cli.main import main

KEYS = ["path", "kind", "ecosystem", "base_model", "confidence", "evidence", "conflicts"]


def model(name: str, folder: Path) -> str:
    return str(write_case(next(case for case in cases() if case["id"] == name), folder))


def test_one_line_of_json_per_argument_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [model("lora-sd1-kohya-meta", tmp_path), model("flux1-schnell-bfl", tmp_path)]
    assert main(["identify", *paths, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["path"] for row in rows] == paths
    assert [(row["kind"], row["ecosystem"], row["base_model"]) for row in rows] == [
        ("LORA", "SD1", None),
        ("UNet", "Flux1", "Flux.1 S"),
    ]
    assert all(list(row)[: len(KEYS)] == KEYS for row in rows)


def test_what_cannot_be_read_has_a_line_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing, folder, broken = tmp_path / "missing.safetensors", tmp_path, tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10" + b"\0" * 7 + b"{nonsense       ")
    good = model("lora-sd1-kohya-meta", tmp_path)
    assert main(["identify", str(missing), str(folder), str(broken), good, "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["kind"] for row in rows] == [None, None, None, "LORA"]
    assert ["error" in row for row in rows] == [True, True, True, False]


def test_a_file_that_is_not_recognised_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.ckpt"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    assert main(["identify", str(path), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["kind"], row["ecosystem"], row["base_model"]) == (None, None, None)


def test_a_person_reads_the_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", model("lora-sdxl-hostile-says-sd1", tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "LORA, SDXL, confidence 0.60" in out
    assert "layout: the cross attention reads 2048 values" in out
    assert "! metadata: ss_base_model_version is 'sd_v1'" in out


def test_a_sidecar_is_read_unless_it_is_not_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = model("lora-sdxl-pony-in-name", tmp_path)
    Path(path).with_suffix(".civitai.info").write_text('{"baseModel": "Illustrious"}', encoding="utf-8")
    main(["identify", path, "--json"])
    main(["identify", path, "--json", "--no-sidecars"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["ecosystem"] for row in rows] == ["Illustrious", "SDXL"]


def test_a_file_name_that_is_no_text_comes_back_as_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\udcff" if os.name != "nt" else "a"  # a byte that is no UTF-8, which only Windows cannot have in a name
    path = str(tmp_path / f"{name}\x1b[31m.safetensors")
    assert main(["identify", path, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["path"] == path
