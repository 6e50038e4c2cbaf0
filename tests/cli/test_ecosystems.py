"""``quartermaster ecosystems``, as a person or a script calls it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from quartermaster.cli.main import main
from quartermaster.ecosystems import load

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "ecosystems"
OLD, NEW = DATA / "civitai-2025-12.json", DATA / "civitai-2026-08.json"


class Console:
    """Runs a command; keeps its exit code and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str | Path) -> tuple[int, str]:
        code = main(["ecosystems", *map(str, arguments)])
        captured = self._capsys.readouterr()
        self.err = captured.err
        assert captured.out.isascii() or "--json" not in arguments
        return code, captured.out

    def json(self, *arguments: str | Path) -> tuple[int, Any]:
        code, out = self(*arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def console(capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(capsys)


def test_check_of_a_good_catalogue_is_silent_on_stdout(console: Console) -> None:
    for path in (OLD, load.DEFAULT, load.DOCUMENT):
        assert console("check", path, "--json") == (0, "")
    assert "good" in console.err


def test_check_tells_each_fault_and_ends_with_1(console: Console, tmp_path: Path) -> None:
    raw = json.loads(OLD.read_text(encoding="utf-8"))
    raw["baseModels"][0]["groupId"] = 999
    raw["ecosystems"][0]["colour"] = "red"
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    code, out = console("check", path, "--json")
    faults = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert {(fault["file"], fault["record"], fault["field"]) for fault in faults} == {
        ("bad.json", "baseModels[0] 'AuraFlow'", "groupId"),
        ("bad.json", "ecosystems[0] 'Flux1'", "colour"),
    }
    code, out = console("check", path)
    assert code == 1
    assert "error: bad.json, baseModels[0] 'AuraFlow', field 'groupId': no record of baseModelGroups" in out


def test_check_of_one_file_of_a_folder_tells_of_that_file(console: Console, tmp_path: Path) -> None:
    for file in load.DEFAULT.rglob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert console("check", tmp_path / "flux-1.json") == (0, "")
    for name in ("flux-1.json", "flux-2.json"):
        raw = json.loads((tmp_path / name).read_text(encoding="utf-8"))
        raw["baseModels"][0]["group"] = "nowhere"
        (tmp_path / name).write_text(json.dumps(raw), encoding="utf-8")
    code, out = console("check", tmp_path / "flux-1.json", "--json")
    assert code == 1
    assert [(fault["file"], fault["field"]) for fault in map(json.loads, out.splitlines())] == [
        ("flux-1.json", "group")
    ]


def test_check_only_warns_of_superfluous_rules(console: Console) -> None:
    code, out = console("check", NEW, "--json")
    assert code == 0
    assert {json.loads(line)["level"] for line in out.splitlines()} == {"warning"}


def test_check_of_a_missing_file_is_1(console: Console, tmp_path: Path) -> None:
    assert console("check", tmp_path / "none.json")[0] == 1


def test_show(console: Console) -> None:
    code, answer = console.json("show", "SDXL_BASE_V1-0")
    assert (code, answer["name"], answer["ecosystem"]) == (0, "SDXL 1.0", "SDXL")
    code, out = console("show", "pony", "--json")
    assert [json.loads(line)["kind"] for line in out.splitlines()] == ["base_model", "ecosystem"]
    code, out = console("show", "illustrious", "--catalogue", OLD)
    assert code == 0
    assert "root: SDXL" in out


def test_show_of_an_unknown_name_is_1_with_a_hint(console: Console) -> None:
    assert console("show", "SDXL 1.1", "--json") == (1, "")
    assert "did you mean SDXL 1.0" in console.err


def test_settings_inherit_key_by_key(console: Console) -> None:
    code, answer = console.json("settings", "Pony", "--catalogue", OLD)
    assert code == 0
    assert answer["settings"] == {"checkpointVersionId": 290640, "steps": 25, "cfg": 7, "width": 1024, "height": 1024}
    assert answer["from"]["checkpointVersionId"] == "Pony"
    assert answer["from"]["width"] == "SDXL"
    _, answer = console.json("settings", "Pony", "--context", "tier=gold")
    assert answer["constraints"] == {"additionalResources": 12}
    code, out = console("settings", "Pony")
    assert "at most 9 additionalResources" in out
    assert console("settings", "nobody")[0] == 1


def test_explain_the_walkthroughs(console: Console) -> None:
    code, answer = console.json("explain", "illustrious", "pony", "--type", "lora", "--catalogue", OLD)
    assert (code, answer["grade"], len(answer["steps"])) == (0, "Partial", 4)
    code, answer = console.json("explain", "SDXL", "SD1", "--type", "TextualInversion", "--catalogue", OLD)
    assert (code, answer["grade"], len(answer["steps"])) == (0, "Partial", 5)
    training = ["--support", "training", "--catalogue", load.DOCUMENT]
    code, answer = console.json("explain", "Illustrious v1.5", *training)
    assert (code, answer["supported"], len(answer["steps"])) == (1, False, 1)
    code, answer = console.json("explain", "Illustrious v1.0", *training)
    assert (code, answer["supported"], answer["types"], len(answer["steps"])) == (0, True, ["LORA"], 5)


def test_explain_names_the_difference_that_overrides_make(console: Console) -> None:
    code, answer = console.json("explain", "SDXL Turbo", "SDXL 1.0", "--type", "LORA", "--catalogue", OLD)
    assert (code, answer["grade"], answer["table"]) == (1, "None", "Full")
    code, out = console("explain", "SDXL Turbo", "SDXL 1.0", "--type", "LORA", "--catalogue", OLD)
    assert "difference: the table says Full" in out


def test_explain_in_a_runtime(console: Console) -> None:
    code, answer = console.json("explain", "SD 3", "SD 3", "--type", "LORA", "--runtime", "Forge")
    assert (code, answer["grade"], answer["runtime"]) == (0, "Full", "forge")
    code, answer = console.json("explain", "Qwen", "Qwen", "--type", "LORA", "--runtime", "forge")
    assert (code, answer["grade"]) == (1, "None")


def test_explain_the_unknown(console: Console) -> None:
    code, answer = console.json("explain", "nobody", "SDXL 1.0", "--type", "LORA")
    assert (code, answer["grade"]) == (1, "Unknown")


def test_explain_tells_what_a_name_was_taken_for(console: Console) -> None:
    _, answer = console.json("explain", "SD3", "SD 3", "--type", "LORA")
    assert "taken as the ecosystem 'SD3'" in answer["notes"][0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "SDXL", "SDXL"],
        ["explain", "SDXL", "SDXL", "--type", "LORA", "--support", "training", "--runtime", "forge"],
        ["explain", "SDXL", "--runtime", "forge"],
        ["show", "SDXL", "--catalogue", "no/such/place"],
        ["compact", "no/such/file.json"],
    ],
)
def test_wrong_use_is_2(console: Console, arguments: list[str]) -> None:
    assert console(*arguments)[0] == 2
    assert console.err


@pytest.mark.parametrize(
    "arguments", [["explain", "a", "b", "--type", "lorry"], ["settings", "a", "--context", "x"], []]
)
def test_wrong_arguments_are_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["ecosystems", *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().err


def test_matrix(console: Console) -> None:
    code, out = console("matrix", "--runtime", "forge", "--json")
    rows = {row["checkpoint"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    assert "Pony" in rows["Illustrious"]["Partial"]
    assert rows["SD 1.5"]["Full"] == ["SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper"]
    assert "SD 3" not in rows
    _, out = console("matrix", "--runtime", "forge", "--hidden")
    assert re.search(r"^SD 3: Full: SD 3$", out, re.MULTILINE)


def test_table_prints_a_line_of_json_per_row(console: Console) -> None:
    code, out = console("table", "--catalogue", OLD, "--support", "generation", "--json")
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 66 * 66 * 23)
    assert json.loads(lines[0]) == {
        "checkpoint": "AuraFlow",
        "addon": "AuraFlow",
        "type": "AestheticGradient",
        "grade": "None",
    }
    assert list(json.loads(lines[-1])) == ["checkpoint", "addon", "type", "grade"]


def test_compact_and_expand_are_inverse(console: Console, tmp_path: Path) -> None:
    legacy, records = tmp_path / "legacy.json", tmp_path / "records.json"
    code, out = console("expand", "--catalogue", OLD, "--json")
    assert code == 0
    legacy.write_text(out, encoding="utf-8")
    code, document = console.json("compact", legacy)
    assert (code, document["exceptions"]) == (0, [])
    assert document["report"][0]["entry"].endswith(".support[0]")
    assert "0 of them exceptions" in console.err
    assert console("compact", legacy, "--output", records) == (0, "")
    assert json.loads(records.read_text(encoding="utf-8")) == document
    assert console("check", records)[0] == 0
    for arguments in (["expand", records], ["expand", "--catalogue", records]):
        code, again = console(*arguments)
        assert code == 0
        assert again == out


def test_a_configuration_with_a_key_twice_is_not_half_read(console: Console, tmp_path: Path) -> None:
    legacy = tmp_path / "legacy.json"
    legacy.write_text('[{"group": "A", "support": [], "support": []}]', encoding="utf-8")
    assert console("compact", legacy)[0] == 2
    assert "'support' twice" in console.err


def test_a_reader_that_goes_away_is_no_fault() -> None:
    command = [sys.executable, "-m", "quartermaster", "ecosystems", "table", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_base_model_is_added_in_the_five_lines_of_the_docs(console: Console, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    block = re.search(r"```json five-lines\n(.*?)```", text, re.DOTALL)
    assert block is not None
    lines = block[1].rstrip("\n").splitlines()
    assert len(lines) == 5
    place = re.search(r"five lines.*?`([\w/.-]+\.json)`", text, re.DOTALL)
    assert place is not None

    for file in load.DEFAULT.rglob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    target = tmp_path / Path(place[1]).name
    content = target.read_text(encoding="utf-8")
    opening = '  "baseModels": [\n'
    assert content.count(opening) == 1
    target.write_text(content.replace(opening, opening + "\n".join(lines) + "\n"), encoding="utf-8")

    assert console("check", tmp_path) == (0, "")
    name = json.loads("\n".join(lines).rstrip(","))["name"]
    code, answer = console.json("show", name, "--catalogue", tmp_path)
    assert (code, answer["root"]) == (0, "SDXL")
    code, answer = console.json(
        "explain", name, "Pony", "--type", "LORA", "--runtime", "forge", "--catalogue", tmp_path
    )
    assert (code, answer["grade"]) == (0, "Partial")
