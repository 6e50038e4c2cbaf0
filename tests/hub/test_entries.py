from typing import Any

import pytest
from quartermaster.hub.entries import claimed_autov3, read_entries, read_entry
from quartermaster.hub.errors import FieldError
from quartermaster.hub.limits import Limits
from quartermaster.hub_client.digest import entry_digest, metadata_digest
from quartermaster.tests.hub.samples import entry, sha

LIMITS = Limits()


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            ("path", path)
            for path in (
                "",
                "/etc/passwd",
                "//server/share",
                "\\\\server\\share",
                "\\x",
                "C:\\models\\x.pt",
                "c:/models/x.pt",
                "..",
                "../x",
                "a/../b",
                "a/..",
                "a\\..\\b",
                "a/b\\c.pt",
                "./a",
                "a/./b",
                "a//b",
                "a/",
                "a\nb",
                "a\x00b",
                "a\x7fb",
                "a\x9fb",
                "a\ud800b",
                "x" * 2049,
                "\u20ac" * 700,
                7,
                ["a"],
            )
        ],
        *[("type", kind) for kind in ("Model", "", 3, ["LORA"], {"a": 1})],
        *[("size", size) for size in (-1, 1 << 63, 10**30, True, 1.0, "1", [1])],
        *[("mtime_ns", mtime) for mtime in (1 << 63, 1.5, True, "0")],
        *[
            ("sha256", value)
            for value in ("", "abc", "g" * 64, "0" * 63, "0" * 65, "0" * 63 + "\n", "0" * 63 + "\u0663", 5, True)
        ],
        *[("shared", value) for value in (0, 1, "false", [], {})],
        *[("autov2", value) for value in ("", "0" * 9, "0" * 11, "z" * 10, 1)],
        *[("tensor_sha256", value) for value in ("", "0" * 12, 1)],
        ("hash_state", "sure"),
        ("hash_state", ["verified"]),
        ("state", "offline"),
        *[("confidence", value) for value in (-0.1, 1.1, True, "1", float("nan"))],
        *[("ecosystem", value) for value in (1, "a\x00", "a\udfff", "x" * 501)],
        ("base_model", {}),
        ("evidence", "a"),
        ("evidence", deep(40)),
        ("conflicts", {"a": 1}),
        ("conflicts", ["x" * 70_000]),
        *[("metadata", value) for value in ("", "abc", "g" * 16, 1, [], {"a": deep(40)})],
    ],
)
def test_a_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        read_entries([entry("good"), {**entry("bad"), field: value}], "models", LIMITS)
    assert caught.value.details == {"field": f"models[1].{field}"}
    assert caught.value.message.startswith(f"models[1].{field}: ")
    assert caught.value.code == "invalid_field"


@pytest.mark.parametrize("field", ["path", "type", "size", "sha256"])
def test_a_required_field_is_missed(field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_entry({**entry("one"), field: None}, LIMITS)
    assert (caught.value.code, caught.value.field) == ("missing_required_field", field)


@pytest.mark.parametrize("value", [None, 1, "x", [], True])
def test_an_entry_is_an_object(value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        read_entries([value], "models", LIMITS)
    assert caught.value.field == "models[0]"


def test_one_path_cannot_stand_twice() -> None:
    with pytest.raises(FieldError) as caught:
        read_entries([entry("one"), entry("two"), entry("one", content="else")], "upserts", LIMITS)
    assert caught.value.field == "upserts[2].path"


def test_an_autov2_must_go_with_its_sha256() -> None:
    with pytest.raises(FieldError) as caught:
        read_entry(entry("one", autov2="0" * 10), LIMITS)
    assert caught.value.field == "autov2"


@pytest.mark.parametrize(
    "path",
    [
        "x.pt",
        "models/Lora/Größe 3/日本語.safetensors",
        "a/..b/c..",
        "a/C:.pt",
        "a/\u00a0.pt",
        "a/ b",
        ".hid/x",
    ],
)
def test_odd_but_honest_paths_are_taken(path: str) -> None:
    assert read_entry({**entry("one"), "path": path}, LIMITS).path == path


def test_case_does_not_matter_and_lower_case_is_kept() -> None:
    read = read_entry(entry("one", type="lora", sha256=sha("one").upper(), tensor_sha256="AB" * 32), LIMITS)
    assert (read.type, read.sha256, read.autov2, read.tensor_sha256) == ("LORA", sha("one"), sha("one")[:10], "ab" * 32)


def test_the_digest_is_over_the_entry_as_it_was_sent() -> None:
    sent = entry("one", type="lora", sha256=sha("one").upper(), future_key={"b": 1, "a": [None]})
    assert read_entry(sent, LIMITS).digest == entry_digest(sent)


def test_a_hash_of_unstated_origin_is_a_claim() -> None:
    sent = entry("one")
    del sent["hash_state"]
    read = read_entry(sent, LIMITS)
    assert (read.hash_state, read.state) == ("claimed", "present")


def test_an_autov2_alone_is_enough() -> None:
    read = read_entry({"path": "a.pt", "type": "VAE", "size": 0, "autov2": "ABCDEF0123"}, LIMITS)
    assert (read.sha256, read.autov2) == (None, "abcdef0123")


def test_metadata_travels_as_object_or_as_its_digest() -> None:
    metadata = {"b": "\ud800", "a": {"c": 1}}
    whole = read_entry(entry("one", metadata=metadata), LIMITS)
    short = read_entry(entry("one", metadata=metadata_digest(metadata)), LIMITS)
    assert whole.metadata_digest == short.metadata_digest == metadata_digest(metadata)
    assert whole.digest == short.digest
    assert (whole.metadata, short.metadata) == ('{"a":{"c":1},"b":"\\ud800"}', None)


@pytest.mark.parametrize(
    ("metadata", "claim"),
    [
        ({"sshs_model_hash": "AB" * 32}, "ab" * 6),
        ({"header": {"sshs_model_hash": "0x" + "cd" * 32}}, "cd" * 6),
        ({"sshs_model_hash": "None"}, None),
        ({"sshs_model_hash": 12}, None),
        ({}, None),
    ],
)
def test_a_files_own_claim_of_its_tensor_hash_is_found(metadata: dict[str, Any], claim: str | None) -> None:
    assert claimed_autov3(metadata) == claim
