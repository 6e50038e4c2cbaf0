from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quartermaster.hub_client import MalformedMessageError, ModelEntry
from quartermaster.hub_client.digest import entry_digest, metadata_digest, to_hex

SHA = "ab" * 32
WIRE: dict[str, Any] = {"path": "models/Lora/x.safetensors", "type": "LORA", "size": 3, "sha256": SHA}
FULL = ModelEntry(
    path="models/Lora/x.safetensors",
    type="LORA",
    size_bytes=151112345,
    sha256=SHA,
    mtime_ns=1700000000000000000,
    tensor_sha256="cd" * 32,
    hash_state="claimed",
    state="stale",
    ecosystem="Pony",
    base_model="Pony",
    confidence=0.9,
    evidence=("ss_base_model_version",),
    metadata={"name": "x", "trained_words": ["y"]},
)

names = st.none() | st.text()
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
made_entries = st.builds(
    ModelEntry,
    path=st.text(),
    type=st.sampled_from(["LORA", "VAE"]),
    size_bytes=st.integers(0, 2**63),
    sha256=hashes,
    mtime_ns=st.none() | st.integers(),
    tensor_sha256=st.none() | hashes,
    hash_state=st.sampled_from(["verified", "claimed"]),
    state=st.sampled_from(["present", "stale"]),
    ecosystem=names,
    base_model=names,
    confidence=st.none() | st.floats(0, 1),
    evidence=st.lists(st.text(), max_size=2).map(tuple),
    conflicts=st.lists(st.text(), max_size=2).map(tuple),
    metadata=st.none() | st.dictionaries(st.text(), st.text() | st.integers(), max_size=3),
)


def test_an_entry_travels_under_the_names_of_the_protocol() -> None:
    assert FULL.to_wire() == {
        "path": "models/Lora/x.safetensors",
        "type": "LORA",
        "size": 151112345,
        "mtime_ns": 1700000000000000000,
        "sha256": SHA,
        "tensor_sha256": "cd" * 32,
        "hash_state": "claimed",
        "state": "stale",
        "ecosystem": "Pony",
        "base_model": "Pony",
        "confidence": 0.9,
        "evidence": ["ss_base_model_version"],
        "metadata": {"name": "x", "trained_words": ["y"]},
    }


def test_what_is_not_known_does_not_travel() -> None:
    assert ModelEntry("x", "VAE", 0, SHA).to_wire() == {
        "path": "x", "type": "VAE", "size": 0, "sha256": SHA, "hash_state": "verified", "state": "present",
    }  # fmt: skip


def test_the_wire_form_of_an_entry_has_this_digest() -> None:
    """What is left out or added by default is a part of the protocol: it changes the digest."""
    assert to_hex(FULL.digest()) == "2068fb8a9751cdd7"
    assert to_hex(ModelEntry("x", "VAE", 0, SHA).digest()) == "7b7d8e5e41e6f87e"


@given(made_entries)
def test_an_entry_is_read_back_as_it_was(entry: ModelEntry) -> None:
    assert ModelEntry.from_wire(entry.to_wire()) == entry


@given(made_entries)
def test_described_or_not_an_entry_has_one_digest(entry: ModelEntry) -> None:
    short = entry.to_wire(describe=False)
    assert not isinstance(short.get("metadata"), dict)
    assert entry_digest(entry.to_wire()) == entry_digest(short) == entry.digest()
    assert ModelEntry.from_wire(short).digest() == entry.digest()


def test_metadata_may_be_known_by_its_digest_only() -> None:
    digest = metadata_digest({"name": "x"})
    assert ModelEntry.from_wire({**WIRE, "metadata": digest}).metadata == digest
    assert ModelEntry.from_wire({**WIRE, "metadata": digest}).to_wire()["metadata"] == digest


def test_the_least_that_curl_sends_is_enough() -> None:
    entry = ModelEntry.from_wire({"path": "x", "type": "VAE", "size": 0, "autov2": "0123ABCDEF"})
    assert (entry.autov2, entry.sha256, entry.hash_state, entry.state) == ("0123abcdef", None, "claimed", "present")


def test_keys_of_a_newer_version_are_left_alone() -> None:
    assert ModelEntry.from_wire({**WIRE, "colour": "red"}) == ModelEntry.from_wire(WIRE)


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"path": None}, "path", "missing"),
        ({"path": 3}, "path", "a string"),
        ({"type": []}, "type", "a string"),
        ({"size": "3"}, "size", "an integer"),
        ({"size": True}, "size", "an integer"),
        ({"size": 3.0}, "size", "an integer"),
        ({"sha256": None}, "sha256", "missing"),
        ({"sha256": "ab"}, "sha256", "64 hex digits"),
        ({"sha256": "g" * 64}, "sha256", "64 hex digits"),
        ({"tensor_sha256": "ab"}, "tensor_sha256", "64 hex digits"),
        ({"autov2": SHA}, "autov2", "10 hex digits"),
        ({"mtime_ns": "now"}, "mtime_ns", "an integer"),
        ({"hash_state": "sure"}, "hash_state", "one of verified, claimed"),
        ({"state": "gone"}, "state", "one of present, stale"),
        ({"confidence": "high"}, "confidence", "a number"),
        ({"evidence": {}}, "evidence", "an array"),
        ({"conflicts": "x"}, "conflicts", "an array"),
        ({"metadata": "nothing"}, "metadata", "16 hex digits"),
        ({"metadata": []}, "metadata", "an object"),
    ],
)
def test_a_wrong_key_is_named_with_its_place(change: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(MalformedMessageError, match=problem) as caught:
        ModelEntry.from_wire({**WIRE, **change}, "models[3]")
    assert caught.value.field == f"models[3].{field}"


@pytest.mark.parametrize("wire", [None, [], "x", 3])
def test_an_entry_is_an_object(wire: object) -> None:
    with pytest.raises(MalformedMessageError, match=r"models\[3\] must be an object"):
        ModelEntry.from_wire(wire, "models[3]")
