import pytest
from hypothesis import given
from hypothesis import strategies as st
from quartermaster.hub.names import KEY_CHARACTERS, fold, name_key, read_asked, read_file_name

ONE_FILE = [
    "models/Stable-diffusion/Pony/cyber_v8.safetensors",
    "Pony/cyber_v8.safetensors",
    "Pony\\cyber_v8.safetensors",
    "Pony/cyber_v8",
    "PONY\\Cyber_V8.SAFETENSORS",
    "C:\\sd\\models\\Stable-diffusion\\Pony\\cyber_v8.safetensors",
    "\\\\nas\\share\\models\\Stable-diffusion\\Pony\\cyber_v8.safetensors",
    "\\\\?\\D:\\models\\Stable-diffusion\\Pony\\cyber_v8.safetensors",
    "/srv/models/Stable-diffusion/Pony/cyber_v8.safetensors",
    "./models/Stable-diffusion/../Stable-diffusion/Pony//cyber_v8.safetensors",
]


@pytest.mark.parametrize("text", ONE_FILE)
def test_a_path_is_the_same_in_every_notation(text: str) -> None:
    ours, other = read_file_name(ONE_FILE[0]), read_file_name(text)
    assert ours is not None and other is not None
    assert ours.is_same_path(other) and other.is_same_path(ours)
    assert name_key(ours) == name_key(other) == "cyber_v8"


def test_another_folder_another_extension_or_another_name_is_no_same_path() -> None:
    ours = read_file_name("Pony/cyber_v8.safetensors")
    assert ours is not None
    for text in ("SDXL/cyber_v8.safetensors", "Pony/cyber_v8.ckpt", "Pony/cyber_v9.safetensors", "xPony/cyber_v8"):
        other = read_file_name(text)
        assert other is not None and not ours.is_same_path(other)
    bare = read_file_name("cyber_v8")
    assert bare is not None and bare.agrees_with(ours) and not bare.is_same_path(ours)  # a name alone has no folders


def test_a_name_is_folded_in_case_and_composed() -> None:
    assert read_file_name("Ange\u0301lique/STRASSE.pt") == read_file_name("ang\u00e9lique/stra\u00dfe.PT")


def test_only_the_extension_of_a_model_is_cut_off() -> None:
    file = read_file_name("dreamshaper_8.1")
    assert file is not None and (file.stem, file.extension) == ("dreamshaper_8.1", "")
    file = read_file_name("anna.v2.Safetensors")
    assert file is not None and (file.stem, file.extension) == ("anna.v2", ".safetensors")
    file = read_file_name(".safetensors")
    assert file is not None and file.stem == ".safetensors"


@pytest.mark.parametrize("text", ["", "/", "\\", "..", "a/..", "C:", "C:\\", " ", "./", "\\\\?\\"])
def test_what_names_no_file_is_none(text: str) -> None:
    assert read_file_name(text) is None
    assert read_asked(text) is None


@pytest.mark.parametrize(
    ("text", "stem", "digits", "kind"),
    [
        ("cyber_v8.safetensors [9f90c59f3a]", "cyber_v8", "9f90c59f3a", None),
        ("Pony\\cyber_v8.safetensors [9F90C59F3A]", "cyber_v8", "9f90c59f3a", None),
        ("cyber_v8 [" + "a" * 64 + "]", "cyber_v8", "a" * 64, None),
        ("cyber_v8.ckpt [a1b2c3d4]", "cyber_v8", None, None),  # A1111's old hash of eight digits
        ("cyber [draft].ckpt", "cyber [draft]", None, None),
        ("<lora:anna:0.8>", "anna", None, "LORA"),
        ("<lora:chars/anna:1:0.5>", "anna", None, "LORA"),
        ("<LyCO:anna:te=1:unet=0.5>", "anna", None, "LORA"),
        ("<hypernet:old>", "old", None, "Hypernetwork"),
        ("<lora:>", "<lora:>", None, None),
    ],
)
def test_titles_and_prompt_networks_are_read(text: str, stem: str, digits: str | None, kind: str | None) -> None:
    asked = read_asked(text)
    assert asked is not None
    assert (asked.file.stem, asked.hash.digits if asked.hash else None, asked.type) == (stem, digits, kind)


def test_a_key_stays_within_what_an_index_takes() -> None:
    long = read_file_name("\U0001f600" * 5000)
    longer = read_file_name("\U0001f600" * 5001)
    assert long is not None and longer is not None
    assert name_key(long) != name_key(longer)
    assert len(name_key(long)) <= KEY_CHARACTERS


@given(st.text())
def test_any_text_is_read_without_a_fault_and_reading_is_stable(text: str) -> None:
    file = read_file_name(text)
    read_asked(text)
    if file is not None:
        again = read_file_name("/".join(["x", *file.folders, file.stem + file.extension]))
        assert again is not None and again.stem == file.stem
    assert fold(fold(text)) == fold(text)
