from itertools import permutations
from pathlib import Path

import pytest
from quartermaster.extension.inventory.roots import Root, RootError, exclusion, label_roots, parse_root


def labels(*paths: str, base: str | None = None) -> list[str]:
    return [root.label for root in label_roots([Root(path, "", None) for path in paths], base)]


@pytest.mark.parametrize(("written", "kind"), [("LORA", "LORA"), ("lora", "LORA"), ("Vae", "VAE"), ("auto", None)])
def test_a_kind_is_read_in_any_case(written: str, kind: str | None, tmp_path: Path) -> None:
    assert parse_root(f"{written}={tmp_path}") == (kind, str(tmp_path))


def test_only_the_first_equals_sign_separates() -> None:
    assert parse_root("LORA=/data/a=b") == ("LORA", str(Path("/data/a=b").absolute()))


def test_a_drive_letter_belongs_to_the_path() -> None:
    assert parse_root("VAE=C:\\models\\VAE")[1].endswith("C:\\models\\VAE")


def test_a_path_is_absolute_and_its_links_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    monkeypatch.chdir(tmp_path)
    assert parse_root("LORA=link") == ("LORA", str(tmp_path / "link"))


@pytest.mark.parametrize(
    "argument", ["/data/loras", "C:\\loras", "Lorra=/data", "=/data", "LORA=", "LORA= ", "LORA=a\0"]
)
def test_a_wrong_argument_is_named(argument: str) -> None:
    with pytest.raises(RootError) as raised:
        parse_root(argument)
    assert repr(argument) in str(raised.value)


def test_an_unknown_kind_is_told_the_known_ones() -> None:
    with pytest.raises(RootError, match=r"Checkpoint.*LORA.*VAE"):
        parse_root("Lorra=/data")


def test_a_label_is_the_path_below_the_models_folder() -> None:
    assert labels("/ui/models/Lora", "/ui/embeddings", base="/ui") == ["models/Lora", "embeddings"]


def test_a_label_outside_is_the_folders_own_name() -> None:
    assert labels("/mnt/nas/loras", "/ui/models/Lora", base="/ui") == ["loras", "models/Lora"]


def test_folders_of_one_name_get_their_parents_in_every_order() -> None:
    paths = ["/a/loras", "/b/loras", "/c/other"]
    expected = {"/a/loras": "a/loras", "/b/loras": "b/loras", "/c/other": "other"}
    for order in permutations(paths):
        assert dict(zip(order, labels(*order), strict=True)) == expected


def test_the_only_number_is_the_last_resort() -> None:
    assert sorted(labels("/a\tb", "/a\nb")) == ["a_b", "a_b-2"]


def test_two_published_paths_never_meet() -> None:
    # "models" + "models/Lora/x" would be published under the same path as "models/Lora" + "x".
    assert labels("/x/models", "/x/models/models/Lora", base="/x/models") == ["x/models", "models/Lora"]


def test_a_folder_within_another_may_begin_with_its_label() -> None:
    assert labels("/ui/models", "/ui/models/Lora", base="/ui") == ["models", "models/Lora"]


def test_the_root_of_the_file_system_has_a_label_and_nothing_hangs() -> None:
    assert labels("/") == ["root"]
    assert len(set(labels("/", "/root/x", base="/"))) == 2


def test_a_label_has_nothing_that_a_hub_refuses() -> None:
    assert labels("/data/C:\\x\n\udcff") == ["C__x__"]


def test_a_path_given_twice_is_one_root() -> None:
    roots = label_roots([Root("/a", "", "LORA"), Root("/a", "", "VAE")])
    assert [(root.path, root.kind) for root in roots] == [("/a", "LORA")]


def test_a_given_label_stays() -> None:
    (root,) = label_roots([Root("/a/b", "My LoRAs", "LORA")])
    assert root.label == "My LoRAs"


def test_no_patterns_exclude_nothing() -> None:
    assert exclusion(()) is None


@pytest.mark.parametrize(
    "path", ["private", "private/a.pt", "deep/private/a.pt", "deep/x.ckpt", "x.ckpt", "a[1]", "a[1]/b/c", "top/a"]
)
def test_a_pattern_excludes_what_it_matches_and_all_beneath(path: str) -> None:
    pattern = exclusion(("private/", "*.ckpt", "a[[]1]", "/top"))
    assert pattern is not None
    assert pattern.match(path)


@pytest.mark.parametrize("path", ["privateer/a.pt", "x.ckpt2", "a1", "deep/top/a"])
def test_a_pattern_excludes_nothing_else(path: str) -> None:
    pattern = exclusion(("private/", "*.ckpt", "a[[]1]", "/top"))
    assert pattern is not None
    assert not pattern.match(path)
