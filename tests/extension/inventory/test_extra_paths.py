from pathlib import Path

import pytest
from quartermaster.extension.inventory.extra_paths import MAX_BYTES, ExtraPath, ExtraPaths, read_extra_paths


def read(folder: Path, text: str | bytes) -> ExtraPaths:
    file = folder / "extra_model_paths.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_extra_paths(file)


def test_a_missing_or_empty_file_is_empty(tmp_path: Path) -> None:
    assert read_extra_paths(tmp_path / "none.yaml") == ExtraPaths()
    assert read(tmp_path, "# nothing but a comment\n") == ExtraPaths()


def test_the_example_of_comfyui_is_understood(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
# for the other web UI
a111:
    base_path: /srv/webui/   # where it is
    checkpoints: models/Stable-diffusion
    configs: models/Stable-diffusion
    loras: |
         models/Lora

         models/LyCORIS
    embeddings: embeddings
empty:
other_ui:
    gligen: models/gligen
    custom_nodes: path/custom_nodes
""",
    )
    webui = Path("/srv/webui").absolute()
    assert found.notes == ()
    assert found.paths == (
        ExtraPath(str(webui / "models" / "Stable-diffusion"), "Checkpoint"),
        ExtraPath(str(webui / "models" / "Lora"), "LORA"),
        ExtraPath(str(webui / "models" / "LyCORIS"), "LORA"),
        ExtraPath(str(webui / "embeddings"), "TextualInversion"),
        ExtraPath(str(tmp_path / "models" / "gligen"), "Other"),
    )


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, "a:\n  base_path: ../shared\n  vae: v\nb:\n  vae: w\n")
    assert [path.path for path in found.paths] == [str(tmp_path.parent / "shared" / "v"), str(tmp_path / "w")]


def test_variables_and_the_home_folder_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("MODELS", str(tmp_path / "nas"))
    found = read(
        tmp_path, "a:\n  base_path: $MODELS\n  vae: v\nb:\n  base_path: ~/ui\n  vae: w\nc:\n  vae: $MODELS/x\n"
    )
    assert [path.path for path in found.paths] == [
        str(tmp_path / "nas" / "v"),
        str(tmp_path / "home" / "ui" / "w"),
        str(tmp_path / "nas" / "x"),
    ]


def test_default_sections_come_first(tmp_path: Path) -> None:
    found = read(tmp_path, "a:\n  vae: v\nb:\n  is_default: true\n  vae: w\n")
    assert [Path(path.path).name for path in found.paths] == ["w", "v"]


def test_an_unknown_kind_is_left_to_the_folders_names(tmp_path: Path) -> None:
    assert read(tmp_path, "a:\n  something_new: x\n").paths[0].kind is None


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "just text",
        "- a\n- b\n",
        "!!python/object/apply:os.system ['true']",
        "a: 2025-13-45",
        b"\xff\xfe\xff",
        "a: " + "[" * 100_000,
        "x: " + "y" * MAX_BYTES,
        "a:\n  base_path: [1]\n  vae: v\n",
        'a:\n  base_path: "a\\0b"\n  vae: v\n',
        'a:\n  vae: "a\\0b"\n',
        "a:\n  vae: [v, w]\n",
        "a:\n  vae: {b: 1}\n",
        "a: &a\n  vae: *a\n",
        "a: 7\n",
    ],
)
def test_a_broken_or_hostile_file_is_a_note(tmp_path: Path, text: str | bytes) -> None:
    found = read(tmp_path, text)
    assert found.paths == ()
    assert len(found.notes) == 1
    assert str(tmp_path) in found.notes[0]


def test_a_folder_in_the_files_place_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "extra_model_paths.yaml").mkdir()
    assert "not a regular file" in read_extra_paths(tmp_path / "extra_model_paths.yaml").notes[0]
